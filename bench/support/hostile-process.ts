import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { constants, setPriority } from 'node:os';
import { join } from 'node:path';
import { answerByGitHttpBackend } from '../../src/demo/git-http-backend.ts';
import { formatIndexLine } from '../../src/demo/index-line.ts';
import { nodesOf, writeNodes } from '../../test/hostile/index-nodes.ts';
import { bombTree, openRawRepository, type RawRepository } from '../../test/support/raw-repository.ts';

export type HostileKind = 'bomb' | 'zeros' | 'side-band' | 'blank-lines' | 'assets' | 'hanging' | 'endless';

export interface HostileSettings {
  /** A folder for its repository. */
  readonly directory: string;
  readonly kind: HostileKind;
  readonly size: HostileSize;
}

/** How much of each it has. */
export interface HostileSize {
  readonly zeroBytes: number;
  readonly blankLines: number;
  readonly assetBytes: number;
  /** Of one module, and again of `hangingModules` together. */
  readonly versions: number;
}

export const hostileModule = 'evil/tool';
export const hangingModules = 50;

/** A source that behaves until it is told otherwise by a line on stdin, and until that ends. */
export async function serveHostile({ directory, kind, size }: HostileSettings): Promise<void> {
  // In the field it is another machine's processor that it takes.
  setPriority(constants.priority.PRIORITY_LOW);
  const repository = openRawRepository(join(directory, 'index.git'));
  const versions = Array.from({ length: size.versions }, (_, at) => `1.0.${at}`);
  const lines = versions.map((version) =>
    formatIndexLine({
      name: hostileModule,
      version,
      checksum: createHash('sha256').update(version).digest('hex'),
    }),
  );
  const files = new Map<string, string | Buffer>([[hostileModule, `${lines.join('\n')}\n`]]);
  for (let at = 0; at < 6; at++) files.set(`evil/m${at}`, `${lines[0]}\n`);
  for (let at = 0; at < hangingModules; at++)
    files.set(`evil/hang${at}`, `${lines.slice(0, Math.ceil(size.versions / hangingModules)).join('\n')}\n`);
  repository.commit(writeNodes(repository, nodesOf(files)));
  const asset = Buffer.alloc(kind === 'assets' ? size.assetBytes : 0, 'wasm');
  const sum = createHash('sha256').update(asset).digest('hex');
  let isHostile = false;

  const server = createServer((request, response) => {
    response.on('error', () => undefined);
    answer(request, response).catch(() => response.destroy());
  });
  server.on('connection', (socket) => socket.on('error', () => undefined));

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = request.url ?? '';
    if (url.startsWith('/git/')) {
      if (isHostile && kind === 'side-band') {
        delete request.headers['git-protocol'];
        if (request.method === 'POST') return floodSideBand(request, response);
      }
      return answerGit(directory, request, response);
    }
    if (url.endsWith('.wasm.sha256')) response.end(`${sum}  main.wasm\n`);
    else if (url.endsWith('.wasm')) response.writeHead(200, { 'content-length': asset.length }).end(asset);
    else if (url.startsWith('/user/') && kind === 'hanging') return;
    else if (url.startsWith('/user/') && kind === 'endless') floodArchive(response);
    else response.writeHead(404).end();
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  process.stdin.on('end', () => process.exit());
  process.stdin.on('data', () => {
    isHostile = true;
    turn(kind, repository, files, size);
    console.log('it is hostile');
  });
  console.log(`hostile at http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}

/** Makes its index what the kind says. */
function turn(
  kind: HostileKind,
  repository: RawRepository,
  files: ReadonlyMap<string, string | Buffer>,
  size: HostileSize,
): void {
  const put = (changed: ReadonlyMap<string, string | Buffer>) =>
    repository.commit(writeNodes(repository, nodesOf(changed)));
  if (kind === 'bomb') {
    const leaf = [{ mode: '100644', name: 'x.index', id: repository.blob('x') }];
    repository.commit(bombTree(repository, 8, 1000, leaf));
  } else if (kind === 'zeros') put(new Map([...files, ['evil/zeros', Buffer.alloc(size.zeroBytes)]]));
  else if (kind === 'side-band') put(new Map([...files, ['evil/new', 'x\n']]));
  else if (kind === 'blank-lines') {
    const blank = '\n'.repeat(size.blankLines);
    put(new Map([...files].map(([module, file]) => [module, /m\d$/.test(module) ? blank : file])));
  }
}

async function answerGit(
  directory: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const [path = '', query = ''] = (request.url ?? '').split('?', 2);
  const left = new AbortController();
  response.on('close', () => left.abort());
  const place = { projectRoot: directory, path: path.replace('/git/index', '/index.git'), query };
  const { status, headers, body } = await answerByGitHttpBackend(request, { ...place, signal: left.signal });
  response.writeHead(status, headers).end(body);
}

function floodSideBand(request: IncomingMessage, { socket }: ServerResponse): void {
  const wanted: Buffer[] = [];
  request.on('data', (chunk: Buffer) => wanted.push(chunk));
  request.on('end', () => {
    const id = /want ([0-9a-f]{40})/.exec(Buffer.concat(wanted).toString('latin1'))?.[1] ?? '';
    const head =
      'HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-result\r\nConnection: close\r\n\r\n';
    socket?.write(`${head}0035shallow ${id}00000008NAK\n`);
    const text = Buffer.alloc(65_515, 'what git is told\n');
    const piece = Buffer.concat([Buffer.from('fff0\x02', 'latin1'), text]);
    if (socket) flood(socket, piece);
  });
}

function floodArchive({ socket }: ServerResponse): void {
  socket?.write('HTTP/1.1 200 OK\r\nContent-Type: application/zip\r\nConnection: close\r\n\r\nPK\x03\x04');
  if (socket) flood(socket, Buffer.alloc(64 * 1024, 1));
}

function flood(socket: Socket, piece: Buffer): void {
  const go = () => {
    while (!socket.destroyed && socket.writable)
      if (!socket.write(piece)) return void socket.once('drain', go);
  };
  go();
}
