import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Registry } from '../../src/registry/registry.ts';
import { type RunningServer, type ServerOptions, startServer } from '../../src/server/listen.ts';
import { formatPackets, type Packet } from '../../src/support/git/pkt-line.ts';
import { tryGit } from '../support/git-client.ts';
import { type LogEntry, logTo } from '../support/log-entries.ts';
import { createRegistry, readServed } from '../support/registry-world.ts';
import { sha256, startUpstream } from '../support/worlds.ts';

export interface ClientWorld {
  readonly registry: Registry;
  readonly server: RunningServer;
  readonly log: LogEntry[];
  /** `OWNER/NAME@VERSION` → checksum. */
  readonly served: Readonly<Record<string, string>>;
  /** One more version, served. */
  publish(): Promise<void>;
  /** Downloads, lists refs and searches like an ordinary client; throws unless all answers are right. */
  askHealthily(): Promise<void>;
}

export const largeArchive = '/user/alice/large/1.0.0.zip';
const smallArchive = '/user/alice/json/1.0.0.zip';
const largeBytes = 8 * 1024 * 1024;

/** A registry over a real upstream, served over real sockets; its archives are here already. */
export async function createClientWorld(
  root: string,
  options: Partial<ServerOptions> = {},
): Promise<ClientWorld> {
  const upstream = await startUpstream(['alice/json@1.0.0', 'alice/json@1.1.0', 'bob/http@0.1.0']);
  await upstream.publishMany([{ module: 'alice/large', version: '1.0.0', sizeBytes: largeBytes }]);
  const registry = await createRegistry({
    sources: [{ name: 'main', upstream }],
    directory: join(root, randomUUID()),
  });
  await registry.mirror({ patterns: ['*/*'] });
  const log: LogEntry[] = [];
  const server = await startServer(registry, {
    host: '127.0.0.1',
    port: 0,
    log: logTo((entry) => log.push(entry)),
    ...options,
  });
  onTestFinished(() => server.close(0));
  const served = await readServed(registry);
  const publish = async () => {
    await upstream.publish('bob/http@0.2.0');
    await registry.mirror({ patterns: ['*/*'] });
  };
  return { registry, server, log, served, publish, askHealthily: () => askHealthily(server.url, served) };
}

/** Downloads, lists refs and searches like an ordinary client; throws unless all answers are right. */
export async function askHealthily(url: string, served: Readonly<Record<string, string>>): Promise<void> {
  const checksum = sha256(new Uint8Array(await (await fetch(url + smallArchive)).arrayBuffer()));
  const search = (await (await fetch(`${url}/api/v0/search?kw=json`)).json()) as { name: string }[];
  const refs = await tryGit(['ls-remote', `${url}/git/index`]);
  const isRight =
    checksum === served['alice/json@1.0.0'] && search[0]?.name === 'alice/json' && /main\n/.test(refs.stdout);
  if (!isRight) throw new Error(`a healthy client got ${JSON.stringify({ checksum, search, refs })}`);
}

export interface RawClient {
  readonly socket: Socket;
  /** All that has come so far, one character per byte. */
  received(): string;
  /** Resolves when the server has hung up, however it did. */
  readonly closed: Promise<void>;
}

/** A client that sends exactly `bytes` (one character per byte), and reads unless `isDeaf`. */
export async function sendBytes(
  port: number,
  bytes: string | Buffer,
  { isDeaf = false }: { readonly isDeaf?: boolean } = {},
): Promise<RawClient> {
  const chunks: Buffer[] = [];
  const socket = connect({ port, host: '127.0.0.1' });
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('error', () => undefined);
  if (!isDeaf) socket.on('data', (chunk) => chunks.push(chunk));
  await new Promise<void>((resolve) => {
    socket.once('connect', resolve);
    socket.once('close', resolve);
  });
  if (bytes.length > 0) socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  return { socket, closed, received: () => Buffer.concat(chunks).toString('latin1') };
}

/** What comes back until the server hangs up, '' if it only does that; or until this client leaves for its silence. */
export async function exchange(
  port: number,
  bytes: string | Buffer,
  { leaveAfterMs = 20_000 }: { readonly leaveAfterMs?: number } = {},
): Promise<string> {
  const client = await sendBytes(port, bytes);
  client.socket.setTimeout(leaveAfterMs, () => client.socket.destroy());
  await client.closed;
  return client.received();
}

export function get(target: string, headers = 'Connection: close\r\n'): string {
  return `GET ${target} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`;
}

/** `|` is a delimiter, `.` a flush, anything else a line. */
export function packets(...lines: string[]): Buffer {
  return formatPackets(
    lines.map((text): Packet => {
      if (text === '|') return { kind: 'delimiter' };
      return text === '.' ? { kind: 'flush' } : { kind: 'data', text };
    }),
  );
}

/** A request to git's endpoint, gzip or not. */
export function post(body: Buffer, headers: readonly string[] = []): Buffer {
  const head = [
    'POST /git/index/git-upload-pack HTTP/1.1',
    'Host: localhost',
    'Connection: close',
    'Content-Type: application/x-git-upload-pack-request',
    `Content-Length: ${body.length}`,
    ...headers,
  ];
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'), body]);
}

/** The statuses of all answers in what a connection gave back. */
export function statusesOf(received: string): number[] {
  return [...received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
}

export const canCountResources = existsSync('/proc/self/fd');

interface Resources {
  /** Files and sockets, but for `answers`. */
  readonly descriptors: number;
  /** Large answers of git that are kept, each in a file without a name. */
  readonly answers: number;
  readonly children: number;
}

/** What this process holds. */
export function countResources(): Resources {
  const children = readdirSync('/proc').filter(
    (name) => /^\d+$/.test(name) && parentOf(name) === process.pid,
  );
  const targets = readdirSync('/proc/self/fd').map(targetOf);
  const answers = targets.filter((target) => /\.answer\.[^/]*\.tmp \(deleted\)$/.test(target)).length;
  return { descriptors: targets.length - answers, answers, children: children.length };
}

function targetOf(descriptor: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`);
  } catch {
    return '';
  }
}

function parentOf(pid: string): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
}

/** How many files this process may have open, as far as it is known. */
export function descriptorLimit(): number {
  const line = existsSync('/proc/self/limits') ? readFileSync('/proc/self/limits', 'utf8') : '';
  return Number(/^Max open files\s+(\d+)/m.exec(line)?.[1] ?? 256);
}
