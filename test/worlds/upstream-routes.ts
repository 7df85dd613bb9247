import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { buffer as readBuffer } from 'node:stream/consumers';
import { type Answer, answer, answerByGitHttpBackend } from '../../src/demo/git-http-backend.ts';
import { isVersion2, rememberAdvertisement } from './advertised-refs.ts';
import type { ArchiveShelf } from './archive-shelf.ts';

export type UpstreamAuth =
  | { readonly type: 'basic'; readonly username: string; readonly password: string }
  | { readonly type: 'bearer'; readonly token: string };

/** What an embedded registry serves. */
export interface UpstreamContent {
  /** Path before every other: '' or `/registry`. */
  readonly basePath: string;
  /** Directory that holds the bare repository `index.git`. */
  readonly directory: string;
  readonly shelf: ArchiveShelf;
  /** By `OWNER/NAME@VERSION/[PACKAGE/]FILE`. */
  readonly assets: ReadonlyMap<string, Buffer>;
  readonly symbols: Buffer | undefined;
  readonly auth: UpstreamAuth | undefined;
  /** Serves the index as plain files, as a static host would. */
  readonly isDumb: boolean;
}

/** The part of the registry that a raw request target asks: what faults can be limited to. */
export function areaOfTarget(basePath: string, target: string): 'index' | 'archives' | 'other' {
  const path = target.slice(basePath.length);
  if (path.startsWith('/git/index')) return 'index';
  return path.startsWith('/user/') ? 'archives' : 'other';
}

/** Answers a request as the official registry and its archive host would (moon-protocol §2.2 and §3 to §5). */
export async function answerFromContent(
  content: UpstreamContent,
  request: IncomingMessage,
  signal: AbortSignal,
): Promise<Answer> {
  if (!isAuthorized(content.auth, request.headers.authorization)) {
    const scheme = content.auth?.type === 'bearer' ? 'Bearer' : 'Basic';
    return answer(401, 'credentials are needed', { 'www-authenticate': `${scheme} realm="upstream"` });
  }
  const [target = '', query = ''] = (request.url ?? '').split('?', 2);
  if (!target.startsWith(content.basePath)) return notFound();
  const path = target.slice(content.basePath.length);
  if (path.startsWith('/git/index')) return answerIndex(content, request, { path, query, signal });
  if (request.method !== 'GET' && request.method !== 'HEAD') return answer(405, 'read only');
  if (path.startsWith('/user/') && path.endsWith('.zip')) return answerArchive(content, path, request);
  if (path === '/symbols.zip')
    return content.symbols ? answerConditionally(content.symbols, request) : notFound();
  const asset = /^\/(?:assets|prebuild)\/(.+)$/.exec(path)?.[1];
  return asset === undefined ? notFound() : answerAsset(content, decodePath(asset) ?? '');
}

const uploadPack = 'service=git-upload-pack';

async function answerIndex(
  content: UpstreamContent,
  request: IncomingMessage,
  { path, query, signal }: { path: string; query: string; signal: AbortSignal },
): Promise<Answer> {
  if (content.isDumb && request.method === 'POST') return answer(405, 'these are plain files');
  const place = {
    projectRoot: content.directory,
    path: path.replace('/git/index', '/index.git'),
    query: content.isDumb ? '' : query,
    signal,
  };
  const repository = join(content.directory, 'index.git');
  const protocol = request.headers['git-protocol']?.toString() ?? '';
  if (request.method === 'GET' && place.path === '/index.git/info/refs' && place.query === uploadPack)
    return rememberAdvertisement(repository, { protocol }, () => answerByGitHttpBackend(request, place));
  if (!isShortCommand(request, place.path, protocol)) return answerByGitHttpBackend(request, place);
  const body = await readBuffer(request);
  const ask = () => answerByGitHttpBackend(request, { ...place, body });
  return body.includes('command=ls-refs\n')
    ? rememberAdvertisement(repository, { protocol, lsRefs: body }, ask)
    : ask();
}

/** Whether it may be `ls-refs`, which is plain and short. */
function isShortCommand({ method, headers }: IncomingMessage, path: string, protocol: string): boolean {
  const isCommand = method === 'POST' && path === '/index.git/git-upload-pack' && isVersion2(protocol);
  return isCommand && !headers['content-encoding'] && Number(headers['content-length']) < 4096;
}

/**
 * An object store reads a literal `+` as a space, so such a request finds nothing; `%2F` and `/` are the same
 * (moon-protocol §3).
 */
async function answerArchive(
  content: UpstreamContent,
  path: string,
  request: IncomingMessage,
): Promise<Answer> {
  const parts =
    decodePath(path.slice('/user/'.length, -'.zip'.length).replaceAll('+', ' '))?.split('/') ?? [];
  const id = `${parts.slice(0, -1).join('/')}@${parts.at(-1)}`;
  const archive = await content.shelf.read(id);
  if (!archive) return notFound();
  return answerConditionally(archive.bytes, request, archive.checksum);
}

function answerAsset(content: UpstreamContent, path: string): Answer {
  const asset = content.assets.get(path);
  if (asset) return answer(200, asset, { 'content-type': 'application/wasm' });
  const summed = path.endsWith('.sha256') ? content.assets.get(path.slice(0, -'.sha256'.length)) : undefined;
  return summed ? answer(200, `${sha256(summed)}  ${path.split('/').at(-1)?.slice(0, -7)}\n`) : notFound();
}

/** Knows `If-None-Match` and one byte range, as object stores do. */
function answerConditionally(bytes: Buffer, request: IncomingMessage, checksum = sha256(bytes)): Answer {
  const etag = `"${checksum}"`;
  const headers = { 'content-type': 'application/zip', etag, 'accept-ranges': 'bytes' };
  if (request.headers['if-none-match'] === etag) return { status: 304, headers, body: Buffer.alloc(0) };
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  const ifRange = request.headers['if-range'];
  if (!range || (ifRange !== undefined && ifRange !== etag)) return { status: 200, headers, body: bytes };
  const start = Number(range[1]);
  const end = Math.min(range[2] ? Number(range[2]) : bytes.length - 1, bytes.length - 1);
  if (start > end) return answer(416, '', { 'content-range': `bytes */${bytes.length}` });
  return {
    status: 206,
    headers: { ...headers, 'content-range': `bytes ${start}-${end}/${bytes.length}` },
    body: bytes.subarray(start, end + 1),
  };
}

function isAuthorized(auth: UpstreamAuth | undefined, header: string | undefined): boolean {
  if (!auth) return true;
  if (auth.type === 'bearer') return header === `Bearer ${auth.token}`;
  return header === `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}`;
}

function decodePath(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

function notFound(): Answer {
  return answer(404, 'NoSuchKey');
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
