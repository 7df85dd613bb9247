import { spawn } from 'node:child_process';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { buffer as readBuffer } from 'node:stream/consumers';
import { gitEnvironment, ignoreBrokenPipe, runGit } from '../support/git/git.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface GitPlace {
  readonly projectRoot: string;
  /** Decoded path below the project root: `/index.git/info/refs`. */
  readonly path: string;
  readonly query: string;
  /** What was sent, where it has been read already. */
  readonly body?: Buffer | undefined;
  readonly signal: AbortSignal;
}

let backend: Promise<string> | undefined;

/** The program itself: `git http-backend` is one process more for each request. */
function findBackend(): Promise<string> {
  backend ??= runGit(['--exec-path']).then((folder) => join(folder.toString().trim(), 'git-http-backend'));
  return backend;
}

/** Answers one git request by stock `git http-backend`, run as the CGI program it is (RFC 3875). */
export async function answerByGitHttpBackend(request: IncomingMessage, place: GitPlace): Promise<Answer> {
  const child = spawn(await findBackend(), [], {
    env: cgiEnvironment(request, place),
    stdio: ['pipe', 'pipe', 'ignore'],
    signal: place.signal,
    killSignal: 'SIGKILL',
  });
  const failed = new Promise<never>((_, reject) => child.on('error', reject));
  child.stdin.on('error', ignoreBrokenPipe);
  if (place.body) child.stdin.end(place.body);
  else request.pipe(child.stdin);
  return parseCgiAnswer(await Promise.race([readBuffer(child.stdout), failed]));
}

function cgiEnvironment(request: IncomingMessage, place: GitPlace): NodeJS.ProcessEnv {
  const { headers } = request;
  return {
    ...gitEnvironment(),
    GIT_PROJECT_ROOT: place.projectRoot,
    GIT_HTTP_EXPORT_ALL: '1',
    GIT_PROTOCOL: headers['git-protocol']?.toString(),
    PATH_INFO: place.path,
    QUERY_STRING: place.query,
    REQUEST_METHOD: request.method,
    CONTENT_TYPE: headers['content-type'],
    CONTENT_LENGTH: headers['content-length'],
    HTTP_CONTENT_ENCODING: headers['content-encoding'],
    REMOTE_ADDR: '127.0.0.1',
  };
}

function parseCgiAnswer(output: Buffer): Answer {
  const end = output.indexOf('\r\n\r\n');
  if (end < 0) return answer(500, 'git http-backend gave no headers');
  const headers = new Map<string, string>();
  for (const line of output.toString('latin1', 0, end).split('\r\n')) {
    const colon = line.indexOf(':');
    headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  const status = Number.parseInt(headers.get('status') ?? '200', 10);
  headers.delete('status');
  return { status, headers: Object.fromEntries(headers), body: output.subarray(end + 4) };
}

export function answer(status: number, body: string | Buffer, headers: Record<string, string> = {}): Answer {
  return { status, headers: { 'content-type': 'text/plain', ...headers }, body: Buffer.from(body) };
}
