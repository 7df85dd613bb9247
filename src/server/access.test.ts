import { describe, expect, test } from 'vitest';
import { tryGit } from '../../test/support/git-client.ts';
import type { RegistryStandIn } from '../../test/support/registry-stand-in.ts';
import { sendRaw, serveStandIn } from '../../test/support/stand-in-server.ts';
import type { Config } from '../config/config.ts';
import type { Permission } from '../registry/access/permissions.ts';

/** One address for each route, with what it tells of: a module's name, or everything. */
const addresses: readonly (readonly [target: string, of: string | 'all' | 'nothing'])[] = [
  ['/user/company/tool/1.0.0.zip', 'company/tool'],
  ['/user/company%2Ftool%2F1.0.0.zip', 'company/tool'],
  ['/user/company/tool/9.9.9.zip', 'company/tool'],
  ['/user/rubbish.zip', 'all'],
  ['/why/blocked/company/tool@1.0.0', 'company/tool'],
  ['/why/rubbish', 'all'],
  ['/why/answered/absent/company/tool', 'nothing'],
  ['/git/index/info/refs?service=git-upload-pack', 'all'],
  ['/git/index/HEAD', 'all'],
  ['/git/index/git-receive-pack', 'all'],
  ['/symbols.zip', 'all'],
  ['/assets/company/tool@1.0.0/a.wasm', 'company/tool'],
  ['/prebuild/company/tool@1.0.0/a.wasm.sha256', 'company/tool'],
  ['/api/v0/search?kw=tool', 'all'],
  ['/api/v0/modules', 'all'],
  ['/api/v0/modules/statistics', 'all'],
  ['/api/v0/modules/company/tool', 'company/tool'],
  ['/api/v0/manifest/company/tool@1.0.0', 'company/tool'],
  ['/api/v0/explain/company/tool', 'company/tool'],
  ['/api/v0/user/company', 'all'],
  ['/api/v0/withdrawn', 'all'],
  ['/.well-known/moonbit-registry', 'all'],
  ['/', 'all'],
  ['/nothing', 'all'],
  ['/at/2026-11-27/', 'all'],
  ['/at/2026-11-27/git/index/info/refs?service=git-upload-pack', 'all'],
  ['/at/2026-11-27/user/company/tool/1.0.0.zip', 'all'],
  ['/at/2026-11-27/health', 'all'],
  ['/at/2026-11-27/why/answered/absent/x', 'all'],
  ['/at/rubbish', 'all'],
  ['/health', 'nothing'],
  ['/api/v0/oidc/login', 'nothing'],
  ['/ready', 'nothing'],
];
/** What waits for approval is told to who may publish or decide, and to nobody who may only read. */
const ofStaged = [
  '/api/v0/staged',
  `/api/v0/staged/${'a'.repeat(64)}`,
  `/api/v0/staged/${'a'.repeat(64)}/contents`,
  `/api/v0/staged/${'a'.repeat(64)}/archives/${'b'.repeat(64)}`,
];
/** A POST has its own. */
const uploadPack = '/git/index/git-upload-pack';

async function world(access: Config['access'] = { read: 'token', tokenInPath: false, oidc: [] }) {
  const served = await serveStandIn();
  const { registry } = served;
  Object.assign(registry, { config: { ...registry.config, access } });
  await registry.publish('company/tool@1.0.0');
  return served;
}

type Names = Partial<Record<Permission, readonly string[]>>;

async function makeToken(registry: RegistryStandIn, name: string, grants: Names, lifetimeMs?: number) {
  const { text } = await registry.tokens.create({ name, owner: 'ada', grants, lifetimeMs });
  return text;
}

/** A running server has heard of it. */
async function untilHeard(isHeard: () => Promise<boolean>): Promise<void> {
  const begun = performance.now();
  while (!(await isHeard())) {
    if (performance.now() - begun > 5000) throw new Error('nobody heard of it');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });
const basic = (pair: string) => ({ Authorization: `Basic ${Buffer.from(pair).toString('base64')}` });

