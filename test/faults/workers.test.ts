/** What holds for one serving process holds for several on one port. */
import { randomUUID } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openRegistry } from '../../src/registry/open.ts';
import { createRegistry, readServed, writeSettings } from '../support/registry-world.ts';
import { startCli } from '../support/run-cli.ts';
import { startUpstream } from '../support/worlds.ts';
import { askHealthily, exchange, sendBytes, statusesOf } from './client-world.ts';
import { fastDirectory } from './fast-directory.ts';
import { refusals } from './refusals.ts';

const root = fastDirectory();

describe('serve --workers 2', () => {
  test('refuses what one process refuses, and serves everybody else meanwhile', async () => {
    const upstream = await startUpstream(['alice/json@1.0.0', 'bob/http@0.1.0']);
    const directory = join(root, randomUUID());
    const registry = await createRegistry({ sources: [{ name: 'main', upstream }], directory });
    await registry.mirror({ patterns: ['*/*'] });
    const served = await readServed(registry);
    const server = await startCli(['serve', '--port', '0', '--workers', '2'], { cwd: directory });
    onTestFinished(async () => void (await server.stop()));
    const port = Number(new URL(server.baseUrl).port);
    const slow = await Promise.all(
      Array.from({ length: 4 }, () => sendBytes(port, 'GET / HTTP/1.1\r\nHost: x\r\nX-')),
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

  test('tells of new settings once, by its first process', async () => {
    const upstream = await startUpstream(['alice/json@1.0.0']);
    const directory = join(root, randomUUID());
    await mkdir(directory);
    await writeSettings(directory, { sources: [{ name: 'main', upstream }] });
    const open = async (isFollower: boolean) => {
      const options = { directory, env: {}, isOneOfSeveral: true, isFollower };
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
