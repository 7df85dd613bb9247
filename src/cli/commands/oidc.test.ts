import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startIssuer, testAudience } from '../../../test/support/issuer.ts';
import { temporaryDirectory } from '../../../test/support/temporary-directory.ts';
import { recordIo } from '../io.fixture.ts';
import { runCli } from '../run.ts';

async function world() {
  const directory = temporaryDirectory();
  const issuer = await startIssuer();
  const entry = (name: string, claims: string) =>
    `[[access.oidc]]\nname = "${name}"\nissuer = "${issuer.url}"\naudience = "${testAudience}"\nclaims = { ${claims} }\nmay = ["read"]\n`;
  await writeFile(
    join(directory, 'registry.toml'),
    entry('release', 'ref = ["refs/heads/main", "refs/tags/*"]') + entry('read', 'sub = "job"'),
  );
  const io = () => recordIo({ workingDirectory: directory });
  const now = Math.floor(io().now() / 1000);
  async function check(token: string) {
    await writeFile(join(directory, 'token'), `${token}\n`);
    const recorded = io();
    const code = await runCli(['oidc', 'check', 'token'], recorded);
    expect(recorded.written.stdout + recorded.written.stderr).not.toContain(token.split('.')[2]);
    return { code, text: recorded.written.stdout };
  }
  const token = (claims: Readonly<Record<string, unknown>> = {}) =>
    issuer.token({ iat: now, nbf: now, exp: now + 300, ...claims });
  return { issuer, check, token, io };
}

test('oidc check says by which entry a token is let in', async () => {
  const { check, token } = await world();
  const { code, text } = await check(await token());
  expect([code, text]).toEqual([
    0,
    `"read" lets it in, as read:job.
  release: does not fit
    ref: expected "refs/heads/main" or "refs/tags/*", which it does not say
  read: fits
`,
  ]);
});

test('of one that has ended it says all the same which claims do not fit', async () => {
  const { check, token } = await world();
  const { code, text } = await check(
    await token({ exp: 1000, iat: 0, nbf: 0, sub: 'x', ref: 'refs/tags/v1' }),
  );
  expect([code, text]).toEqual([
    1,
    `It is not let in: it expired at 1970-01-01T00:16:40.000Z.
  release: fits
  read: does not fit
    sub: expected "job", it says "x"
`,
  ]);
});

test('where the keys cannot be read it says why', async () => {
  const { check, token, issuer } = await world();
  issuer.documents.clear();
  const { code, text } = await check(await token());
  expect([code, text]).toEqual([
    1,
    `It is not let in: the keys of ${issuer.url} cannot be read: ${issuer.url}/.well-known/openid-configuration answers 404.\n`,
  ]);
});

test('a token that was typed is repeated nowhere', async () => {
  const { token, io } = await world();
  const typed = await token();
  const recorded = io();
  expect(await runCli(['oidc', 'check', typed], recorded)).toBe(2);
  expect(recorded.written.stderr).toContain('the token itself was typed');
  expect(recorded.written.stdout + recorded.written.stderr).not.toContain(typed.slice(0, 20));
});
