/** The limits that `registry.toml` sets are those a served client meets. */
import { randomUUID } from 'node:crypto';
import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createRegistry } from '../support/registry-world.ts';
import { startCli } from '../support/run-cli.ts';
import { startUpstream } from '../support/worlds.ts';
import { exchange, get, post, sendBytes, statusesOf } from './client-world.ts';
import { fastDirectory } from './fast-directory.ts';

const root = fastDirectory();

test('limits in registry.toml count from the next start, for sizes and for times', async () => {
  const upstream = await startUpstream(['alice/json@1.0.0']);
  const directory = join(root, randomUUID());
  const registry = await createRegistry({ sources: [{ name: 'main', upstream }], directory });
  await registry.sync();
  const start = async () => {
    const server = await startCli(['serve', '--port', '0'], { cwd: directory });
    onTestFinished(async () => void (await server.stop()));
    const port = Number(new URL(server.baseUrl).port);
    const statusOf = async (bytes: string | Buffer) => statusesOf(await exchange(port, bytes))[0];
    return { server, port, statusOf };
  };
  const requests = [get(`/${'x'.repeat(400)}`), post(Buffer.alloc(2000))];

  const before = await start();
  expect([await before.statusOf(requests[0] ?? ''), await before.statusOf(requests[1] ?? '')]).toEqual([
    404, 400,
  ]);
  await before.server.stop();

  await appendFile(
    join(directory, 'registry.toml'),
    [
      '',
      '[limits]',
      'request_target = 300',
      'request_body = "1KiB"',
      'first_byte_timeout = "50ms"',
      'headers_timeout = "200ms"',
      '',
    ].join('\n'),
  );
  upstream.faults.delayMs = 400;
  const after = await start();
  expect([await after.statusOf(requests[0] ?? ''), await after.statusOf(requests[1] ?? '')]).toEqual([
    414, 413,
  ]);
  expect(await after.statusOf(get('/user/alice/json/1.0.0.zip'))).toBe(503);
  const slow = await sendBytes(after.port, 'GET / HTTP/1.1\r\nHost: localhost\r\nX-');
  await slow.closed;
  expect(statusesOf(slow.received())).toEqual([408]);
});
