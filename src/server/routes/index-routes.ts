import pLimit from 'p-limit';
import { type Answer, type AppRequest, content, problem } from '../../http/answer.ts';
import type { BodyReader } from '../../http/request-body.ts';
import { parseQuery } from '../../http/target.ts';
import type { Pack, PackFailure } from '../../packs/pack-store.ts';
import type { UploadPack } from '../../packs/upload-pack.ts';
import { createUploadRequestReader, parseGitProtocol } from '../../packs/upload-request.ts';
import type { IndexServing } from '../../registry/registry.ts';
import { formatPackets } from '../../support/git/pkt-line.ts';
import type { GuardedRoute } from '../access.ts';
import type { FreshCommit } from '../fresh-commit.ts';
import type { Readiness } from '../readiness.ts';

/** The git index over smart HTTP, protocol v0 to v2 (moon-protocol §2.2; gitprotocol-http). */
export function createIndexRoutes(
  registry: IndexServing,
  servedCommit: FreshCommit,
  uploadPack: Pick<UploadPack, 'packFor'>,
  readiness: Pick<Readiness, 'refusal' | 'refusalAfterFailure'>,
  bodies: BodyReader,
): GuardedRoute[] {
  const context = {
    servedCommit,
    uploadPack,
    readiness,
    readServedCommits: createHistoryReader(registry),
    readRequest: createUploadRequestReader(),
  };
  return [
    {
      methods: ['GET', 'HEAD'],
      pattern: /^\/git\/index\/info\/refs$/,
      handle: async (request) =>
        refuseService(request) ??
        (await readiness.refusal()) ??
        (await advertise({ servedCommit, uploadPack, readiness }, request)),
      showsStaleness: true,
    },
    {
      methods: ['POST'],
      pattern: /^\/git\/index\/git-upload-pack$/,
      handle: async (request) =>
        refuseType(request) ??
        (await readiness.refusal()) ??
        bodies.withBody(request, (body) => upload(context, request, body)),
      showsStaleness: true,
    },
    {
      methods: ['GET', 'HEAD', 'POST'],
      pattern: /^\/git\/index\/git-receive-pack$/,
      handle: async () => readOnly(),
    },
    {
      methods: ['GET', 'HEAD'],
      pattern: /^\/git\/index(\/|$)/,
      handle: async () => smartOnly(),
    },
  ];
}

function readOnly(): Answer {
  return problem(
    'refused',
    'This index is read-only: it aggregates the registries behind it, and takes no pushes.',
  );
}

function smartOnly(): Answer {
  return problem('refused', 'This index is a git repository that speaks smart HTTP only.', {
    hint: 'clone it with git 2.0 or later; files of the repository cannot be fetched one by one',
  });
}

function refuseService(request: AppRequest): Answer | undefined {
  const service = parseQuery(request.query).get('service');
  if (service === 'git-receive-pack') return readOnly();
  return service === 'git-upload-pack' ? undefined : smartOnly();
}

async function advertise(
  { servedCommit, uploadPack, readiness }: Pick<UploadContext, 'servedCommit' | 'uploadPack' | 'readiness'>,
  request: AppRequest,
): Promise<Answer> {
  const protocol = parseGitProtocol(request.headers['git-protocol']);
  const commit = await servedCommit.read();
  const pack = await uploadPack.packFor({ commit, protocol, input: undefined }, request);
  // Version 2 begins with its own version line instead (http-backend does the same).
  const banner =
    protocol === 2
      ? Buffer.alloc(0)
      : formatPackets([{ kind: 'data', text: '# service=git-upload-pack' }, { kind: 'flush' }]);
  const whole: Pack | PackFailure =
    pack.kind === 'bytes' ? { kind: 'bytes', bytes: Buffer.concat([banner, pack.bytes]) } : pack;
  return answerPack(whole, 'application/x-git-upload-pack-advertisement', readiness);
}

function refuseType({ headers }: AppRequest): Answer | undefined {
  if (headers['content-type'] === 'application/x-git-upload-pack-request') return undefined;
  return problem('unsupported-type', 'Expected the content type "application/x-git-upload-pack-request".');
}

/** One at a time: the first may have to ask git for the history, and the others find it read. */
function createHistoryReader(registry: IndexServing): IndexServing['servedCommits'] {
  const inTurn = pLimit(1);
  return () => inTurn(() => registry.servedCommits());
}

interface UploadContext {
  readonly servedCommit: FreshCommit;
  readonly uploadPack: Pick<UploadPack, 'packFor'>;
  readonly readiness: Pick<Readiness, 'refusalAfterFailure'>;
  readonly readServedCommits: IndexServing['servedCommits'];
  readonly readRequest: ReturnType<typeof createUploadRequestReader>;
}

async function upload(
  { servedCommit, uploadPack, readiness, readServedCommits, readRequest }: UploadContext,
  request: AppRequest,
  body: Buffer,
): Promise<Answer> {
  const protocol = parseGitProtocol(request.headers['git-protocol']);
  const asked = readRequest(protocol, body);
  if (asked.kind !== 'accepted') return problem(asked.kind, asked.reason);
  const commit = servedCommit.glance() ?? (await servedCommit.read());
  const isOfTip = !asked.hasKnown && asked.wants.every((want) => want === commit);
  const served = isOfTip ? new Set([commit]) : await readServedCommits();
  const hidden = asked.wants.find((want) => want !== commit && !served.has(want));
  if (hidden !== undefined)
    return problem('refused', `${hidden} is not a commit that this index serves.`, {
      hint: 'fetch again: the index may have moved on meanwhile',
    });
  const pack = await uploadPack.packFor({ commit, protocol, input: asked.within(served) }, request);
  return answerPack(pack, 'application/x-git-upload-pack-result', readiness);
}

async function answerPack(
  pack: Pack | PackFailure,
  type: string,
  readiness: Pick<Readiness, 'refusalAfterFailure'>,
): Promise<Answer> {
  const headers = { 'Content-Type': type, 'Cache-Control': 'no-cache' };
  switch (pack.kind) {
    case 'bytes':
      return content('whole', headers, pack.bytes);
    case 'stream':
      return content('whole', headers, { sizeBytes: pack.sizeBytes, open: async () => pack.stream });
    case 'busy':
      return problem('busy', 'Too many clients are cloning the index at once.', { retryAfterMs: 2000 });
    case 'refused':
      return problem('malformed', pack.reason);
    case 'failed':
      return (
        (await readiness.refusalAfterFailure()) ??
        problem('unforeseen', 'git could not answer this; the log says why.')
      );
  }
}
