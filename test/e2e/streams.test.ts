/** The built program where nobody reads what it says, the disk of its log is full, and signals reach a whole group of processes. */
import { type ChildProcess, execFileSync, fork, spawn } from 'node:child_process';
import { on, once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { expect, onTestFinished, test, vi } from 'vitest';
import { entry } from '../support/run-cli.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { sha256, startUpstream } from '../support/worlds.ts';
import { createCliRegistry } from './cli-registry.ts';

const patience = { timeout: 20_000, interval: 20 };

interface Started {
  readonly child: ChildProcess;
  readonly url: string;
  /** The exit status, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
  output(): string;
  /** As a terminal, or systemd, sends it: to the process and all it has started. */
  signalGroup(signal: NodeJS.Signals): void;
}

/** Starts `serve` at the head of a group of processes; its stderr goes to `stderr`. */
async function serve(directory: string, words: readonly string[], stderr: 'pipe' | number): Promise<Started> {
  const child = spawn(process.execPath, [entry, 'serve', '--port', '0', ...words], {
    cwd: directory,
    env: { ...process.env, HOME: directory },
    detached: true,
    stdio: ['ignore', 'pipe', stderr],
  });
  let said = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const ended = once(child, 'exit').then(([code, signal]) => signal ?? code);
  const signalGroup = (signal: NodeJS.Signals) => {
    if (child.pid !== undefined) process.kill(-child.pid, signal);
  };
  onTestFinished(async () => {
    if (child.exitCode === null && child.signalCode === null) signalGroup('SIGKILL');
    await ended;
  });
  const url = await vi.waitFor(() => {
    const found = /(http:\/\/localhost:\d+)\s/.exec(said)?.[1];
    if (found === undefined) throw new Error(`it does not serve: ${said}`);
    return found;
  }, patience);
  return { child, url, ended, output: () => said, signalGroup };
}

/** A registry that refuses whatever is asked, and logs that. */
async function createRefusing(): Promise<string> {
  const upstream = await startUpstream([]);
  return (await createCliRegistry({ sources: [{ name: 'main', upstream }], runner: 'here' })).directory;
}

/** So many requests on one connection for a name that there cannot be, which makes a long line of the log; their statuses. */
async function ask(url: string, requests: number): Promise<Set<string>> {
  const { host, port } = new URL(url);
  const request = `GET /user/no/${'x'.repeat(1000)}/1.0.0.zip HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
  const socket = connect(Number(port), 'localhost').setEncoding('latin1');
  onTestFinished(() => void socket.destroy());
  const statuses: string[] = [];
  let received = '';
  const answers = on(socket, 'data');
  for (let asked = 0; asked < requests; ) {
    const now = Math.min(50, requests - asked);
    socket.write(request.repeat(now));
    asked += now;
    while (statuses.length < asked) {
      received += (await answers.next()).value[0];
      // Kept as far as a status line may still be cut.
      statuses.push(...[...received.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status = '']) => status));
      received = received.slice(-12).replace(/HTTP\/1\.1 \d{3}$/, '');
    }
  }
  socket.end();
  return new Set(statuses);
}

/** Whether this machine lets us mount a small disk. */
const canMount = (() => {
  const place = mkdtempSync(join(tmpdir(), 'mount-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', place], { stdio: 'ignore' });
    execFileSync('umount', [place]);
    return true;
  } catch {
    return false;
  } finally {
    rmdirSync(place);
  }
})();

test.skipIf(!existsSync('/dev/full'))('a result that does not fit is one line, and a failure', async () => {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, 'registry.toml'), '');
  const full = openSync('/dev/full', 'w');
  const child = spawn(process.execPath, [entry, '-q', 'status'], {
    cwd: directory,
    stdio: ['ignore', full, 'pipe'],
  });
  closeSync(full);
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  expect((await once(child, 'close'))[0]).toBe(1);
  expect(said).toBe(
    'error: cannot write the result to standard output: ENOSPC\n' +
      'hint: free some space on that disk (or files: df -i), then run the same command again\n',
  );
});

test.skipIf(!canMount)(
  'a log whose disk is full ends nothing, and when there is room again it says what is missing (skipped where no tmpfs can be mounted)',
  async () => {
    const directory = await createRefusing();
    const place = join(temporaryDirectory(), 'log');
    mkdirSync(place);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', place]);
    onTestFinished(() => void execFileSync('umount', ['-l', place]));
    const log = openSync(join(place, 'log'), 'a');
    const server = await serve(directory, ['--access-log'], log);
    closeSync(log);
    const fill = join(place, 'fill');
    const filling = openSync(fill, 'w');
    expect(() => {
      for (;;) writeFileSync(filling, Buffer.alloc(4096));
    }).toThrow('ENOSPC');
    closeSync(filling);
    // More than may be left of the log's last page, where it has one.
    expect(await ask(server.url, 10)).toEqual(new Set(['400']));
    rmSync(fill);
    expect(await ask(server.url, 2)).toEqual(new Set(['400']));
    const readLog = () => readFileSync(join(place, 'log'), 'utf8');
    const loss = /^\S+ warn lines of this log were lost lines=\d+ since=\S+ cause=ENOSPC$/m;
    await vi.waitFor(() => expect(loss.test(readLog())).toBe(true), patience);
    server.signalGroup('SIGTERM');
    expect(await server.ended).toBe(0);
    expect(readLog()).toContain('Stopping');
  },
);

test('a log that nobody reads is dropped beyond its bound, and keeps neither requests nor SIGTERM; read again, it says what is missing', async () => {
  const directory = await createRefusing();
  const words = ['--access-log'];
  const unread = await serve(directory, words, 'pipe');
  // More than a pipe holds.
  expect(await ask(unread.url, 400)).toEqual(new Set(['400']));
  unread.signalGroup('SIGTERM');
  expect(await unread.ended).toBe(0);

  const read = await serve(directory, words, 'pipe');
  expect(await ask(read.url, 2500)).toEqual(new Set(['400']));
  let said = '';
  read.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const loss = /^\S+ warn lines of this log were lost lines=\d+ since=\S+ cause="nobody reads them"$/m;
  await vi.waitFor(() => expect(loss.test(said)).toBe(true), patience);
  const lost = Number(/lost lines=(\d+)/.exec(said)?.[1]);
  // A line about something else may be among the lost ones.
  const told = said.match(/ info request /g)?.length ?? 0;
  expect(told).toBeGreaterThanOrEqual(2500 - lost);
  expect(told).toBeLessThan(2500 - lost + 10);
  read.signalGroup('SIGTERM');
  expect(await read.ended).toBe(0);
});

/** Asks for an archive that is larger than what fits on the way, and reads nothing of it yet. */
async function beginDownload(url: string): Promise<IncomingMessage> {
  const [answer] = (await once(get(url), 'response')) as [IncomingMessage];
  return answer.pause();
}

test('a download that several processes serve is finished when their whole group is hung up and interrupted, and when the first of them is killed', async () => {
  const upstream = await startUpstream([]);
  const { checksum } = await upstream.publish('alice/large@1.0.0', { sizeBytes: 24 * 1024 * 1024 });
  const registry = await createCliRegistry({ sources: [{ name: 'main', upstream }], runner: 'here' });
  expect((await registry.run('mirror', 'alice/large')).code).toBe(0);
  const begin = async () => {
    const server = await serve(registry.directory, ['--workers', '2'], 'pipe');
    return { server, answer: await beginDownload(`${server.url}/user/alice/large/1.0.0.zip`) };
  };

  const stopped = await begin();
  let said = '';
  stopped.server.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const says = (text: string) => vi.waitFor(() => expect(said).toContain(text), patience);
  stopped.server.signalGroup('SIGHUP');
  await says('registry.toml was read again: nothing has changed');
  stopped.server.signalGroup('SIGINT');
  await says('Stopping');
  expect(sha256(await buffer(stopped.answer))).toBe(checksum);
  expect(await stopped.server.ended).toBe(0);

  const killed = await begin();
  killed.server.child.kill('SIGKILL');
  expect(await killed.server.ended).toBe('SIGKILL');
  expect(sha256(await buffer(killed.answer))).toBe(checksum);
  await vi.waitFor(() => expect(() => killed.server.signalGroup('SIGCONT')).toThrow('ESRCH'), patience);
});

test('a server that fails once it listens closes everything, and ends with what is wrong', async () => {
  const upstream = await startUpstream(['alice/json@1.0.0']);
  const { directory, run } = await createCliRegistry({
    sources: [{ name: 'main', upstream }],
    runner: 'here',
  });
  expect((await run('sync')).code).toBe(0);
  rmSync(join(directory, 'data', 'observations.json'));
  mkdirSync(join(directory, 'data', 'observations.json'));
  const child = spawn(process.execPath, [entry, 'serve', '--port', '0'], { cwd: directory });
  const said = buffer(child.stderr);
  expect((await once(child, 'exit'))[0]).toBe(1);
  expect((await said).toString()).toMatch(
    /^error: cannot read .*observations\.json: EISDIR\nhint: .*move it away/m,
  );
});

test('a worker that fails before it listens ends, also without its parent', async () => {
  const child = fork(entry, ['serve', '--workers', '2'], {
    cwd: temporaryDirectory(),
    env: { ...process.env, NODE_UNIQUE_ID: '1', MOONBIT_REGISTRY_WORKER: '1' },
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  expect(await once(child, 'exit')).toEqual([1, null]);
});

test.each([
  ['a terminal that is closed', ['SIGHUP']],
  ['somebody impatient', ['SIGINT', 'SIGTERM']],
] as const)('the demo leaves nothing behind for %s, however far it is', async (_, signals) => {
  const surroundings = temporaryDirectory();
  const temporary = join(surroundings, 'tmp');
  mkdirSync(temporary);
  const child = spawn(process.execPath, [entry, 'demo', '--port', '0'], {
    env: { ...process.env, TMPDIR: temporary, HOME: surroundings },
  });
  child.stderr.resume();
  const ended = once(child, 'exit');
  await once(child.stdout, 'data');
  child.stdout.resume();
  expect(readdirSync(temporary)).toHaveLength(1);
  for (const signal of signals) child.kill(signal);
  const [code, signal] = await ended;
  expect({ signal, left: readdirSync(temporary) }).toEqual({ signal: null, left: [] });
  expect(code).toBe(130);
});
