import {
  type Answer,
  type AppRequest,
  content,
  json,
  type ProblemAnswer,
  problem,
} from '../../http/answer.ts';
import { createBodyReader } from '../../http/request-body.ts';
import type { Checksum } from '../../model/checksum.ts';
import { reasonProblem } from '../../model/reason.ts';
import { mayFor, type TokenHolder } from '../../registry/access/permissions.ts';
import type { Approver } from '../../registry/hosting/publication.ts';
import { describeContents, describeStaged } from '../../registry/hosting/staging/describe-staged.ts';
import type { StagedPublication, Staging } from '../../registry/hosting/staging/staging.ts';
import { isOfSame } from '../../registry/hosting/staging/stagings.ts';
import { parseJson } from '../../support/parse-json.ts';
import type { Access, Caller, GuardedRoute, Need } from '../access.ts';
import { wireAnswer } from './wire-answer.ts';

interface StagedOptions {
  readonly access: Pick<Access, 'judgeAct'>;
  readonly allBodiesBytes: number;
}

const noStore = { 'Cache-Control': 'no-store' };
const idPath = '/api/v0/staged/([0-9a-f]{64})';

/**
 * What waits for approval, and deciding about it. Whoever may publish a module, or decide about it (`admin`), sees what waits of it;
 * an id is of bytes, so who approves one has said which.
 */
export function createStagedRoutes(
  { staging }: { readonly staging: Staging },
  { access, allBodiesBytes }: StagedOptions,
): GuardedRoute[] {
  const bodies = createBodyReader({ bodyBytes: 16 * 1024, allBodiesBytes });
  const { look, decide } = createStagedGuard(staging, access);
  return [
    {
      methods: ['GET'],
      pattern: /^\/api\/v0\/staged$/,
      need: ownNeed,
      async handle(_, caller) {
        const { principal } = caller;
        if (principal.kind === 'anonymous' || !(principal.grants.admin ?? principal.grants.publish))
          return access.judgeAct(caller, 'admin', '') ?? nothingThere;
        const seen = (await staging.list()).filter((one) => maySee(principal, one));
        return json({ staged: seen.map((one) => describeStaged(one)) }, noStore);
      },
    },
    look(idPath, async (staged) => json(describeStaged(staged), noStore)),
    look(`${idPath}/contents`, async ({ id }) => {
      const details = await staging.show(id);
      return details ? json(describeContents(details), noStore) : nothingThere;
    }),
    look(`${idPath}/archives/[0-9a-f]{64}`, async ({ id }, { path }) => {
      const bytes = await staging.read(id, (path.split('/')[6] ?? '') as Checksum);
      return bytes
        ? content('whole', { ...noStore, 'Content-Type': 'application/zip' }, bytes)
        : nothingThere;
    }),
    decide('approve', async (request, holder) =>
      wireAnswer(await staging.approve(idOf(request), approverOf(holder))),
    ),
    decide('reject', (request, holder) =>
      bodies.withBody(request, async (bytes) => {
        const reason = readReason(bytes.toString('utf8'));
        if (typeof reason !== 'string') return reason;
        const failure = await staging.reject(idOf(request), approverOf(holder), reason);
        return failure ? wireAnswer(failure) : json({ status: 'ok' }, noStore);
      }),
    ),
  ];
}

const ownNeed = (): Need => ({ kind: 'own' });

/** Makes routes about one of them. Whoever may not see it hears that there is no such thing. */
function createStagedGuard(staging: Pick<Staging, 'find'>, access: StagedOptions['access']) {
  async function guard(request: AppRequest, caller: Caller, act: Seen): Promise<Answer> {
    const { principal } = caller;
    if (principal.kind === 'anonymous') return access.judgeAct(caller, 'admin', '') ?? nothingThere;
    const staged = await staging.find(idOf(request));
    return staged && maySee(principal, staged) ? act(staged, principal) : nothingThere;
  }
  return {
    look: (path: string, tell: Tell): GuardedRoute => ({
      methods: ['GET'],
      pattern: new RegExp(`^${path}$`),
      need: ownNeed,
      handle: (request, caller) => guard(request, caller, (staged) => tell(staged, request)),
    }),
    decide: (action: 'approve' | 'reject', act: Act): GuardedRoute => ({
      methods: ['POST'],
      pattern: new RegExp(`^${idPath}/${action}$`),
      need: ownNeed,
      handle: (request, caller) =>
        guard(request, caller, async ({ versions, owner }, holder) => {
          // Who sent it may take it back.
          const isOwn = action === 'reject' && isOfSame(holder.owner, owner);
          const refusals = versions.map(({ module }) => access.judgeAct(caller, 'admin', module));
          const refusal = isOwn ? undefined : refusals.find((one) => one !== undefined);
          return refusal ?? act(request, holder);
        }),
    }),
  };
}

type Seen = (staged: StagedPublication, holder: TokenHolder) => Promise<Answer>;
type Tell = (staged: StagedPublication, request: AppRequest) => Promise<Answer>;
type Act = (request: AppRequest, holder: TokenHolder) => Promise<Answer>;

const nothingThere = problem('absent', 'Nothing waits for approval under this id.', {
  hint: 'moonbit-registry staged list',
});

/** The pattern of the route has seen to its form. */
function idOf({ path }: AppRequest): Checksum {
  return (path.split('/')[4] ?? '') as Checksum;
}

function approverOf({ name, owner }: TokenHolder): Approver {
  return { kind: 'token', token: name, owner };
}

function maySee(holder: TokenHolder, { versions }: StagedPublication): boolean {
  return (['admin', 'publish'] as const).some((permission) =>
    versions.every(({ module }) => mayFor(holder, permission, module)),
  );
}

function readReason(body: string): string | ProblemAnswer {
  const sent = parseJson(body);
  const isSent = typeof sent === 'object' && sent !== null && 'reason' in sent;
  const reason = isSent && typeof sent.reason === 'string' ? sent.reason.trim() : '';
  const why = reason === '' ? 'is missing' : reasonProblem(reason);
  if (why === undefined) return reason;
  return problem('malformed', `The "reason" ${why}.`, {
    hint: 'send {"reason": "…"}: whoever sent the archive reads it',
  });
}