describe('where reading needs a token', () => {
  test('each address and each memory asks for one that counts, and for these names', async () => {
    const { registry, server, url } = await world();
    const all = await makeToken(registry, 'all', { read: ['*'] });
    const own = await makeToken(registry, 'own', { read: ['company/*'] });
    const other = await makeToken(registry, 'other', { read: ['partner/*'] });
    const publisher = await makeToken(registry, 'publisher', { publish: ['*'], yank: ['*'], admin: ['*'] });
    const revoked = await makeToken(registry, 'revoked', { read: ['*'] });
    const expired = await makeToken(registry, 'expired', { read: ['*'] }, 1);
    const wrong = `${all.slice(0, -1)}${all.endsWith('a') ? 'b' : 'a'}`;
    await registry.tokens.revoke({ name: 'revoked' });
    const status = async (target: string, headers: Record<string, string> = {}) =>
      (await fetch(url + target, { headers, redirect: 'manual' })).status;
    await untilHeard(async () => (await status('/', bearer(publisher))) === 403);
    await untilHeard(async () => (await status('/', bearer(revoked))) === 401);
    // Twice, so that archives are in memory, ready to send, when the others come.
    for (let i = 0; i < 3; i++) expect(await status('/user/company/tool/1.0.0.zip', bearer(all))).toBe(200);

    for (const [target, of] of addresses) {
      const allowed = await status(target, bearer(all));
      expect([401, 403, 429].includes(allowed) && !/receive-pack|HEAD/.test(target), target).toBe(false);
      const isOpen = of === 'nothing';
      expect(await status(target), target).toBe(isOpen ? allowed : 401);
      for (const [name, token] of Object.entries({ wrong, revoked, expired }))
        expect([401, 429], `${name} ${target}`).toContain(isOpen ? 401 : await status(target, bearer(token)));
      expect(await status(target, bearer(publisher)), target).toBe(isOpen ? allowed : 403);
      expect(await status(target, bearer(other)), target).toBe(isOpen ? allowed : 403);
      expect(await status(target, bearer(own)), target).toBe(of === 'all' ? 403 : allowed);
    }
    const decisions = ['approve', 'reject'].map((action) => `${ofStaged[1]}/${action}`);
    for (const target of [...ofStaged, ...decisions]) {
      const method = decisions.includes(target) ? 'POST' : 'GET';
      const ask = async (token?: string) =>
        (await fetch(url + target, { method, headers: token === undefined ? {} : bearer(token) })).status;
      expect(await ask(), target).toBe(401);
      for (const token of [wrong, revoked, expired]) expect([401, 429], target).toContain(await ask(token));
      const isList = target === ofStaged[0];
      // That something waits is told to nobody who may not see it.
      for (const token of [all, own, other]) expect(await ask(token), target).toBe(isList ? 403 : 404);
      expect(await ask(publisher), target).toBe(isList ? 200 : 404);
    }
    expect((await fetch(url + uploadPack, { method: 'POST' })).status).toBe(401);
    expect((await fetch(url + uploadPack, { method: 'POST', headers: bearer(own) })).status).toBe(403);
    // Whatever is added later needs an address above.
    const untried = server.routes.filter(
      ({ methods, pattern }) =>
        methods.includes('GET') &&
        ![...addresses.map(([target]) => target), ...ofStaged].some((target) =>
          pattern.test(target.replace(/\?.*/, '')),
        ),
    );
    expect(untried.map(({ pattern }) => pattern.source)).toEqual([]);
  });

  test('what is answered is for its asker alone, and what anybody is told is a status', async () => {
    const { registry, url } = await world();
    const token = await makeToken(registry, 'all', { read: ['*'] });
    const get = (target: string, headers: Record<string, string> = {}) => fetch(url + target, { headers });
    await untilHeard(async () => (await get('/', bearer(token))).ok);
    for (let i = 0; i < 3; i++)
      for (const target of ['/user/company/tool/1.0.0.zip', '/symbols.zip', '/api/v0/modules', '/']) {
        const { headers } = await get(target, bearer(token));
        expect(headers.get('cache-control'), target).toBe('private, no-cache');
      }
    const refused = await get('/user/company/tool/1.0.0.zip');
    expect(refused.headers.get('cache-control')).toBe('no-store');
    expect(refused.headers.get('www-authenticate')).toBe('Basic realm="moonbit-registry", charset="UTF-8"');
    expect(await (await get('/health')).json()).toEqual({ status: 'ok' });
    expect(Object.keys((await (await get('/health', bearer(token))).json()) as object)).toContain('commit');
  });

  test('moon, git and curl have their ways in', async () => {
    const { registry, server, url } = await world();
    const token = await makeToken(registry, 'all', { read: ['*'] });
    const status = async (headers: Record<string, string>) =>
      (await fetch(`${url}/symbols.zip`, { headers })).status;
    await untilHeard(async () => (await status(bearer(token))) === 200);
    expect(await status(basic(`any:${token}`))).toBe(200);
    expect(await status(basic(`${token}:`))).toBe(200);
    expect(await status({ Authorization: `Basic ${'x'.repeat(50)}` })).toBe(401);
    const clone = (address: string) => tryGit(['ls-remote', `${address}/git/index`]);
    const withToken = url.replace('http://', `http://any:${token}@`);
    expect((await clone(withToken)).stdout).toContain('refs/heads/main');
    const anonymous = await clone(url);
    expect(anonymous.code).not.toBe(0);
    expect(`${anonymous.stdout}${anonymous.stderr}`).not.toContain('refs/heads/main');
    expect(server.port).toBeGreaterThan(0);
  });

  test('a token that is revoked counts no more within a second, also for what is in memory', async () => {
    const { registry, url } = await world();
    const token = await makeToken(registry, 'all', { read: ['*'] });
    const status = async () =>
      (await fetch(`${url}/user/company/tool/1.0.0.zip`, { headers: bearer(token) })).status;
    await untilHeard(async () => (await status()) === 200);
    await registry.tokens.revoke({ owner: 'ada' });
    await untilHeard(async () => (await status()) !== 200);
    expect(await (await fetch(`${url}/`, { headers: bearer(token) })).json()).toMatchObject({
      status: 401,
      detail: 'The token "all" was revoked.',
    });
  });

  test('guessing is slowed down by address, and never stands in the way of who may', async () => {
    const { registry, url, log } = await world();
    const token = await makeToken(registry, 'all', { read: ['*'] });
    const status = async (text: string) => (await fetch(`${url}/`, { headers: bearer(text) })).status;
    await untilHeard(async () => (await status(token)) === 200);
    const guesses = await Promise.all(Array.from({ length: 40 }, (_, i) => status(`mbr_${i}`)));
    expect(new Set(guesses)).toEqual(new Set([401, 429]));
    expect(await status(token)).toBe(200);
    expect(JSON.stringify(log)).not.toContain(token);
    expect(log.some(({ fields }) => fields?.token === 'all')).toBe(true);
  });
});

