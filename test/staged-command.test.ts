/** What an author, who approves, and the operator type about versions that wait, and what they read. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { recordIo } from '../src/cli/io.fixture.ts';
import { runCli } from '../src/cli/run.ts';
import type { Grants } from '../src/registry/access/permissions.ts';
import { startServer } from '../src/server/listen.ts';
import { startPublishStandIn } from './support/publish-stand-in.ts';
import { createRegistry, readServed } from './support/registry-world.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';
import { sha256 } from './support/worlds.ts';

const nobody = { url: 'http://127.0.0.1:9', indexUrl: 'http://127.0.0.1:9/git/index' };

async function makeWorld() {
  const registry = await createRegistry({
    sources: [{ name: 'public', upstream: nobody, enabled: false }],
    hosting: 'namespaces = ["company/*"]\nrequire_approval = ["company/core*"]',
  });
  const server = await startServer(registry, { host: '127.0.0.1', port: 0 });
  onTestFinished(() => server.close(0));
  const make = async (name: string, owner: string, grants: Grants) =>
    (await registry.tokens.create({ name, owner, grants, lifetimeMs: 60_000 })).text;
  const tokens = {
    ada: await make('ci', 'ada', { read: ['*'], publish: ['company/*'], admin: ['company/*'] }),
    bob: await make('boss', 'bob', { read: ['*'], admin: ['company/*'] }),
  };
  const surroundings = temporaryDirectory();

  /** With somebody's token, or in the directory of the registry. */
  async function type(who: 'ada' | 'bob' | 'operator', words: readonly string[]) {
    const env = { PATH: process.env.PATH, MOON_HOME: join(surroundings, 'moon') };
    const isOperator = who === 'operator';
    const io = recordIo({
      env: isOperator ? env : { ...env, MOONBIT_REGISTRY_TOKEN: tokens[who] },
      workingDirectory: isOperator ? registry.config.directory : surroundings,
    });
    const code = await runCli(isOperator ? words : [...words, '--registry', server.url], io);
    for (const token of Object.values(tokens)) expect(JSON.stringify(io.written)).not.toContain(token);
    return { code, ...io.written };
  }
  async function write(id: string, text = id): Promise<string> {
    const folder = join(surroundings, id.replace('/', '-'));
    const [name = '', version = ''] = id.split('@');
    await mkdir(join(folder, 'src'), { recursive: true });
    await writeFile(join(folder, 'moon.mod.json'), JSON.stringify({ name, version, license: 'MIT' }));
    await writeFile(join(folder, 'src/lib.mbt'), `pub fn one() -> String { "${text}" }\n`);
    return folder;
  }
  return { registry, surroundings, url: server.url, type, write };
}

const idIn = (text: string) => /[0-9a-f]{64}/.exec(text)?.[0] ?? '';

test('an author sends, a colleague looks and approves, and each reads what to do next', async () => {
  const { registry, surroundings, url, type, write } = await makeWorld();
  const folder = await write('company/core@1.0.0');
  const sent = await type('ada', ['publish', folder]);
  expect([sent.code, sent.stdout]).toEqual([
    3,
    expect.stringContaining(`Waiting for approval on ${url}, not published yet: company/core@1.0.0.`),
  ]);
  expect((await type('ada', ['publish', folder, '--stage'])).code).toBe(0);
  const listed = await type('bob', ['staged', 'list']);
  const id = idIn(listed.stdout);
  expect(listed.stdout).toMatch(
    /^company\/core@1\.0\.0\n {2}Sent: {5}by ada with the token "ci", just now \(\d+ B\)\n {2}Until: {4}\S+\n {2}Id: {7}[0-9a-f]{64}\nTo look at one: /,
  );
  expect(listed.stdout).toContain(`moonbit-registry staged show ${id} --registry ${url}\n`);
  const shown = await type('bob', ['staged', 'show', 'company/core@1.0.0']);
  expect(shown.stdout).toContain('    name: "company/core"\n');
  expect(shown.stdout).toContain('  No version below it is published.\n');
  expect(shown.stdout).toContain(
    `exactly these bytes: moonbit-registry staged approve ${id} --registry ${url}\n`,
  );
  expect(shown.stdout).not.toContain(registry.config.directory);

  const saving = ['staged', 'show', id, '--save', 'look'];
  expect((await type('bob', saving)).stderr).toMatch(/Saved .*look\/company-core-1\.0\.0\.zip/);
  const saved = join(surroundings, 'look', 'company-core-1.0.0.zip');
  expect(sha256(await readFile(saved))).toBe(id);
  expect((await type('bob', saving)).code).toBe(0);
  await writeFile(saved, 'mine');
  expect((await type('bob', saving)).code).toBe(1);
  expect(await readFile(saved, 'utf8')).toBe('mine');

  const own = await type('ada', ['staged', 'approve', id]);
  expect([own.code, own.stderr]).toEqual([1, expect.stringContaining('somebody else has to approve it')]);
  expect((await type('bob', ['staged', 'approve', id])).stdout).toBe('Published: company/core@1.0.0.\n');
  expect((await type('bob', ['staged', 'approve', id])).code).toBe(0);
  expect((await type('ada', ['publish', folder, '--stage'])).stderr).toContain('it was to wait for approval');
  expect(Object.keys(await readServed(registry))).toEqual(['company/core@1.0.0']);
  const explained = await type('operator', ['explain', 'company/core@1.0.0']);
  expect(explained.stdout).toContain('approved by bob with the token "boss"\n');
});

