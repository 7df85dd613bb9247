/** An author publishes: what is typed and said, and what a registry of the test's own gets of it. */
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { recordIo } from '../../src/cli/io.fixture.ts';
import { runCli } from '../../src/cli/run.ts';
import { defaultArchiveRules } from '../../src/registry/hosting/archive-rules.ts';
import { packModule } from '../../src/registry/hosting/pack-module.ts';
import { startServer } from '../../src/server/listen.ts';
import { type PublishStandIn, startPublishStandIn } from '../support/publish-stand-in.ts';
import { createToken } from '../support/publisher.ts';
import { createRegistry, readServed } from '../support/registry-world.ts';
import { runCli as runProgram } from '../support/run-cli.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { startUpstream } from '../support/worlds.ts';

const token = 'mbr_the-secret-of-this-test';
let standIn: PublishStandIn;
let surroundings = '';
let folder = '';

beforeEach(async () => {
  standIn = await startPublishStandIn();
  surroundings = temporaryDirectory();
  folder = await makeModule('tool', { name: 'company/tool', version: '1.0.0' });
});

async function makeModule(where: string, manifest: object): Promise<string> {
  const place = join(surroundings, where);
  await write(join(place, 'moon.mod.json'), JSON.stringify(manifest));
  await write(join(place, 'src/lib.mbt'), `pub fn one() -> String { "${where}" }\n`);
  return place;
}

async function write(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
}

interface Typed {
  readonly env?: Record<string, string | undefined>;
  readonly cwd?: string;
  readonly isTTY?: boolean;
}

function prepare({ env = {}, cwd = folder, isTTY = false }: Typed = {}) {
  const { PATH } = process.env;
  const all = { PATH, MOON_HOME: join(surroundings, 'moon'), MOONBIT_REGISTRY_TOKEN: token, ...env };
  return recordIo({ env: all, workingDirectory: cwd, isTTY });
}

/** In a folder, with the token; never with the token in what is said. */
async function publish(words: readonly string[] = [], typed: Typed = {}) {
  const io = prepare({ ...typed, env: { MOONCAKES_REGISTRY: standIn.url, ...typed.env } });
  const code = await runCli(['publish', ...words], io);
  expect(JSON.stringify(io.written)).not.toContain(token);
  return { code, ...io.written };
}

async function checksumOf(place: string): Promise<string> {
  return (await packModule(place, defaultArchiveRules)).checksum;
}

describe('a module', () => {
  test('is shown and sent, with the token in a header and in the form', async () => {
    await makeModule('tool', { name: 'company/tool', version: '1.0.0', license: 'Ours' });
    const { bytes, checksum } = await packModule(folder, defaultArchiveRules);
    const { code, stdout, stderr } = await publish();
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toBe(
      [
        `company/tool@1.0.0: 2 files of 92 B, packed ${bytes.length} B`,
        '  58 B  moon.mod.json',
        '  34 B  src/lib.mbt',
        `  Checksum: ${checksum}`,
        '  remark (licence): moon.mod.json: line 1, column 52: "Ours" is no SPDX licence expression such as "Apache-2.0" or "MIT OR Apache-2.0"',
        `Published on ${standIn.url}: company/tool@1.0.0.`,
        'To use it: moon update && moon add company/tool@1.0.0',
        '',
      ].join('\n'),
    );
    expect(standIn.seen).toEqual([
      {
        authorization: `Bearer ${token}`,
        fields: { token },
        files: { 'company-tool-1.0.0.zip': checksum },
      },
    ]);
  });

  test('has the same bytes whenever and by whomever it is packed', async () => {
    await publish();
    await utimes(join(folder, 'src/lib.mbt'), 1, 1);
    await chmod(join(folder, 'src/lib.mbt'), 0o600);
    await publish(['.'], { env: { TZ: 'Asia/Tokyo' } });
    await publish(['tool/moon.mod.json'], { cwd: surroundings });
    expect(standIn.seen).toHaveLength(3);
    expect(new Set(standIn.seen.map(({ files }) => JSON.stringify(files))).size).toBe(1);
  });

  test('may be a zip file, which is sent as it is', async () => {
    const { bytes, checksum } = await packModule(folder, defaultArchiveRules);
    await writeFile(join(surroundings, 'made.zip'), bytes);
    expect((await publish(['made.zip'], { cwd: surroundings })).code).toBe(0);
    expect(standIn.seen[0]?.files).toEqual({ 'company-tool-1.0.0.zip': checksum });
  });

  test('that no registry would take is refused here, with codes, and nothing is sent', async () => {
    const bad = await makeModule('bad', { name: 'company/bad', version: 'one', deps: { 'a/b': '*' } });
    const { code, stdout } = await publish([bad]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/ {2}error \(module-version\): /);
    expect(stdout).toMatch(/ {2}error \(dependency\): /);
    expect(stdout).toContain(`Not published: ${bad} cannot be, for what is said above.\n`);
    await writeFile(join(surroundings, 'no.zip'), 'not a zip');
    expect((await publish(['no.zip'], { cwd: surroundings })).stdout).toContain('error (not-a-zip)');
    expect(standIn.seen).toEqual([]);
    const document = JSON.parse((await publish([bad, '--json'])).stdout);
    expect(document).toMatchObject({
      outcome: 'refused',
      modules: [{ problems: [{ code: 'module-version', severity: 'error' }, { code: 'dependency' }] }],
    });
  });

  test('of many files shows the first twenty, and all with --json', async () => {
    for (let file = 10; file < 40; file++) await write(join(folder, `src/f${file}.mbt`), '');
    const { stdout } = await publish();
    expect(stdout.match(/\.mbt$/gm)).toHaveLength(19);
    expect(stdout).toContain('  … and 12 more (--json lists all)\n');
    const { modules } = JSON.parse((await publish(['--json'])).stdout);
    expect(modules[0].files).toHaveLength(32);
  });

  test('is waited for until it is listed', async () => {
    standIn.listed.set('company/tool@1.0.0', 2);
    const { code, stdout } = await publish(['--wait']);
    expect([code, standIn.listed.get('company/tool@1.0.0')]).toEqual([0, 0]);
    expect(stdout).toContain('.\nThe index lists it.\n');
  });
});

