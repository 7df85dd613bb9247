/** Somebody logs in at a registry: what is typed, said and let in by it. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { recordIo } from '../../src/cli/io.fixture.ts';
import { runCli } from '../../src/cli/run.ts';
import { startServer } from '../../src/server/listen.ts';
import { startIssuer, type TestIssuer, testAudience } from '../support/issuer.ts';
import { createRegistry } from '../support/registry-world.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { startUpstream } from '../support/worlds.ts';

const ada = { sub: 'user-7', email: 'ada@company.com', groups: ['staff', 'compilers'] };
const pending = [400, { error: 'authorization_pending' }] as const;

function entryOf(issuer: TestIssuer, more = 'claims = { groups = "staff" }', name = 'people'): string {
  return `[[access.oidc]]\nname = "${name}"\nissuer = "${issuer.url}"\naudience = "${testAudience}"\nmay = ["read"]\nlogin = true\n${more}\n`;
}

async function world(entries: (issuer: TestIssuer) => string = (issuer) => entryOf(issuer)) {
  const issuer = await startIssuer();
  const upstream = await startUpstream(['alice/json@1.0.0']);
  const registry = await createRegistry({ sources: [{ name: 'public', upstream }] });
  const file = join(registry.config.directory, 'registry.toml');
  const set = async (text: string) => {
    await writeFile(file, `${await original}\n[access]\nread = "token"\n${text}`);
    await registry.reload();
  };
  const original = readFile(file, 'utf8');
  await set(entries(issuer));
  const server = await startServer(registry, { host: '127.0.0.1', port: 0 });
  onTestFinished(() => server.close(0));
  const read = async (token: string) =>
    (await fetch(`${server.url}/symbols.zip`, { headers: { authorization: `Bearer ${token}` } })).status;
  return { issuer, registry, server, read, set };
}

async function login(words: readonly string[]) {
  const io = recordIo({ workingDirectory: temporaryDirectory() });
  const code = await runCli(['login', ...words], io);
  return { code, ...io.written };
}

test('whoever logs in with a browser reads for 90 days, and is ended like any other', async () => {
  const { issuer, registry, server, read } = await world();
  issuer.letDevicesIn([pending, [200, { claims: ada }]]);
  const { code, stdout, stderr } = await login([server.url]);
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toContain(`Open ${issuer.url}/open\n`);
  expect(stdout).toContain('enter the code ABCD-EFGH\n');
  expect(stdout).toContain('as people:user-7#1; the token expires');
  const token = /mbr_\w+/.exec(stdout)?.[0] ?? '';
  expect(stdout).toContain(
    `export ${`MOONCAKES_REGISTRY=${server.url.replace('http://', `http://token:${token}@`)}`}`,
  );
  expect(await read(token)).toBe(200);
  const [record] = await registry.tokens.list();
  expect(record).toMatchObject({
    ...{ name: 'people:user-7#1', owner: 'people:user-7', grants: { read: ['*'] }, standing: 'valid' },
    login: { entry: 'people', claims: { sub: 'user-7', email: 'ada@company.com' } },
  });
  const days = (Date.parse(record?.expiresAt ?? '') - Date.now()) / 86_400_000;
  expect([days > 89, days <= 90]).toEqual([true, true]);
  await registry.tokens.revoke({ owner: 'people:user-7' });
  await expect.poll(() => read(token)).toBe(401);
});

describe('a token of a login', () => {
  test('ends with the entry that gave it, and reads what that says now', async () => {
    const { issuer, server, read, set } = await world();
    issuer.letDevicesIn([[200, { claims: ada }]]);
    const token = /mbr_\w+/.exec((await login([server.url])).stdout)?.[0] ?? '';
    await set(entryOf(issuer, 'claims = { groups = "staff" }\nfor = ["bob/*"]'));
    expect(await read(token)).toBe(403);
    await set(entryOf(issuer, 'claims = { groups = "admins" }'));
    expect(await read(token)).toBe(401);
    await set(entryOf(issuer));
    expect(await read(token)).toBe(200);
    await set('');
    expect(await read(token)).toBe(401);
  });

  test('is one of ten at a time, of whom the oldest goes', async () => {
    const { issuer, registry, server } = await world();
    issuer.letDevicesIn([[200, { claims: ada }]]);
    for (let time = 0; time < 11; time++) expect((await login([server.url])).code).toBe(0);
    const tokens = await registry.tokens.list('people:user-7');
    expect(tokens.map(({ standing }) => standing)).toEqual(['revoked', ...Array(10).fill('valid')]);
    expect(tokens.at(-1)?.name).toBe('people:user-7#11');
  });
});

describe('who is not let in is told why:', () => {
  test.each([
    ['who refuses', [pending, [400, { error: 'access_denied' }]], 'the login was refused'],
    ['who waits too long', [[400, { error: 'expired_token' }]], 'nobody logged in within the time'],
    ['whom the entry does not mean', [[200, { claims: { ...ada, groups: ['guests'] } }]], 'groups'],
    ['of whom nothing is said', [[200, { access_token: 'x' }]], 'no id_token'],
    ['by an error that is none', [[400, { error: '\u001b[31mred' }]], 'answers "'],
  ] as const)('%s', async (_, answers, words) => {
    const { issuer, registry, server } = await world();
    issuer.letDevicesIn(answers);
    const done = await login([server.url]);
    expect([done.code, done.stderr.includes('\u001b')]).toEqual([1, false]);
    expect(done.stderr).toContain(words);
    expect(await registry.tokens.list()).toEqual([]);
  });

  test('where nobody logs in, and where there are several ways', async () => {
    const without = await world((issuer) => entryOf(issuer).replace('login = true', ''));
    expect((await login([without.server.url])).stderr).toMatch(
      /^error: nobody logs in at http:.*\nhint: ask whoever operates it/,
    );
    const { issuer, server } = await world(
      (one) => `${entryOf(one)}${entryOf(one, 'claims = { sub = "user-7" }', 'me')}`,
    );
    const unsaid = await login([server.url]);
    expect(unsaid.stderr).toMatch(
      /several ways to log in .*: people, me\nhint: moonbit-registry login http.* --by people/,
    );
    expect((await login([server.url, '--by', 'mee'])).stderr).toContain('--by me');
    issuer.letDevicesIn([[200, { claims: ada }]]);
    expect((await login([server.url, '--by', 'me'])).code).toBe(0);
  });

  test('of an issuer that leads elsewhere nothing is opened', async () => {
    const { issuer, server } = await world();
    for (const [key, value] of [
      ['device_authorization_endpoint', 'http://issuer.example/device'],
      ['token_endpoint', 'file:///etc/passwd'],
      ['issuer', 'https://other.example'],
    ] as const) {
      issuer.letDevicesIn([pending]);
      const path = '/.well-known/openid-configuration';
      issuer.documents.set(path, { ...(issuer.documents.get(path) as object), [key]: value });
      const done = await login([server.url]);
      expect([key, done.code, done.stdout]).toEqual([key, 1, '']);
    }
    issuer.letDevicesIn([pending]);
    issuer.documents.set('/device', {
      ...(issuer.documents.get('/device') as object),
      verification_uri: 'javascript:alert(1)',
    });
    expect((await login([server.url])).stderr).toContain('names an address that is not https');
  });
});

test('an address that would show the token to everybody on the way, or holds one, is refused', async () => {
  expect((await login(['http://moon.company.com'])).stderr).toContain('is not encrypted');
  const typed = await login(['https://token:mbr_secret@moon.company.com']);
  expect([typed.code, typed.stderr.includes('mbr_secret')]).toEqual([2, false]);
});
