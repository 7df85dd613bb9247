import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { tryGit } from '../../test/support/git-client.ts';
import { oidcEntries, startIssuer, type TestIssuer, testAudience } from '../../test/support/issuer.ts';
import { serveStandIn } from '../../test/support/stand-in-server.ts';
import { openAccess } from '../registry/access/open-access.ts';
import { createToken } from '../registry/access/token-text.ts';
import { dataLayout } from '../registry/data-layout.ts';

const entry = (issuer: TestIssuer, more = 'may = ["read"]') =>
  `name = "machines"\nissuer = "${issuer.url}"\nclaims = { sub = "job" }\n${more}`;

async function world(more?: string) {
  const issuer = await startIssuer();
  const served = await serveStandIn();
  const { registry, url } = served;
  const allow = (...tables: readonly string[]) =>
    Object.assign(registry, {
      config: {
        ...registry.config,
        access: { read: 'token', tokenInPath: false, oidc: oidcEntries(...tables) },
      },
    });
  allow(entry(issuer, more));
  const exchange = async (token: string) => {
    const answer = await fetch(`${url}/api/v0/oidc/exchange`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ token }),
    });
    return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Answer };
  };
  const reading = async (token: string) =>
    (await fetch(`${url}/symbols.zip`, { headers: { Authorization: `Bearer ${token}` } })).status;
  return { ...served, issuer, allow, exchange, reading };
}

interface Answer {
  readonly token: string;
  readonly name: string;
  readonly expiresAt: string;
  readonly detail: string;
  readonly [key: string]: unknown;
}

describe('an identity token', () => {
  test('is exchanged for one of a quarter of an hour, with what moon needs of it', async () => {
    const { issuer, exchange, reading, url, log } = await world();
    const shown = await issuer.token();
    const { status, body, headers } = await exchange(shown);
    expect([status, body.detail]).toEqual([200, undefined]);
    expect(body.token).toMatch(/^mbr_[0-9A-Za-z]{49}$/);
    expect(body).toMatchObject({
      name: 'machines:job',
      grants: { read: ['*'] },
      credentials: { token: body.token },
      mooncakesRegistry: url.replace('http://', `http://token:${body.token}@`),
    });
    const minutes = (Date.parse(body.expiresAt) - Date.now()) / 60_000;
    expect([minutes > 14, minutes <= 15]).toEqual([true, true]);
    expect(headers.get('cache-control')).toMatch(/no-(store|cache)/);
    expect(await reading(body.token)).toBe(200);
    const git = await tryGit(['ls-remote', `${String(body.mooncakesRegistry)}/git/index`]);
    expect(git.stdout).toContain('refs/heads/main');
    expect(log.some(({ fields }) => fields?.token === 'machines:job')).toBe(true);
    for (const secret of [shown, body.token]) expect(JSON.stringify(log)).not.toContain(secret.slice(-30));
  });

  test('may come as a form, with the line end that a shell adds', async () => {
    const { issuer, url } = await world();
    const body = new URLSearchParams({ token: `${await issuer.token()}\n` });
    const send = (init: RequestInit) => fetch(`${url}/api/v0/oidc/exchange`, { method: 'POST', ...init });
    expect((await send({ body })).status).toBe(200);
    expect((await send({ body: 'token=', headers: { 'Content-Type': 'text/plain' } })).status).toBe(415);
    expect((await send({ body: new URLSearchParams() })).status).toBe(400);
    expect(
      (await send({ body: '{"token":1}', headers: { 'Content-Type': 'application/json' } })).status,
    ).toBe(400);
    expect(
      (await send({ body: 'x'.repeat(20_000), headers: { 'Content-Type': 'application/json' } })).status,
    ).toBe(413);
  });

  test('counts once, also where two come at the same moment, to any process', async () => {
    const { issuer, exchange, registry } = await world();
    const token = await issuer.token();
    const { access: otherAccess } = openAccess({
      layout: { ...dataLayout(registry.config.directory), index: registry.indexDirectory },
      actor: { user: 'x', command: 'x' },
      audit: { record: async () => {}, flush: async () => {} },
      ...{ now: () => new Date(), settings: () => registry.config, env: {}, onFailure() {} },
    });
    const { body } = await exchange(await issuer.token());
    expect(otherAccess.short.find(body.token, Date.now(), () => false).kind).toBe('holder');
    const outcomes = await Promise.all([
      ...Array.from({ length: 4 }, async () =>
        (await exchange(token)).status === 200 ? 'issued' : 'refused',
      ),
      ...Array.from({ length: 4 }, async () => (await otherAccess.identities.exchange(token)).kind),
    ]);
    expect(outcomes.filter((outcome) => outcome === 'issued')).toHaveLength(1);
    expect((await exchange(token)).body.detail).toContain('was exchanged before');
  });

  test('without a name of its own counts once too, and by whatever signature', async () => {
    const { issuer, exchange } = await world();
    const token = await issuer.token({ jti: undefined });
    expect((await exchange(token)).status).toBe(200);
    expect((await exchange(token)).status).toBe(401);
    // Of each ECDSA signature (r, s) anybody can make (r, n - s), which is as good.
    const [head = '', body = '', signature = ''] = token.split('.');
    const bytes = Buffer.from(signature, 'base64url');
    const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
    const s = order - BigInt(`0x${bytes.subarray(32).toString('hex')}`);
    const twin = Buffer.concat([bytes.subarray(0, 32), Buffer.from(s.toString(16).padStart(64, '0'), 'hex')]);
    const answer = await exchange(`${head}.${body}.${twin.toString('base64url')}`);
    expect([answer.status, answer.body.detail]).toEqual([401, expect.stringContaining('exchanged before')]);
  });
});