describe('a dry run', () => {
  test('asks the registry, which says yes', async () => {
    const { code, stdout } = await publish(['--dry-run']);
    expect([code, standIn.seen[0]?.fields]).toEqual([0, { token, dry_run: 'true' }]);
    expect(stdout).toContain(
      `Dry run: ${standIn.url} would publish company/tool@1.0.0. Nothing was changed.\n`,
    );
  });

  test('that was taken for real is told', async () => {
    standIn.answers.push({ status: 200, body: '{"status":"ok"}' });
    const { code, stderr } = await publish(['--dry-run']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/does not know dry runs: .*\nhint: curl http/);
  });

  test('never asks the official registry, which might publish it', async () => {
    const words = ['--dry-run', '--registry', 'https://mooncakes.io'];
    const { code, stdout } = await publish(words, { env: { https_proxy: standIn.url } });
    expect([code, standIn.seen]).toEqual([0, []]);
    expect(stdout).toContain('https://mooncakes.io was not asked');
  });
});

describe('a workspace', () => {
  beforeEach(async () => {
    await makeModule('app', { name: 'company/app', version: '2.0.0', deps: { 'company/tool': '1.0.0' } });
    await writeFile(join(surroundings, 'moon.work'), 'members = ["app", "./tool"]\n');
  });

  test('is one request, of which all must be listed afterwards', async () => {
    for (const id of ['company/app@2.0.0', 'company/tool@1.0.0']) standIn.listed.set(id, 0);
    const { code, stdout } = await publish(['--workspace'], { cwd: surroundings });
    expect(code).toBe(0);
    expect(stdout).toContain(
      `Published on ${standIn.url}: company/app@2.0.0, company/tool@1.0.0.\nThe index lists all of them.\n`,
    );
    expect(standIn.seen.map(({ files }) => files)).toEqual([
      {
        'company-app-2.0.0.zip': await checksumOf(join(surroundings, 'app')),
        'company-tool-1.0.0.zip': await checksumOf(folder),
      },
    ]);
  });

  test('is not sent while one member is refused', async () => {
    await makeModule('app', { name: 'company/app', version: '2.0' });
    const { code, stdout } = await publish(['--workspace'], { cwd: surroundings });
    expect([code, standIn.seen]).toEqual([1, []]);
    expect(stdout).toContain('company/tool@1.0.0: 2 files');
  });

  test('has no module twice, and a file that says which', async () => {
    await makeModule('app', { name: 'company/tool', version: '2.0.0' });
    const twice = await publish(['--workspace'], { cwd: surroundings });
    expect(twice.stderr).toMatch(/app and .*tool are both the module company\/tool/);
    expect((await publish(['--workspace'])).stderr).toContain('there is no moon.work at');
    await writeFile(join(surroundings, 'moon.work'), 'members = []\n');
    expect((await publish(['--workspace'], { cwd: surroundings })).stderr).toContain('has no members');
    expect(standIn.seen).toEqual([]);
  });
});