test('a version is approved by the bytes that were looked at', async () => {
  const { registry, type, write } = await makeWorld();
  await type('ada', ['publish', await write('company/core@1.0.0')]);
  const seen = idIn((await type('operator', ['staged', 'show', 'company/core@1.0.0'])).stdout);
  const name = ['staged', 'approve', 'company/core@1.0.0'];
  const unnamed = await type('operator', name);
  expect([unnamed.code, unnamed.stderr]).toEqual([2, expect.stringContaining(`staged show ${seen}`)]);
  await type('ada', ['publish', await write('company/core@1.0.0', 'evil')]);
  const changed = await type('operator', [...name, '--checksum', seen]);
  expect([changed.code, changed.stderr]).toEqual([1, expect.stringContaining('waits with other bytes than')]);
  const gone = await type('operator', ['staged', 'approve', seen]);
  expect(gone.stderr).toContain('it was replaced by other bytes of the same version by ada');
  expect(await readServed(registry)).toEqual({});
  const now = idIn((await type('operator', ['staged', 'show', 'company/core@1.0.0'])).stdout);
  expect((await type('operator', [...name, '--checksum', now])).stdout).toBe(
    'Published: company/core@1.0.0.\n',
  );
  const noToken = await type('operator', ['staged', 'list', '--registry', 'https://moon.company.com']);
  expect(noToken.stderr).toContain('token create NAME --owner PERSON --may admin --for PATTERN');
  for (const words of [
    ['approve', seen.slice(0, 12)],
    ['show', 'nonsense'],
    ['reject', now],
    ['list', '--token-env', 'X'],
  ])
    expect((await type('operator', ['staged', ...words])).code, words.join(' ')).toBe(2);
  expect((await type('operator', ['staged', 'show', now])).stderr).toContain(
    'waits no more: it was approved',
  );
  expect((await type('operator', ['staged', 'list', '--all'])).stdout).toMatch(/Now: {6}replaced by ada/);
});

test('who waits hears of the decision', async () => {
  const { registry, type, write } = await makeWorld();
  const wait = async (id: string) => type('ada', ['publish', await write(id), '--wait']);
  const untilThere = async () => {
    for (;;) {
      const [first] = (await registry.staging.list()).filter(({ decision }) => !decision);
      if (first) return first.id;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const approved = wait('company/core@1.0.0');
  await type('bob', ['staged', 'approve', await untilThere()]);
  expect(await approved).toMatchObject({ code: 0, stdout: expect.stringContaining('The index lists it.') });
  const rejected = wait('company/core@1.1.0');
  await type('bob', ['staged', 'reject', await untilThere(), '--reason', 'has no tests']);
  expect(await rejected).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('has not published it: it was rejected by bob: has no tests'),
  });
});

test('what knows of no waiting is not asked for it, or found out', async () => {
  const { type, write } = await makeWorld();
  const folder = await write('company/tool@1.0.0');
  const standIn = await startPublishStandIn();
  const io = recordIo({
    env: { MOONBIT_REGISTRY_TOKEN: 't', PATH: process.env.PATH },
    workingDirectory: folder,
  });
  expect(await runCli(['publish', '--stage', '--registry', standIn.url], io)).toBe(3);
  expect(standIn.seen[0]?.fields.stage).toBe('true');
  expect(io.written.stderr).toContain('or knows of no --stage');
  const official = ['publish', folder, '--stage', '--registry', 'https://mooncakes.io'];
  expect(await runCli(official, io)).toBe(1);
  expect(io.written.stderr).toContain('is not known to let anything wait for approval');
  expect((await type('ada', ['publish', folder, '--stage', '--dry-run'])).stdout).toContain('Dry run: ');
});
