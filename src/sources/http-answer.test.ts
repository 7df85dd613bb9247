import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createCertificateAuthority } from '../../test/support/certificates.ts';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { anyDestination } from '../support/net/destination.ts';
import { createHttpClient } from '../support/net/fetch-http.ts';
import type { HttpResponse } from '../support/net/http-request.ts';
import { noCredentials } from './credentials.ts';
import { askHttp, readBody } from './http-answer.ts';

async function ask(listener: RequestListener): Promise<HttpResponse> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = createHttpClient({
    userAgent: 'test',
    connectionsPerOrigin: 1,
    environment: {},
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
  expect(await readBody(response, 7)).toEqual({ kind: 'found', value: Buffer.from('one two') });
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
  const detail = expect.stringContaining('the answer is longer than 11 bytes');
  expect(read).toMatchObject({ kind: 'unavailable', cause: { reason: 'bad-answer', detail } });
  await expect.poll(() => hasLeft).toBe(true);
});

test('one that breaks off is no answer', async () => {
  const response = await ask((_, answer) => {
    answer.writeHead(200, { 'Content-Length': 12 });
    answer.write('half');
    setImmediate(() => answer.destroy());
  });
  expect(await readBody(response, 100)).toMatchObject({
    kind: 'unavailable',
    cause: { reason: 'connection' },
  });
});

test('a connection that fails names a client certificate that has ended', async () => {
  const { key, cert } = await (await createCertificateAuthority(temporaryDirectory())).issue(['ci']);
  const tls = { identity: { certificate: cert, key }, ca: undefined };
  const credentials = { ...noCredentials({ name: 'a' }), tlsFor: () => tls };
  const failure = { reason: 'connection', detail: 'the connection was reset' } as const;
  const http = { request: async () => ({ kind: 'failure', failure }) as const, close: async () => {} };
  const ask = () => askHttp({ http, credentials }, { url: 'https://h/x' });
  const detail = 'https://h/x: the connection was reset';
  expect(await ask()).toEqual({ kind: 'failed', cause: { reason: 'connection', detail } });
  vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2100, 0) });
  onTestFinished(() => void vi.useRealTimers());
  expect(await ask()).toMatchObject({
    cause: {
      reason: 'connection',
      detail: expect.stringMatching(/reset; our client certificate ended on 20\d\d-\d\d-\d\d$/),
      advice: expect.stringContaining('sources.a.tls.certificate'),
    },
  });
});
