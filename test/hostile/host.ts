/** A source that says whatever it likes: a git repository that git would refuse to write, and a server for it. */
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { answerByGitHttpBackend } from '../../src/demo/git-http-backend.ts';
import { createModuleArchive } from '../../src/demo/module-archive.ts';
import { openRawRepository, type RawRepository } from '../support/raw-repository.ts';
import { sha256 } from '../support/worlds.ts';
import { foldedName, indexLine, listedNames, type Node, nodesOf, writeNodes } from './index-nodes.ts';

export type Transport = 'smart' | 'dumb' | 'file';
/** Which part of the host a request asks. */
export type Area = 'index' | 'archives' | 'others';
/** Answers in its own way and says so, or leaves it to the host. */
export type Trick = (request: IncomingMessage, response: ServerResponse, area: Area) => boolean;

export interface HostileHost {
  readonly url: string;
  readonly indexUrl: string;
  readonly repository: RawRepository;
  /** Files of its index as they were in the beginning, by module. */
  readonly ownFiles: ReadonlyMap<string, string>;
  /** By the path of a request, undecoded. */
  readonly files: Map<string, Buffer>;
  trick: Trick | undefined;
  /** The value of `Authorization` in the last request that had one. */
  readonly credentials: string | undefined;
  /** Whether its index ever had this name, or one that might be taken for it. */
  hasListed(name: string): boolean;
  /** Whether it ever had another name that might be taken for this one. */
  hasListedLike(name: string): boolean;
  /** Makes the nodes its index, and returns the commit. */
  put(nodes: readonly Node[], commit?: Parameters<RawRepository['commit']>[1]): string;
  /** The first commit that it had. */
  readonly firstCommit: string;
  /** Makes whatever it is what the branch names. */
  pointTo(id: string): void;
  /** As in the beginning: its own modules, no tricks. */
  calm(): void;
  /** How many requests are still open. */
  openRequests(): number;
  close(): Promise<void>;
}

const base = [
  ['evil/tool', '1.0.0'],
  ['evil/tool', '1.1.0'],
  ['evil/kit', '0.1.0'],
  ['evil/deep/nested', '2.0.0'],
] as const;

export async function startHostileHost(folder: string, transport: Transport): Promise<HostileHost> {
  const gitDir = join(folder, 'index.git');
  mkdirSync(folder, { recursive: true });
  const repository = openRawRepository(gitDir);
  const files = new Map<string, Buffer>();
  const ownFiles = new Map<string, string>();
  for (const [module, version] of base) {
    const archive = createModuleArchive({ module, version });
    files.set(archivePath(module, version), archive);
    const line = indexLine(module, version, { checksum: sha256(archive) });
    ownFiles.set(module, `${ownFiles.get(module) ?? ''}${line}\n`);
  }
  const ownArchives = new Map(files);
  const sockets = new Set<Socket>();
  const open = new Set<ServerResponse>();
  let credentials: string | undefined;
  /** By folded name. */
  const spellings = new Map<string, Set<string>>();
  let commits = 0;
  const server = createServer((request, response) => {
    open.add(response);
    response.on('close', () => open.delete(response)).on('error', () => undefined);
    credentials = request.headers.authorization ?? credentials;
    const area = areaOf(request.url ?? '');
    if (host.trick?.(request, response, area)) return;
    answerHonestly({ gitDir, folder, files, isDumb: transport === 'dumb' }, request, response, area).catch(
      () => response.destroy(),
    );
  });
  server.on('connection', (socket) => {
    sockets.add(socket.on('error', () => undefined));
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const host: HostileHost = {
    url,
    indexUrl: transport === 'file' ? `file://${gitDir}` : `${url}/git/index`,
    repository,
    ownFiles,
    files,
    firstCommit: '',
    trick: undefined,
    get credentials() {
      return credentials;
    },
    hasListed: (name) => spellings.has(foldedName(name)),
    hasListedLike: (name) => [...(spellings.get(foldedName(name)) ?? [])].some((other) => other !== name),
    put(nodes, commit) {
      for (const name of listedNames(nodes)) {
        const known = spellings.get(foldedName(name)) ?? new Set();
        spellings.set(foldedName(name), known.add(name));
      }
      // A commit that it never had, unless that is what is tried.
      const committer = `${1_700_000_000 + commits++} +0000`;
      return repository.commit(writeNodes(repository, nodes), { committer, ...commit });
    },
    pointTo(id) {
      mkdirSync(join(gitDir, 'refs', 'heads'), { recursive: true });
      writeFileSync(join(gitDir, 'refs', 'heads', 'main'), `${id}\n`);
      writeFileSync(join(gitDir, 'info', 'refs'), `${id}\trefs/heads/main\n`);
    },
    calm() {
      host.trick = undefined;
      files.clear();
      for (const [path, bytes] of ownArchives) files.set(path, bytes);
      for (const name of ['refs', 'packed-refs', 'info/refs'])
        rmSync(join(gitDir, name), { recursive: true, force: true });
      mkdirSync(join(gitDir, 'refs', 'heads'), { recursive: true });
      writeFileSync(join(gitDir, 'HEAD'), 'ref: refs/heads/main\n');
      host.put(nodesOf(ownFiles));
    },
    openRequests: () => open.size,
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  host.calm();
  return Object.assign(host, { firstCommit: host.put(nodesOf(ownFiles)) });
}

/** Where the archive of a version is asked for first. */
export function archivePath(module: string, version: string): string {
  const [owner, ...rest] = module.split('/');
  return `/user/${owner}/${rest.join('%2F')}/${version}.zip`;
}

function areaOf(target: string): Area {
  if (target.startsWith('/git/')) return 'index';
  return target.startsWith('/user/') ? 'archives' : 'others';
}

interface Content {
  readonly gitDir: string;
  readonly folder: string;
  readonly files: ReadonlyMap<string, Buffer>;
  readonly isDumb: boolean;
}

async function answerHonestly(
  { gitDir, folder, files, isDumb }: Content,
  request: IncomingMessage,
  response: ServerResponse,
  area: Area,
): Promise<void> {
  const [path = '', query = ''] = (request.url ?? '').split('?', 2);
  if (area !== 'index') {
    const bytes = files.get(path);
    const type = { 'content-type': 'application/zip' };
    if (bytes === undefined) response.writeHead(404).end();
    else response.writeHead(200, { ...type, 'content-length': bytes.length }).end(bytes);
    return;
  }
  const place = path.slice('/git/index'.length);
  if (isDumb) {
    const file = join(gitDir, place);
    if (!existsSync(file) || !statSync(file).isFile()) response.writeHead(404).end();
    else response.writeHead(200, { 'content-type': 'text/plain' }).end(readFileSync(file));
    return;
  }
  const left = new AbortController();
  response.on('close', () => left.abort());
  const { status, headers, body } = await answerByGitHttpBackend(request, {
    projectRoot: folder,
    path: `/index.git${place}`,
    query,
    signal: left.signal,
  });
  response.writeHead(status, headers).end(body);
}
