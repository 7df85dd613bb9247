import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { anyDestination } from '../support/destination.ts';
import { createHttpClient, type HttpResponse } from '../support/fetch-http.ts';
import { readBody } from './http-answer.ts';

async function ask(listener: RequestListener): Promise<HttpResponse> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = createHttpClient({
    userAgent: 'test',
    connectionsPerOrigin: 1,
    destinations: anyDestination,
  });
  onTestFinished(async () => {
    await client.close();
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const result = await client.request({ url, isSmall: true });
  if (result.kind === 'failure') throw new Error(result.failure.detail);
  return result.response;
}

test('a body that is not too long is there as a whole', async () => {
  const response = await ask((_, answer) => {
    answer.write('one ');
    setImmediate(() => answer.end('two'));
  });
  expect(await readBody(response, 7)).toEqual({ kind: 'ok', bytes: Buffer.from('one two') });
});

test('one that is too long is a bad answer, and given up before its end', async () => {
  let hasLeft = false;
  const response = await ask((_, answer) => {
    answer.on('close', () => {
      hasLeft = !answer.writableFinished;
    });
    answer.write('twelve bytes');
  });
  const read = await readBody(response, 11);
  expect(read).toMatchObject({ kind: 'failed', cause: { reason: 'bad-answer' } });
  expect(read.kind === 'failed' && read.cause.detail).toContain('the answer is longer than 11 bytes');
  await expect.poll(() => hasLeft).toBe(true);
});

test('one that breaks off is no answer', async () => {
  const response = await ask((_, answer) => {
    answer.writeHead(200, { 'Content-Length': 12 });
    answer.write('half');
    setImmediate(() => answer.destroy());
  });
  expect(await readBody(response, 100)).toMatchObject({ kind: 'failed', cause: { reason: 'connection' } });
});
