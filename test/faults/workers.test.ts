/** What holds for one serving process holds for several on one port. */

import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { openRegistry } from '../../src/registry/open.ts';
import { tester } from '../support/actor.ts';
import { createRegistry, readServed, writeSettings } from '../support/registry-world.ts';
import { startCli } from '../support/run-cli.ts';
import { startUpstream } from '../support/worlds.ts';
import { askHealthily, exchange, sendBytes, statusesOf } from './client-world.ts';
import { fastDirectory } from './fast-directory.ts';
import { startLoad } from './load.ts';
import { refusals } from './refusals.ts';

const root = fastDirectory();
const patience = { timeout: 30_000, interval: 50 };

async function createMirrored() {
  const upstream = await startUpstream(['alice/json@1.0.0', 'bob/http@0.1.0']);
  const directory = join(root, randomUUID());
  const registry = await createRegistry({ sources: [{ name: 'main', upstream }], directory });
  await registry.mirror({ patterns: ['*/*'] });
  return { directory, served: await readServed(registry) };
}

async function startServing(directory: string) {
  const server = await startCli(['serve', '--port', '0', '--workers', '2'], { cwd: directory });
  onTestFinished(async () => void (await server.stop()));
  return server;
}

/** The processes that answer for the one that started them. */
function workersOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  return children.map(Number).filter((child) => readCommand(child).includes('--workers'));
}

function readCommand(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

describe('serve --workers 2', () => {
  test('refuses what one process refuses, and serves everybody else meanwhile', async () => {
    const { directory, served } = await createMirrored();
    const server = await startServing(directory);
    const port = Number(new URL(server.baseUrl).port);
    const slow = await Promise.all(
      Array.from({ length: 4 }, () => sendBytes(port, 'GET / HTTP/1.1\r\nHost: localhost\r\nX-')),
    );
    for (const [name, [bytes, ...answers]] of Object.entries(refusals)) {
      const received = await exchange(port, bytes);
      const [status = 'closed'] = statusesOf(received);
      expect(answers, `${name}: ${received.slice(0, 300)}`).toContain(status);
    }
    // As many as processes, and one more: whoever accepts, all are well.
    for (let round = 0; round < 3; round++) await askHealthily(server.baseUrl, served);
    if (process.env.FAULTS !== 'all') return;
    // A quarter of a minute, `headersMs`.
    await Promise.all(slow.map(({ closed }) => closed));
    expect(slow.map(({ received }) => statusesOf(received()))).toEqual(slow.map(() => [408]));
  });

  test.skipIf(!existsSync('/proc/self/task'))(
    'serves on while one process after the other is killed under load, and nothing wrong',
    async () => {
      const [clients, kills] = [16, 3];
      const { directory, served } = await createMirrored();
      const server = await startServing(directory);
      const load = startLoad(server.baseUrl, served, clients);
      for (let round = 1; round <= kills; round++) {
        await load.served(200);
        process.kill(workersOf(server.pid)[0] ?? 0, 'SIGKILL');
        // By the other one: a replacement takes a second to come.
        await load.served(200);
        await vi.waitFor(
          () => expect(server.output().match(/a worker serves again/g)).toHaveLength(round),
          patience,
        );
      }
      await load.served(200);
      // Node tells nobody of a connection that was just being handed to a process which is dead.
      await load.stop(kills);
      expect(load.counts.wrong).toEqual([]);
      expect(load.counts.broken).toBeLessThanOrEqual(clients * kills);
    },
  );

  test.skipIf(!existsSync('/proc/self/task'))(
    'serves again at its address when all were killed',
    async () => {
      const { directory, served } = await createMirrored();
      const server = await startServing(directory);
      for (const worker of workersOf(server.pid)) process.kill(worker, 'SIGKILL');
      await vi.waitFor(
        () => expect(server.output().match(/a worker serves again/g)).toHaveLength(2),
        patience,
      );
      await askHealthily(server.baseUrl, served);
    },
  );

  test('begins without what a killed run has shared, and leaves nothing shared', async () => {
    const { directory, served } = await createMirrored();
    const answers = join(directory, 'data', 'answers');
    const first = await startServing(directory);
    await askHealthily(first.baseUrl, served);
    await vi.waitFor(async () => expect((await readdir(answers)).length).toBeGreaterThan(0), patience);
    await first.stop('SIGKILL');
    await writeFile(join(answers, 'left'), '');
    const second = await startServing(directory);
    await askHealthily(second.baseUrl, served);
    await vi.waitFor(async () => expect((await readdir(answers)).length).toBeGreaterThan(0), patience);
    expect(await readdir(answers)).not.toContain('left');
    await second.stop();
    expect(existsSync(answers)).toBe(false);
  });

  test('asks again for what a source did not have when another process has read that source', async () => {
    const upstream = await startUpstream(['alice/json@1.0.0']);
    const directory = join(root, randomUUID());
    const registry = await createRegistry({ sources: [{ name: 'main', upstream }], directory });
    await registry.sync();
    const server = await startServing(directory);
    Object.assign(upstream.faults, { status: 404, only: ({ url }: { url: string }) => url.includes('.zip') });
    const archive = `${server.baseUrl}/user/alice/json/1.0.0.zip`;
    expect((await fetch(archive)).status).toBe(404);
    upstream.faults.status = undefined;
    await registry.sync();
    await vi.waitFor(async () => expect((await fetch(archive)).status).toBe(200), patience);
  });

  test('tells of new settings once, by its first process', async () => {
    const upstream = await startUpstream(['alice/json@1.0.0']);
    const directory = join(root, randomUUID());
    await mkdir(directory);
    await writeSettings(directory, { sources: [{ name: 'main', upstream }] });
    const open = async (leavesItToFirst: boolean) => {
      const options = { directory, env: {}, actor: tester, isOneOfSeveral: true, leavesItToFirst };
      const registry = await openRegistry(options);
      onTestFinished(() => registry.close());
      return registry;
    };
    const processes = [await open(false), await open(true), await open(true)];
    await writeSettings(directory, { sources: [{ name: 'main', upstream, priority: 7 }] });
    for (const registry of processes) expect(await registry.reload()).toBe(true);
    const lines = (await readFile(join(directory, 'data', 'audit.jsonl'), 'utf8')).trim().split('\n');
    const events = lines.map((line) => JSON.parse(line).event);
    expect(events.filter((event) => event === 'config-reloaded')).toHaveLength(1);
  });
});