describe('what a registry answers', () => {
  const detail = (text: string) => JSON.stringify({ detail: text });

  test.each([
    [
      401,
      'Invalid token: log in again.',
      /^error: http\S+ does not accept the token of MOONBIT_REGISTRY_TOKEN: Invalid/,
    ],
    [
      409,
      'Version Error: … is duplicated with an existing version (1.0.0).',
      /is duplicated with an existing version/,
    ],
    [413, 'The archive has more than the 5 bytes that may be published.', /larger than .* 5 bytes/],
  ])('%i is said with its reason', async (status, text, said) => {
    standIn.answers.push({ status, body: detail(text) });
    const { code, stderr } = await publish();
    expect([code, standIn.seen.length]).toEqual([1, 1]);
    expect(stderr).toMatch(said);
    expect(stderr).toMatch(/^hint: /m);
  });

  test('that it is not there for the moment is waited out, with the same bytes', async () => {
    const soon = { status: 503, headers: { 'retry-after': '0' } };
    standIn.answers.push(soon, 'hang up', { ...soon, status: 429 });
    expect((await publish()).code).toBe(0);
    expect(new Set(standIn.seen.map((one) => JSON.stringify(one))).size).toBe(1);
    expect(standIn.seen).toHaveLength(4);
  });

  test('that it wants more time than anybody has is told at once', async () => {
    standIn.answers.push({ status: 429, headers: { 'retry-after': '3600' } });
    const { code, stderr } = await publish();
    expect([code, standIn.seen.length]).toEqual([1, 1]);
    expect(stderr).toContain('hint: wait 3600 seconds, and run the same command again');
  });

  test('never tells the token, however it is written, nor what steers a terminal', async () => {
    const hidden = Buffer.from(token).toString('base64');
    standIn.answers.push({ status: 400, body: detail(`no ${token} ${hidden} \u001b[2J\nhint: run rm`) });
    const { stderr } = await publish();
    expect(stderr).not.toContain(hidden);
    expect(stderr).not.toContain('\u001b');
    expect(stderr.match(/^hint: /gm)).toHaveLength(1);
    standIn.answers.push({ status: 400, body: `<html>${token}</html>` });
    expect((await publish()).stderr).toContain('refuses it\n');
  });

  test('leads nowhere else', async () => {
    const other = await startPublishStandIn();
    standIn.answers.push({ status: 307, headers: { location: `${other.url}/api/v0/publish` } });
    const { code, stderr } = await publish();
    expect([code, other.seen]).toEqual([1, []]);
    expect(stderr).toContain(`moonbit-registry publish --registry ${other.url}\n`);
  });

  test('that it takes it later is no error, but not done either', async () => {
    standIn.answers.push({ status: 202, body: detail('It waits for an approval.') });
    const { code, stdout, stderr } = await publish();
    expect(code).toBe(3);
    expect(stdout).toContain('and does not list it yet.');
    expect(stderr).toContain('says: It waits for an approval\n');
  });
});

describe('where and by what', () => {
  const nothing = { MOONCAKES_REGISTRY: undefined, MOONBIT_REGISTRY_TOKEN: undefined };

  test('what moon has in its files is enough', async () => {
    await write(join(surroundings, 'moon/config.json'), `{"api": "${standIn.url}/", /* ours */ "index": ""}`);
    await write(join(surroundings, 'moon/credentials.json'), JSON.stringify({ token, username: 'ada' }));
    expect((await publish([], { env: nothing })).code).toBe(0);
    expect(standIn.seen[0]?.fields).toEqual({ token });
  });

  test('what moon has for another registry is not sent', async () => {
    await write(join(surroundings, 'moon/credentials.json'), JSON.stringify({ token, username: 'ada' }));
    const { code, stderr } = await publish(['--registry', standIn.url], { env: nothing });
    expect([code, standIn.seen]).toEqual([1, []]);
    expect(stderr).toContain('is for another registry');
  });

  test('the address that "token create" prints for reading is no secret that is told or sent', async () => {
    const secret = 'mbr_another-secret';
    const env = { MOONCAKES_REGISTRY: standIn.url.replace('://', `://token:${secret}@`) };
    const { code, stdout } = await publish([], { env });
    expect(code).toBe(0);
    expect(JSON.stringify([stdout, standIn.seen])).not.toContain(secret);
    const typed = await publish(['--registry', env.MOONCAKES_REGISTRY]);
    expect([typed.code, typed.stderr]).toEqual([2, expect.not.stringContaining(secret)]);
  });

  test('nobody is asked where nothing says whom, or by what', async () => {
    expect((await publish([], { env: { MOONCAKES_REGISTRY: undefined } })).stderr).toMatch(
      /^error: which registry/,
    );
    const env = { MOONBIT_REGISTRY_TOKEN: undefined };
    expect((await publish([], { env })).stderr).toMatch(/^error: there is no token/);
    expect((await publish(['--token-env', 'CI_TOKEN'])).stderr).toMatch(/CI_TOKEN, which is not set/);
    expect((await publish(['nowhere'])).stderr).toMatch(/^error: there is no moon\.mod/);
    expect(standIn.seen).toEqual([]);
  });
});

