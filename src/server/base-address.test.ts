import { expect, test } from 'vitest';
import { createRegistryStandIn } from '../../test/support/registry-stand-in.ts';
import { sendRaw, serveStandIn } from '../../test/support/stand-in-server.ts';
import { createBaseAddress } from './base-address.ts';

test('an edited base_url counts at once: for addresses told, paths, redirects and hosts', async () => {
  const { registry, server, url } = await serveStandIn({ baseUrl: 'https://old.example/old' });
  registry.refusals.set('alice/json@1.0.0', {
    kind: 'blocked',
    block: { reason: 'CVE-2026-1', at: '2026-01-01T00:00:00.000Z', version: undefined },
  });
  const seen = async (prefix: string, host: string) => ({
    tells: ((await (await fetch(`${url}/`)).json()) as { index: string }).index,
    status: (await fetch(`${url}${prefix}/health`)).status,
    location: (
      await fetch(`${url}/user/alice/json/1.0.0.zip`, {
        headers: { 'User-Agent': 'mooncake/0.1.0' },
        redirect: 'manual',
      })
    ).headers.get('location'),
    host: (
      await sendRaw(server.port, `GET /health HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
    ).slice(9, 12),
  });
  const before = {
    tells: 'https://old.example/old/git/index',
    status: 200,
    location: '/old/why/blocked/alice/json@1.0.0',
    host: '200',
  };
  expect(await seen('/old', 'old.example')).toEqual(before);
  registry.editServer({ baseUrl: 'https://new.example/new' });
  expect(await seen('/new', 'new.example')).toEqual({
    tells: 'https://new.example/new/git/index',
    status: 200,
    location: '/new/why/blocked/alice/json@1.0.0',
    host: '200',
  });
  expect(await seen('/old', 'old.example')).toMatchObject({ status: 404, host: '421' });
  registry.editServer({ baseUrl: undefined });
  expect(await seen('/new', 'new.example')).toMatchObject({
    tells: `${url}/git/index`,
    status: 404,
    host: '421',
  });
});

test.each([
  [undefined, ''],
  ['https://example.com', ''],
  ['https://example.com/moon', '/moon'],
  ['https://example.com/a/b', '/a/b'],
  ['https://example.com//evil.example/moon', '/evil.example/moon'],
])('in front of every path below %s stands %j', async (baseUrl, prefix) => {
  const registry = await createRegistryStandIn();
  registry.editServer({ baseUrl });
  expect(createBaseAddress(registry).prefix()).toBe(prefix);
  await registry.close();
});
