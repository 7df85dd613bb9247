import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { serveStandIn } from '../../../test/support/stand-in-server.ts';
import { found } from '../../model/lookup.ts';

test('symbols.zip has a strong etag, answers HEAD and conditional requests', async () => {
  const { url } = await serveStandIn();
  const whole = await fetch(`${url}/symbols.zip`);
  const etag = whole.headers.get('etag') ?? '';
  expect([whole.status, (await whole.arrayBuffer()).byteLength]).toEqual([200, 22]);
  expect(etag).toMatch(/^"[\x21-\x7e]+"$/);
  expect((await fetch(`${url}/symbols.zip`, { headers: { 'If-None-Match': etag } })).status).toBe(304);
  const head = await fetch(`${url}/symbols.zip`, { method: 'HEAD' });
  expect([head.status, head.headers.get('content-length')]).toEqual([200, '22']);
});

test('wasm and its checksum answer under both addresses, with literal or encoded signs', async () => {
  const { registry, url } = await serveStandIn();
  registry.assets.set('alice/tool@1.0.0+b/cmd/main/main.wasm', Buffer.from('\0asm'));
  registry.assets.set('alice/tool@1.0.0+b/cmd/main/main.wasm.sha256', Buffer.from('0'.repeat(64)));
  for (const path of [
    '/assets/alice/tool@1.0.0+b/cmd/main/main.wasm',
    '/prebuild/alice/tool@1.0.0+b/cmd/main/main.wasm',
    '/prebuild/alice/tool%401.0.0%2Bb/cmd%2Fmain/main.wasm',
  ]) {
    const answer = await fetch(url + path);
    expect([answer.status, answer.headers.get('content-type'), await answer.text()]).toEqual([
      200,
      'application/wasm',
      '\0asm',
    ]);
  }
  const checksum = await fetch(`${url}/assets/alice/tool@1.0.0+b/cmd/main/main.wasm.sha256`);
  expect(await checksum.text()).toBe('0'.repeat(64));
});

test('a wasm on the disk is streamed, whole or in part, and opened only when bytes are sent', async () => {
  const { registry, url } = await serveStandIn();
  const bytes = Buffer.from('\0asm and so on');
  let opened = 0;
  registry.openAsset = async () =>
    found({
      etag: 'tag',
      sizeBytes: bytes.length,
      content: async (range) => {
        opened += 1;
        return Readable.from([range ? bytes.subarray(range.start, range.end + 1) : bytes]);
      },
    });
  const address = `${url}/assets/alice/tool@1.0.0/tool.wasm`;
  const whole = await fetch(address);
  expect([whole.status, whole.headers.get('etag'), whole.headers.get('content-length')]).toEqual([
    200,
    '"tag"',
    String(bytes.length),
  ]);
  expect(Buffer.from(await whole.arrayBuffer())).toEqual(bytes);
  const part = await fetch(address, { headers: { Range: 'bytes=1-3' } });
  expect([part.status, await part.text()]).toEqual([206, 'asm']);
  expect(opened).toBe(2);
  const head = await fetch(address, { method: 'HEAD' });
  expect([head.status, head.headers.get('content-length')]).toEqual([200, String(bytes.length)]);
  expect((await fetch(address, { headers: { 'If-None-Match': '"tag"' } })).status).toBe(304);
  expect((await fetch(address, { headers: { Range: 'bytes=99-' } })).status).toBe(416);
  expect(opened).toBe(2);
});

test('a missing wasm is a true 404', async () => {
  const { url } = await serveStandIn();
  const answer = await fetch(`${url}/prebuild/alice/tool@1.0.0/tool.wasm`);
  expect([answer.status, answer.headers.get('content-type')]).toEqual([404, 'application/problem+json']);
  expect((await fetch(`${url}/assets/alice/tool@1.0.0/module_index.json`)).status).toBe(404);
});

test.each([
  '/assets/a/b@1.0.0/..%2Fb.wasm',
  '/assets/a/b@1.0.0/p//b.wasm',
  '/assets/a/b@1.0.0/p%5Cb.wasm',
  '/assets/a/b@1.0.0/b%00.wasm',
  '/assets/a/b@1.0/b.wasm',
  '/assets/a@1.0.0/b.wasm',
  '/prebuild/a/b/b.wasm',
])('%s never reaches a source', async (path) => {
  const { registry, url } = await serveStandIn();
  registry.openAsset = () => Promise.reject(new Error('it was asked'));
  expect((await fetch(url + path)).status).toBe(404);
});
