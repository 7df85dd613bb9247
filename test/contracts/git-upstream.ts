/**
 * A registry for contract tests: real git repositories and plain files on loopback, with a switch for everything
 * that can go wrong, and a record of what was asked.
 */
import { execFileSync, spawn } from 'node:child_process';
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream';

const backend = join(execFileSync('git', ['--exec-path']).toString().trim(), 'git-http-backend');

export type Handler = (request: IncomingMessage, response: ServerResponse) => boolean | undefined;

export interface Upstream {
  readonly url: string;
  readonly server: Server;
  /** Method and raw target of every request, in order. */
  readonly seen: { readonly target: string; readonly headers: IncomingMessage['headers'] }[];
  /** Answers first; `true` when it did. */
  handler: Handler | undefined;
  /** Required value of `Authorization`. */
  authorization: string | undefined;
  close(): Promise<void>;
}

/** Serves the repositories below `root` over smart HTTP at `/git/…`, and its files as they are at any other path. */
export async function startUpstream(root: string): Promise<Upstream> {
  const server = createServer((request, response) => {
    upstream.seen.push({ target: `${request.method} ${request.url}`, headers: request.headers });
    if (upstream.handler?.(request, response)) return;
    if (upstream.authorization !== undefined && request.headers.authorization !== upstream.authorization) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
    } else if (request.url?.startsWith('/git/')) serveGit(root, request, response);
    else serveFile(root, request, response);
  });
  const upstream: Upstream = {
    url: await listenOn(server),
    server,
    seen: [],
    handler: undefined,
    authorization: undefined,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  return upstream;
}

/** Accepts connections and never says a word. */
export async function startBlackHole(): Promise<{ readonly url: string; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket.on('error', () => {}));
  });
  const url = await listenOn(server);
  return {
    url,
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** Commits exactly `files` to a branch of a bare repository, made if need be; returns the commit. */
export function commitFiles(
  repository: string,
  files: Readonly<Record<string, string>>,
  options: { readonly branch?: string; readonly isRoot?: boolean } = {},
): string {
  const branch = options.branch ?? 'main';
  const git = (args: readonly string[], input?: string) =>
    execFileSync('git', args, { cwd: repository, input, stdio: ['pipe', 'pipe', 'ignore'] })
      .toString()
      .trim();
  if (!existsSync(repository)) execFileSync('git', ['init', '-q', '--bare', '-b', branch, repository]);
  const ref = `refs/heads/${branch}`;
  const exists = git(['for-each-ref', ref]) !== '';
  const changes = Object.entries(files).map(([path, text]) => `M 100644 inline ${path}\n${data(text)}`);
  const parent = exists && !options.isRoot ? `from ${ref}^0\ndeleteall\n` : '';
  const commit = `commit refs/heads/${branch}\ncommitter t <t@example.com> ${clock++} +0000\n${data('x')}`;
  if (options.isRoot && exists) git(['update-ref', '-d', ref]);
  git(['fast-import', '--quiet', '--force'], `${commit}${parent}${changes.join('')}`);
  git(['update-server-info']);
  return git(['rev-parse', ref]);
}

let clock = 1_700_000_000;

function data(text: string): string {
  return `data ${Buffer.byteLength(text)}\n${text}\n`;
}

function serveGit(root: string, request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? '/', 'http://x');
  const child = spawn(backend, [], {
    env: {
      ...process.env,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: url.pathname.slice('/git'.length),
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: request.method ?? 'GET',
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
      GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
      REMOTE_ADDR: '127.0.0.1',
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  child.stdin.on('error', () => {});
  request.pipe(child.stdin);
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.on('close', () => {
    const output = Buffer.concat(chunks);
    const end = output.indexOf('\r\n\r\n');
    const headers = output
      .toString('latin1', 0, end)
      .split('\r\n')
      .map((line) => line.split(': ', 2));
    for (const [name = '', value = ''] of headers)
      if (name === 'Status') response.statusCode = Number.parseInt(value, 10);
      else response.setHeader(name, value);
    response.end(output.subarray(end + 4));
  });
}

/** Names on the disk are the raw ones of the URL, encoded as they came. */
function serveFile(root: string, request: IncomingMessage, response: ServerResponse): void {
  const path = join(root, (request.url ?? '/').replace(/\?.*$/, ''));
  if (!existsSync(path) || !statSync(path).isFile()) {
    response.writeHead(404).end('no such file');
    return;
  }
  response.writeHead(200, {
    'content-length': statSync(path).size,
    'content-type': 'application/octet-stream',
  });
  pipeline(createReadStream(path), response, () => {});
}

async function listenOn(server: Server | ReturnType<typeof createTcpServer>): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
