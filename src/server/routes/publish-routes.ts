import { type Answer, type AppRequest, type ProblemAnswer, problem } from '../../http/answer.ts';
import { readForm } from '../../http/multipart.ts';
import { statusOf } from '../../http/status.ts';
import { type PublishOutcome, publishAnswer } from '../../registry/hosting/publish-outcome.ts';
import type { Publishing } from '../../registry/hosting/publishing.ts';
import type { Upload } from '../../registry/hosting/upload.ts';
import type { Settings } from '../../registry/registry.ts';
import type { Log } from '../../support/log.ts';
import type { Access, Caller, GuardedRoute } from '../access.ts';
import { createUploadPlaces } from '../upload-places.ts';
import { judgeHolder } from './may-publish.ts';
import { readPublishForm } from './publish-form.ts';

export interface PublishOptions {
  readonly access: Pick<Access, 'recognise' | 'judgeAct'>;
  readonly log: Log;
  /** Whether the log is told which parts each request has: names and sizes, no values. */
  readonly records: boolean;
}

type PublishingRegistry = Settings & { readonly publishing: Publishing };

const formLimits = { fields: 10, fieldBytes: 4096, files: 100 };

/** `POST /api/v0/publish`, as `moon publish` sends it (moon-protocol §6, §14); `file` may be repeated: all of them or none. */
export function createPublishRoutes(registry: PublishingRegistry, options: PublishOptions): GuardedRoute[] {
  const places = createUploadPlaces();
  return [
    {
      methods: ['POST'],
      pattern: /^\/api\/v0\/publish$/,
      need: () => ({ kind: 'own' }),
      async handle(request, caller) {
        if (registry.config.hosting.namespaces.length === 0) return nothingHosted;
        const isKnown = caller.principal.kind === 'token';
        const giveBack = places.take({ isKnown, address: caller.address });
        if (!giveBack)
          return problem('busy', 'Too many archives are being published at once.', { retryAfterMs: 2000 });
        try {
          return await answerPublish(registry, options, request, caller);
        } finally {
          giveBack();
        }
      },
    },
  ];
}

const nothingHosted = problem('absent', 'Nothing may be published here.', {
  hint: 'whoever operates this registry says in [hosting] of registry.toml what may be: namespaces = ["company/*"]',
});

async function answerPublish(
  registry: PublishingRegistry,
  { access, log, records }: PublishOptions,
  request: AppRequest,
  caller: Caller,
): Promise<Answer> {
  const { publishing, config } = registry;
  const received: Upload[] = [];
  try {
    const form = await readForm<Upload | undefined>(request, formLimits, async (name, body) => {
      if (name !== 'file') {
        body.resume();
        return undefined;
      }
      const upload = await publishing.receive(body);
      if (upload) received.push(upload);
      return upload ?? 'stop';
    });
    if (form.kind === 'stopped')
      return answer({ kind: 'too-large', maxBytes: config.hosting.maxArchiveBytes });
    if (form.kind === 'malformed') return answer({ kind: 'bad-request', reason: form.reason });
    if (records) log.info('publish request', { id: request.id, parts: JSON.stringify(form.parts) });
    const asked = readPublishForm(form, request);
    if (typeof asked === 'string') return answer({ kind: 'bad-request', reason: asked });
    const asking = asked.token === undefined ? caller : await access.recognise(asked.token, request.client);
    const { principal } = asking;
    if (principal.kind === 'anonymous') return refuseAnonymous(access.judgeAct(asking, 'publish', ''));
    const outcome = await publishing.publish(asked.uploads, {
      by: { token: principal.name, owner: principal.owner, oidc: principal.oidc },
      judge: judgeHolder(principal),
      isDryRun: asked.isDryRun,
    });
    return answer(outcome, received.length);
  } finally {
    await Promise.all(received.map((upload) => upload.remove()));
  }
}

/** `archives`: of how many. A registry that takes one alone says nothing of it: whoever sent several can tell them apart. */
function answer(outcome: PublishOutcome, archives = 0): Answer {
  const { status, headers, body } = publishAnswer(outcome);
  const isDone = outcome.kind === 'published' || outcome.kind === 'already-published';
  const taken = isDone ? { 'Published-Archives': String(archives) } : {};
  const closing = outcome.kind === 'too-large' ? { Connection: 'close' } : {};
  return {
    kind: 'content',
    status,
    headers: { ...headers, ...closing, ...taken, 'Cache-Control': 'no-store' },
    body: Buffer.from(body),
  };
}

/** The guard knows why; the official words say less. */
function refuseAnonymous(refusal: ProblemAnswer | undefined): Answer {
  if (refusal?.outcome === 'busy') return refusal;
  if (refusal?.status === statusOf['too-many-attempts'])
    return answer({ kind: 'too-many-requests', retryAfterSeconds: Number(refusal.headers['Retry-After']) });
  return answer({ kind: 'unauthenticated' });
}