test('a token counts from the moment it is made', async () => {
  const { registry, url } = await world();
  for (let i = 0; i < 5; i++) {
    const token = await makeToken(registry, `new-${i}`, { read: ['*'] });
    expect((await fetch(`${url}/symbols.zip`, { headers: bearer(token) })).status).toBe(200);
  }
});

describe('a token in the address', () => {
  test('is read only where that is set, and is in no log either way', async () => {
    const { registry, url, log } = await world();
    const token = await makeToken(registry, 'all', { read: ['*'] });
    const status = async () => (await fetch(`${url}/t/${token}/symbols.zip`)).status;
    expect(await status()).toBe(404);
    Object.assign(registry, {
      config: { ...registry.config, access: { read: 'token', tokenInPath: true, oidc: [] } },
    });
    await untilHeard(async () => (await status()) === 200);
    const answer = await fetch(`${url}/t/${token}/user/company/tool/1.0.0.zip`);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect((await tryGit(['ls-remote', `${url}/t/${token}/git/index`])).stdout).toContain('refs/heads/main');
    expect(JSON.stringify(log)).not.toContain(token.slice(4, 20));
  });

  test('is not in the address that a client shows of a failure', async () => {
    const { registry, url } = await world({ read: 'token', tokenInPath: true, oidc: [] });
    const token = await makeToken(registry, 'all', { read: ['*'] });
    const moon = { 'User-Agent': 'mooncake/0.1.0' };
    const get = (target: string) => fetch(`${url}/t/${token}${target}`, { headers: moon });
    await untilHeard(async () => (await get('/symbols.zip')).ok);
    const missing = await get('/user/company/tool/9.9.9.zip');
    expect([missing.status, missing.url]).toEqual([
      404,
      `${url}/why/answered/absent/user/company/tool/9.9.9.zip`,
    ]);
    registry.refusals.set('company/tool@1.0.0', {
      kind: 'blocked',
      block: { reason: 'bad', at: '2026-11-27T10:00:00.000Z', version: undefined },
    });
    const blocked = await get('/user/company/tool/1.0.0.zip');
    expect([blocked.status, blocked.url]).toEqual([403, `${url}/why/answered/blocked/company/tool@1.0.0`]);
    const wrong = await fetch(`${url}/t/mbr_wrong/symbols.zip`, { headers: moon });
    expect([wrong.status, wrong.url]).toEqual([401, `${url}/why/answered/no-token/symbols.zip`]);
  });
});

describe('where anyone may read', () => {
  test('no token is asked for, and what a proxy in front sends for itself is no matter', async () => {
    const { url } = await world({ read: undefined, tokenInPath: false, oidc: [] });
    for (const headers of [{}, basic('nginx:secret'), bearer('mbr_wrong')]) {
      const answer = await fetch(`${url}/user/company/tool/1.0.0.zip`, { headers });
      expect(answer.status).toBe(200);
      expect(answer.headers.get('cache-control')).not.toContain('private');
    }
  });

  test('what was in memory for everybody is for nobody as soon as the settings say so', async () => {
    const { registry, server, url } = await world({ read: 'anyone', tokenInPath: false, oidc: [] });
    const archive = '/user/company/tool/1.0.0.zip';
    for (let i = 0; i < 3; i++) expect((await fetch(url + archive)).status).toBe(200);
    Object.assign(registry, {
      config: { ...registry.config, access: { read: 'token', tokenInPath: false, oidc: [] } },
    });
    expect(
      await sendRaw(server.port, `GET ${archive} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`),
    ).toMatch(/^HTTP\/1\.1 401 Unauthorized: This needs a token/);
  });
});
