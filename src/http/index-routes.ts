import type { Registry } from '../registry/registry.ts';
import { type Answer, type AppRequest, content, problem, type Route } from './answer.ts';
import { formatPackets } from './pkt-line.ts';
import { readRequestBody } from './request-body.ts';
import { busyProblem } from './respond.ts';
import { parseQuery } from './target.ts';
import type { PackAnswer, UploadPack } from './upload-pack.ts';
import { parseGitProtocol, readUploadRequest } from './upload-request.ts';

/** The git index over smart HTTP, protocol v0 to v2 (moon-protocol §2.2; gitprotocol-http). */
export function createIndexRoutes(registry: Registry, uploadPack: UploadPack, maxBodyBytes: number): Route[] {
  return [
    {
      methods: ['GET', 'HEAD'],
      pattern: /^\/git\/index\/info\/refs$/,
      handle: (request) => advertise(registry, uploadPack, request),
      showsStaleness: true,
    },
    {
      methods: ['POST'],
      pattern: /^\/git\/index\/git-upload-pack$/,
      handle: (request) => upload(registry, uploadPack, maxBodyBytes, request),
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
    403,
    'This index is read-only: it aggregates the registries behind it, and takes no pushes.',
  );
}

function smartOnly(): Answer {
  return problem(403, 'This index is a git repository that speaks smart HTTP only.', {
    hint: 'clone it with git 2.0 or later; files of the repository cannot be fetched one by one',
  });
}

async function advertise(registry: Registry, uploadPack: UploadPack, request: AppRequest): Promise<Answer> {
  const service = parseQuery(request.query).get('service');
  if (service === 'git-receive-pack') return readOnly();
  if (service !== 'git-upload-pack') return smartOnly();
  const protocol = parseGitProtocol(request.headers['git-protocol']);
  const commit = await registry.servedCommit();
  const answer = await uploadPack.answer({ commit, protocol, input: undefined }, request.signal);
  // Version 2 begins with its own version line instead (http-backend does the same).
  const banner =
    protocol === 2
      ? Buffer.alloc(0)
      : formatPackets([{ kind: 'data', text: '# service=git-upload-pack' }, { kind: 'flush' }]);
  const whole: PackAnswer =
    answer.kind === 'bytes' ? { kind: 'bytes', bytes: Buffer.concat([banner, answer.bytes]) } : answer;
  return packAnswer(whole, 'application/x-git-upload-pack-advertisement');
}

async function upload(
  registry: Registry,
  uploadPack: UploadPack,
  maxBodyBytes: number,
  request: AppRequest,
): Promise<Answer> {
  const type = request.headers['content-type'];
  if (type !== 'application/x-git-upload-pack-request')
    return problem(415, 'Expected the content type "application/x-git-upload-pack-request".');
  const body = await readRequestBody(request, maxBodyBytes);
  if (body.kind === 'problem') return body;
  const protocol = parseGitProtocol(request.headers['git-protocol']);
  const asked = readUploadRequest(protocol, body.bytes);
  if (asked.kind === 'refused') return problem(asked.status, asked.reason);
  const commit = await registry.servedCommit();
  for (const want of asked.wants) {
    if (want !== commit && !(await registry.isServedCommit(want)))
      return problem(403, `${want} is not a commit that this index serves.`, {
        hint: 'fetch again: the index may have moved on meanwhile',
      });
  }
  const answer = await uploadPack.answer({ commit, protocol, input: asked.bytes }, request.signal);
  return packAnswer(answer, 'application/x-git-upload-pack-result');
}

function packAnswer(answer: PackAnswer, type: string): Answer {
  const headers = { 'Content-Type': type, 'Cache-Control': 'no-cache' };
  switch (answer.kind) {
    case 'bytes':
      return content(200, headers, answer.bytes);
    case 'stream':
      return content(200, headers, { sizeBytes: undefined, open: async () => answer.stream });
    case 'busy':
      return busyProblem('Too many clients are cloning the index at once.', 2000);
    case 'failed':
      return problem(500, 'git could not answer this; the log says why.');
  }
}
