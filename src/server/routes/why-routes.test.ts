import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { moduleName, version } from '../../../test/support/registry-world.ts';
import { sendRaw, serveStandIn } from '../../../test/support/stand-in-server.ts';
import { isModuleName } from '../../model/module-name.ts';
import { isVersion } from '../../model/version.ts';
import type { ArchiveRefusal } from '../../registry/deliver/served-bytes.ts';
import { userAgent } from '../../sources/user-agent.ts';
import { refusalReasons } from './refusal.ts';
import { formatWhyPath, isTrueAddress, parseWhyPath } from './why-path.ts';

const at = '2026-11-27T10:00:00.000Z';
const blocked: ArchiveRefusal = {
  kind: 'blocked',
  block: { reason: 'CVE-2026-1: 请升级', at, version: undefined },
};

/** What `moon` does, and what it prints when that fails: the status line and the address it was sent to last. */
async function moonDownload(address: string): Promise<string> {
  const answer = await fetch(address, { headers: { 'User-Agent': 'mooncake/0.1.0' } });
  if (answer.ok) return 'downloaded';
  return `HTTP status error (${answer.status} ${answer.statusText}) for url (${answer.url})`;
}

describe('moon', () => {
  test.each<[string, ArchiveRefusal, string, string]>([
    ['blocked', blocked, '403 Blocked: CVE-2026-1: ?', '/why/blocked/alice/json@1.0.0'],
    [
      'gone',
      { kind: 'gone', firstSeen: at },
      '410 Gone: it has left the index of this registry',
      '/why/gone/alice/json@1.0.0',
    ],
  ])('prints why an archive is refused: %s', async (_, refusal, status, address) => {
    const { registry, url } = await serveStandIn();
    await registry.publish('alice/json@1.0.0');
    registry.refusals.set('alice/json@1.0.0', refusal);
    for (const path of ['/user/alice%2Fjson%2F1.0.0.zip', '/user/alice/json/1.0.0.zip'])
      expect(await moonDownload(url + path)).toBe(`HTTP status error (${status}) for url (${url}${address})`);
  });

  test.each(['disabled', 'not-cached', 'not-current'] as const)(
    'prints what an archive waits for: %s',
    async (reason) => {
      const { registry, url } = await serveStandIn();
      registry.failures.set('alice/原来@1.0.0+a', { reason, detail: '', until: '2026-11-27T10:00:01.000Z' });
      const until = 'until-2026-11-27T10:01Z';
      expect(await moonDownload(`${url}/user/alice/%E5%8E%9F%E6%9D%A5/1.0.0+a.zip`)).toMatch(
        new RegExp(`\\(503 Held: .*/why/${reason}/${until}/alice/%E5%8E%9F%E6%9D%A5@1\\.0\\.0\\+a\\)$`),
      );
    },
  );

  test.each(['overloaded', 'timeout'] as const)('asks again by itself: %s', async (reason) => {
    const { registry, url } = await serveStandIn();
    registry.failures.set('alice/json@1.0.0', { reason, detail: '' });
    expect(await moonDownload(`${url}/user/alice/json/1.0.0.zip`)).toContain(
      `url (${url}/user/alice/json/1.0.0.zip)`,
    );
  });

  test('is sent to the same host, below the path of the base address, and nobody keeps that', async () => {
    const { registry, server } = await serveStandIn({ baseUrl: 'https://me:secret@example.com/moon/' });
    registry.refusals.set('alice/json@1.0.0', blocked);
    for (const method of ['GET', 'HEAD']) {
      const answer = await sendRaw(
        server.port,
        `${method} /moon/user/alice/json/1.0.0.zip HTTP/1.1\r\nHost: example.com\r\nUser-Agent: mooncake/0.1.0\r\nConnection: close\r\n\r\n`,
      );
      expect(answer).toMatch(/^HTTP\/1\.1 302 Found\r\n/);
      expect(answer).toContain('\r\nLocation: /moon/why/blocked/alice/json@1.0.0\r\n');
      expect(answer).toContain('\r\nCache-Control: no-store\r\n');
      expect(answer).toContain('\r\nContent-Length: 0\r\n');
    }
    expect((await fetch(`${server.url}/moon/why/blocked/alice/json@1.0.0`)).status).toBe(403);
  });
});

test('a registry in front gets the status at once, although it calls itself as moon does', async () => {
  const { registry, url } = await serveStandIn();
  registry.refusals.set('alice/json@1.0.0', { kind: 'gone', firstSeen: at });
  const headers = { 'User-Agent': userAgent };
  const answer = await fetch(`${url}/user/alice/json/1.0.0.zip`, { headers, redirect: 'manual' });
  expect(answer.status).toBe(410);
});