describe('on a registry of this program', () => {
  const mine = { name: 'company/tool', version: '1.0.0' };
  async function serveHosting() {
    const upstream = await startUpstream(['alice/json@1.0.0']);
    const hosting = 'namespaces = ["company/*"]\nmax_archive = "1MiB"';
    const registry = await createRegistry({ sources: [{ name: 'public', upstream }], hosting });
    const server = await startServer(registry, { host: '127.0.0.1', port: 0 });
    onTestFinished(() => server.close(0));
    const env = {
      MOONCAKES_REGISTRY: server.url,
      MOONBIT_REGISTRY_TOKEN: await createToken(registry, 'ci'),
    };
    return { env, served: () => readServed(registry) };
  }

  test('a module is published once, and listed', async () => {
    const { env, served } = await serveHosting();
    const before = await served();
    expect((await publish(['--dry-run'], { env })).stdout).toContain('Nothing was changed.');
    expect(await served()).toEqual(before);
    for (const words of [['--wait'], ['--wait', '--dry-run'], []])
      expect([words, (await publish(words, { env })).code]).toEqual([words, 0]);
    expect(await served()).toEqual({ 'company/tool@1.0.0': await checksumOf(folder) });
    await write(join(folder, 'src/lib.mbt'), 'pub fn two() -> Int { 2 }\n');
    expect((await publish([], { env })).stderr).toMatch(
      /with other bytes: Version Error: .*\nhint: a version never changes/,
    );
  });

  test('of a workspace all is listed, or nothing', async () => {
    const { env, served } = await serveHosting();
    await write(join(surroundings, 'moon.work'), 'members = ["app", "tool"]\n');
    await makeModule('app', { name: 'others/app', version: '1.0.0' });
    const refused = await publish(['--workspace'], { env, cwd: surroundings });
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/may not publish that .*User mismatch/);
    expect(await served()).toEqual({});
    await makeModule('app', { name: 'company/app', version: '1.0.0', deps: { [mine.name]: mine.version } });
    const done = await publish(['--workspace'], { env, cwd: surroundings });
    expect([done.code, done.stderr]).toEqual([0, '']);
    expect(done.stdout).not.toContain('The index lists'); // the registry said so itself
    expect(Object.keys(await served())).toEqual(['company/app@1.0.0', 'company/tool@1.0.0']);
  });

  test('what is too large, and whose token is none, is heard of while it is still being sent', async () => {
    const { env } = await serveHosting();
    await writeFile(join(folder, 'large.bin'), randomBytes(4_000_000));
    expect((await publish([], { env })).stderr).toMatch(/^error: it is larger than .* 1048576 bytes/);
    const nobody = { ...env, MOONBIT_REGISTRY_TOKEN: token };
    expect((await publish([], { env: nobody })).stderr).toMatch(/larger than|does not accept the token/);
  });
});

describe('whoever interrupts it', () => {
  test('is told that it may have been published, and where to look', async () => {
    const io = prepare({ env: { MOONCAKES_REGISTRY: standIn.url } });
    standIn.answers.push('say nothing');
    standIn.onPublish = () => io.interrupt();
    expect(await runCli(['publish'], io)).toBe(130);
    expect(io.written.stderr).toContain(
      `it may have been published, as it was on its way: see curl ${standIn.url}/api/v0/manifest/company/tool@1.0.0`,
    );
  });

  test('while it waits for the index is told that it is published', async () => {
    const io = prepare({ env: { MOONCAKES_REGISTRY: standIn.url } });
    standIn.onPublish = () => setTimeout(() => io.interrupt(), 150);
    expect(await runCli(['publish', '--wait'], io)).toBe(130);
    expect(io.written.stderr).toContain('it is published: only the wait for the index was interrupted');
  });
});

test('on a terminal, how far it is stands on one line, which goes', async () => {
  await write(join(folder, 'large.bin'), 'x'.repeat(500_000));
  const { stderr, stdout } = await publish([], { isTTY: true });
  expect(stderr).toContain('Sending 0 B of ');
  expect(stderr.endsWith('\r\u001b[K')).toBe(true);
  expect(stdout).not.toContain('Sending');
});

test('the built program packs what it needs to publish', async () => {
  const env = { MOONCAKES_REGISTRY: standIn.url, MOONBIT_REGISTRY_TOKEN: token, MOON_HOME: surroundings };
  const { code, stdout, stderr } = await runProgram(['publish', folder, '--json'], {
    env,
    cwd: surroundings,
  });
  expect([code, stderr]).toEqual([0, '']);
  const { modules, outcome } = JSON.parse(stdout);
  expect([outcome, standIn.seen[0]?.files]).toEqual([
    'published',
    { 'company-tool-1.0.0.zip': modules[0].checksum },
  ]);
});