describe('the token that is given for it', () => {
  test('ends with the entry, with a change of what that asks for, and when its entry is revoked', async () => {
    const { issuer, exchange, reading, allow, registry } = await world();
    const { body } = await exchange(await issuer.token());
    expect(await reading(body.token)).toBe(200);
    allow(entry(issuer).replace('"job"', '"other"'));
    expect(await reading(body.token)).toBe(401);
    allow(entry(issuer));
    expect(await reading(body.token)).toBe(200);
    allow();
    expect(await reading(body.token)).toBe(401);
    allow(entry(issuer));
    await registry.tokens.revokeEntry('machines');
    const begun = performance.now();
    while ((await reading(body.token)) === 200) {
      expect(performance.now() - begun).toBeLessThan(1000);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const after = await exchange(await issuer.token());
    expect(await reading(after.body.token)).toBe(200);
  });

  test('may do what its entry says, and no more', async () => {
    const { issuer, exchange, url } = await world('may = ["publish", "read"]\nfor = ["company/*"]');
    const { body } = await exchange(await issuer.token());
    expect(body).toMatchObject({ grants: { read: ['company/*'], publish: ['company/*'] } });
    expect(body).not.toHaveProperty('mooncakesRegistry');
    const get = (path: string) => fetch(url + path, { headers: { Authorization: `Bearer ${body.token}` } });
    expect((await get('/user/company/none/1.0.0.zip')).status).toBe(404);
    expect((await get('/user/partner/none/1.0.0.zip')).status).toBe(403);
    expect((await get('/symbols.zip')).status).toBe(403);
  });

  test('ends by itself, is tidied away, and is no commit', async () => {
    const { issuer, exchange, registry, reading } = await world();
    const before = await registry.access.store.version();
    const { body } = await exchange(await issuer.token());
    expect(await registry.access.store.version()).toBe(before);
    const { shortTokens, burnedTokens } = dataLayout(registry.config.directory);
    expect(await readdir(shortTokens)).toHaveLength(1);
    const soon = Date.now() + 15 * 60_000;
    const find = (text: string, now: number) => registry.access.short.find(text, now, () => false);
    expect(find(body.token, soon + 1000)).toMatchObject({ kind: 'spent', why: 'expired' });
    await registry.access.short.tidy(soon - 1000);
    expect(await readdir(shortTokens)).toHaveLength(1);
    await registry.access.short.tidy(soon + 61 * 60_000);
    expect(await readdir(shortTokens)).toEqual([]);
    expect(await readdir(burnedTokens)).toHaveLength(1);
    // A disk that does not say lets nobody in, and nobody is told that the token is none.
    const { text, digest } = createToken();
    await mkdir(join(shortTokens, digest));
    expect(find(text, soon)).toEqual({ kind: 'unsure' });
    expect(await reading(text)).toBe(503);
  });
});

describe('what does not count', () => {
  const seconds = Math.floor(Date.now() / 1000);

  test('is told apart to whoever holds a token of the issuer, and what would do is for operators', async () => {
    const { issuer, exchange, log } = await world();
    const refusal = async (token: string) => {
      const { status, body } = await exchange(token);
      expect(JSON.stringify(body)).not.toMatch(/registry\.example"|\\"job\\"/);
      return [status, body.detail];
    };
    const none = 'This is no identity token of an issuer that is trusted here.';
    const other = { header: { kid: 'key-2' } };
    expect(await refusal('mbr_x')).toEqual([401, none]);
    expect(await refusal(await issuer.token({}, other))).toEqual([401, none]);
    const past = await refusal(
      await issuer.token({ exp: seconds - 120, iat: seconds - 500, nbf: undefined }),
    );
    expect(past).toEqual([401, expect.stringMatching(/^This token does not count now: it expired at 2/)]);
    const claims = { aud: 'https://other.example', sub: 'job2' };
    expect(await refusal(await issuer.token(claims))).toEqual([
      403,
      'This token is not what this registry lets in: aud ("https://other.example"), sub ("job2").',
    ]);
    const causes = log.map(({ fields }) => String(fields?.cause));
    expect(causes).toContain(`[[access.oidc]] "machines" expects aud: ${testAudience}; sub: job`);
    expect(causes).toContain('the identity token is not signed by a key of its issuer');
  });

  test('whoever goes on is slowed down, and those who may are heard', async () => {
    const { issuer, exchange } = await world();
    const statuses = [];
    for (let i = 0; i < 25; i++) statuses.push((await exchange(`no.token.${i}`)).status);
    expect(new Set(statuses)).toEqual(new Set([401, 429]));
    expect((await exchange(await issuer.token())).status).toBe(200);
  });

  test("that the keys cannot be read is nobody's fault, and why is for operators", async () => {
    const { issuer, exchange, log } = await world();
    issuer.documents.clear();
    const { status, body, headers } = await exchange(await issuer.token());
    expect([status, body.detail]).toEqual([503, "The keys of this token's issuer cannot be read just now."]);
    expect(headers.get('retry-after')).toBe('10');
    expect(JSON.stringify(body)).not.toContain('127.0.0.1');
    expect(log.some(({ fields }) => String(fields?.cause).startsWith(`keys of ${issuer.url}: `))).toBe(true);
  });

  test('nothing is exchanged where nobody is trusted', async () => {
    const { issuer, exchange, allow } = await world();
    allow();
    expect((await exchange(await issuer.token())).status).toBe(404);
  });
});