test('any other client gets status, phrase and text at once', async () => {
  const { registry, url } = await serveStandIn();
  registry.refusals.set('alice/json@1.0.0', blocked);
  for (const path of ['/user/alice/json/1.0.0.zip', '/why/blocked/alice/json@1.0.0']) {
    const answer = await fetch(url + path, { redirect: 'manual' });
    expect([answer.status, answer.statusText]).toEqual([403, 'Blocked: CVE-2026-1: ?']);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(await answer.json()).toEqual({
      type: 'about:blank',
      title: 'Forbidden',
      status: 403,
      detail:
        'alice/json@1.0.0, like all of alice/json, is blocked here since 2026-11-27: CVE-2026-1: 请升级',
      instance: expect.stringMatching(/^urn:uuid:/),
      hint: expect.stringContaining('moonbit-registry explain alice/json@1.0.0'),
      reason: 'blocked',
      module: 'alice/json',
      version: '1.0.0',
    });
    const head = await fetch(url + path, { method: 'HEAD', redirect: 'manual' });
    expect([head.status, head.statusText, await head.text()]).toEqual([403, 'Blocked: CVE-2026-1: ?', '']);
  }
});

describe('an address is no proof', () => {
  test.each([
    ['/why/blocked/alice/json@1.0.0', 404, 'alice/json@1.0.0 is not refused: it can be had here now.'],
    ['/why/blocked/until-2099-01-01T00:00Z/alice/json@1.0.0', 404, 'is not refused'],
    ['/why/gone/nobody/has@1.0.0', 404, 'is not here'],
    ['/why/blocked/alice/json', 404, 'says nothing about an archive'],
    ['/why/hacked/alice/json@1.0.0', 404, 'says nothing about an archive'],
    ['/why/blocked/alice/..%2Fx@1.0.0', 404, 'says nothing about an archive'],
    ['/why/blocked/%ff@1.0.0', 404, 'says nothing about an archive'],
    ['/why/disabled/evil/one@1.0.0', 403, 'all of evil/one, is blocked'],
    ['/why/blocked/until-2099-01-01T00:00Z/evil/one@1.0.0', 403, 'all of evil/one, is blocked'],
  ])('%s is %d: %s', async (path, status, detail) => {
    const { registry, url } = await serveStandIn();
    await registry.publish('alice/json@1.0.0');
    registry.refusals.set('evil/one@1.0.0', blocked);
    const answer = await fetch(url + path);
    const body = (await answer.json()) as { detail: string };
    expect([answer.status, body.detail.includes(detail)]).toEqual([status, true]);
    if (status === 403) expect(answer.url).toBe(`${url}/why/blocked/evil/one@1.0.0`);
  });
});

test('what is written into an address is read out of it', () => {
  const names = fc
    .tuple(fc.string({ unit: 'grapheme', minLength: 1 }), fc.string({ unit: 'grapheme', minLength: 1 }))
    .map((parts) => parts.join('/'))
    .filter(isModuleName);
  const versions = fc
    .tuple(fc.nat(), fc.constantFrom('', '-rc.1', '+a.b', '-1+0'))
    .map(([major, rest]) => `${major}.0.0${rest}`)
    .filter(isVersion);
  const times = fc.option(fc.date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true }), {
    nil: undefined,
  });
  fc.assert(
    fc.property(
      fc.constantFrom(...refusalReasons),
      names,
      versions,
      times,
      (reason, module, stated, time) => {
        const address = { reason, module, version: stated };
        const path = formatWhyPath({ ...address, until: time?.toISOString() });
        expect(path).toMatch(/^\/[\u0021-\u007e]+$/);
        expect(new URL(path, 'http://host').pathname).toBe(path);
        expect(parseWhyPath(path)).toMatchObject(address);
        const read = parseWhyPath(path);
        expect(read && isTrueAddress(read, { reason, until: time?.toISOString() })).toBe(true);
      },
    ),
  );
});

test('an address is true with the date that holds, with none, and with no other', () => {
  const refusal = { reason: 'not-current', until: '2026-01-01T00:00:30.000Z' } as const;
  const dates = [undefined, '2026-01-01T00:01Z', '2026-01-01T00:00Z'];
  expect(dates.map((until) => isTrueAddress({ reason: 'not-current', until }, refusal))).toEqual([
    ...[true, true, false],
  ]);
  expect(isTrueAddress({ reason: 'gone', until: undefined }, refusal)).toBe(false);
  expect(isTrueAddress({ ...refusal, until: dates[1] }, { ...refusal, until: undefined })).toBe(false);
});

test('a base address whose path begins with two slashes sends nobody to another host', async () => {
  const { registry, url } = await serveStandIn({ baseUrl: 'https://example.com//evil.example/moon' });
  registry.refusals.set('alice/json@1.0.0', blocked);
  const headers = { 'User-Agent': 'mooncake/0.1.0' };
  const answer = await fetch(`${url}/user/alice/json/1.0.0.zip`, { headers, redirect: 'manual' });
  expect(answer.headers.get('location')).toBe('/evil.example/moon/why/blocked/alice/json@1.0.0');
});

test('the time in an address is none before what it stands for', () => {
  const address = { reason: 'not-current', module: moduleName('a/b'), version: version('1.0.0') } as const;
  expect(formatWhyPath({ ...address, until: '2026-01-01T00:00:00.000Z' })).toContain(
    '/until-2026-01-01T00:00Z/',
  );
  expect(formatWhyPath({ ...address, until: '2026-01-01T00:00:00.001Z' })).toContain(
    '/until-2026-01-01T00:01Z/',
  );
});
