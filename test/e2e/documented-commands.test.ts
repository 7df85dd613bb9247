/**
 * The commands of the README and of docs/recipes, run in order in an empty home, from the package that `npm pack` makes,
 * as a user without rights. The hosts they name are stand-ins on loopback.
 */
import { execFile } from 'node:child_process';
import { chmod, chown, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join, normalize } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { isAsPromised, readCommandBlocks } from '../support/documented-page.ts';
import { freePort } from '../support/free-port.ts';
import { shallowClone } from '../support/git-client.ts';
import { type Internet, installMoonStandIn, startInternet } from '../support/internet.ts';
import { type ShellSession, startShell } from '../support/shell-session.ts';
import { suiteDirectory } from '../support/temporary-directory.ts';
import type { Publication } from '../worlds/publisher.ts';
import type { UpstreamRegistry } from '../worlds/upstream-registry.ts';
import { downloadFrom, readServedIndex } from './cli-registry.ts';

const execute = promisify(execFile);
const root = join(import.meta.dirname, '../..');

const sourceList = `Configured sources:

  mooncakes (default) [enabled]
    Type: mooncakes
    URL: https://mooncakes.io
    Index: https://mooncakes.io/git/index (git)
    Priority: 100

  partner [enabled]
    Type: custom
    URL: https://partner.example.com/registry
    Index: https://partner.example.com/registry/git/index (git)
    Priority: 50

  internal [enabled]
    Type: custom
    URL: https://internal.company.com/moonbit
    Index: https://internal.company.com/moonbit/git/index (git)
    Priority: 25
`;

const publicModules: readonly Publication[] = [
  { module: 'moonbitlang/x', version: '0.4.38' },
  { module: 'moonbitlang/x', version: '0.4.40' },
  { module: 'moonbitlang/parser', version: '0.1.15', deps: { 'moonbitlang/x': '0.4.40' } },
  {
    module: 'moonbitlang/toolkit/lexer',
    version: '0.2.0+20260115',
    deps: { 'moonbitlang/parser': '0.1.14' },
  },
  { module: 'tidepool/http', version: '0.2.1' },
  { module: 'lantern/markdown', version: '0.4.7', deps: { 'moonbitlang/x': '0.4.38' } },
  { module: 'lantern/unused', version: '1.0.0' },
  // Somebody publishes a name of the company's, with a version that beats every real one.
  { module: 'company/tool', version: '99.0.0' },
];
const partnerModules: readonly Publication[] = [
  { module: 'partner-org/payments', version: '1.0.0', deps: { 'tidepool/http': '0.2.1' } },
  { module: 'partner-org/sdk/testing', version: '2.4.0', deps: { 'partner-org/payments': '1.0.0' } },
];
const internalModules: readonly Publication[] = [
  { module: 'company/tool', version: '1.3.0' },
  { module: 'company/tool', version: '1.4.0', deps: { 'lantern/markdown': '0.4.7' } },
  { module: 'company/billing', version: '1.2.0', deps: { 'partner-org/payments': '1.0.0' } },
];
const servedIds = [
  ...publicModules.filter(({ module }) => module !== 'company/tool'),
  ...partnerModules,
  ...internalModules,
]
  .map(({ module, version }) => `${module}@${version}`)
  .sort();

const surroundings = suiteDirectory();
/** Nobody's number: a user who owns nothing but a home. The suite may not be allowed to be another one. */
const user = process.getuid?.() === 0 ? 54_321 : undefined;
const tools = join(surroundings, 'tools');
/** Has the command, as an installation would. */
const installed = join(surroundings, 'installed');
const packed = join(surroundings, 'packed');
let internet: Internet;
let archive = '';

beforeAll(async () => {
  // What another user owns, our own git looks into all the same.
  Object.assign(process.env, {
    GIT_CONFIG_COUNT: '1',
    GIT_CONFIG_KEY_0: 'safe.directory',
    GIT_CONFIG_VALUE_0: '*',
  });
  await chmod(surroundings, 0o755);
  await Promise.all([openInternet(), packAndInstall()]);
});
afterAll(() => internet.close());

async function openInternet(): Promise<void> {
  internet = await startInternet(join(surroundings, 'internet'), [
    { host: 'mooncakes.io', modules: publicModules },
    { host: 'download.mooncakes.io', modules: publicModules },
    { host: 'partner.example.com', basePath: '/registry', modules: partnerModules },
    { host: 'internal.company.com', basePath: '/moonbit', modules: internalModules },
    {
      host: 'private.example.com',
      modules: [{ module: 'secret-org/plans', version: '1.0.0' }],
      auth: { type: 'bearer', token: 'the-token' },
    },
  ]);
}

/** `npm test` has just built what is packed; building again would take it from under the other tests. */
async function packAndInstall(): Promise<void> {
  for (const folder of [packed, tools, installed]) await mkdir(folder);
  const words = ['pack', '--ignore-scripts', '--json', '--pack-destination', surroundings];
  const { stdout } = await execute('npm', words, { cwd: root });
  const [{ filename }] = JSON.parse(stdout) as [{ filename: string }];
  archive = join(surroundings, filename);
  await execute('tar', ['-xzf', archive, '-C', packed, '--strip-components=1']);
  await symlink(join(packed, 'dist/main.js'), join(installed, 'moonbit-registry'));
  await installMoonStandIn(join(tools, 'moon'));
}

describe('the package', () => {
  test('holds what runs and what explains it, and nothing else', async () => {
    const files = await readdir(packed, { recursive: true });
    expect(files).toEqual(
      expect.arrayContaining([
        'dist/main.js',
        'dist/LICENSES.txt',
        'docs/operations.md',
        'registry.schema.json',
      ]),
    );
    expect(
      files.filter((file) => /^(src|test|bench|scripts|node_modules)\b|\.map$|built-from/.test(file)),
    ).toEqual([]);
    const manifest = JSON.parse(await readFile(join(packed, 'package.json'), 'utf8'));
    expect(manifest.dependencies ?? {}).toEqual({});
  });

  test('has every file that its documents link to', async () => {
    const files = new Set(await readdir(packed, { recursive: true }));
    const broken: string[] = [];
    for (const document of [...files].filter((file) => file.endsWith('.md')))
      for (const [, target = ''] of (await readFile(join(packed, document), 'utf8')).matchAll(
        /\]\(([^)\s#]+)[^)]*\)/g,
      ))
        if (
          !/^[a-z]+:/.test(target) &&
          !files.has(normalize(join(dirname(document), target)).replace(/\/$/, ''))
        )
          broken.push(`${document}: ${target}`);
    expect(broken).toEqual([]);
  });
});

test('README.md: from the package to a served, aggregated registry', async () => {
  const reader = await openPage('README.md');
  const printed = await reader.follow();
  const { shell } = reader;
  const directory = join(reader.home, 'multi-source-registry');
  expect(await shell.run('pwd')).toBe(`${directory}\n`);
  expect(printed).toContain(sourceList);
  expect(Object.keys(await readServedIndex(join(reader.home, '.moon/registry/index'))).sort()).toEqual(
    servedIds,
  );
  await expectServed(reader.baseUrl);

  const source = (words: string) => shell.run(`moonbit-registry source ${words}`);
  await source('default internal');
  await source('disable partner --yes');
  const list = await source('list');
  expect(list).toContain('  mooncakes [enabled]\n');
  expect(list).toContain('  internal (default) [enabled]\n');
  expect(list).toContain('  partner [disabled]\n');
  await source('enable partner');
  await source('remove partner --yes');
  expect(await source('list')).not.toContain('partner');
  // What was mirrored of it stays.
  expect(Object.keys(await readServedIndex(join(directory, 'data', 'index'))).sort()).toEqual(servedIds);
});

describe.each([
  'multiple-sources',
  'team-registry',
  'ci-cache',
  'offline-copy',
  'private-sources',
  'blocking-a-module',
  'settings-in-git',
  'private-registry',
  'publish',
  'ci-oidc',
  'dated',
  'views',
])('docs/recipes', (name) => {
  test(`${name}.md does what it says`, async () => {
    const reader = await openPage(`docs/recipes/${name}.md`, [installed]);
    await reader.follow();
  });
});

test('every recipe is run here, and linked from the README', async () => {
  const readme = await readFile(join(packed, 'README.md'), 'utf8');
  const self = await readFile(import.meta.filename, 'utf8');
  const recipes = (await readdir(join(packed, 'docs/recipes'))).map((file) => file.replace(/\.md$/, ''));
  expect(recipes.length).toBeGreaterThan(5);
  for (const recipe of recipes) {
    expect(readme).toContain(`(docs/recipes/${recipe}.md)`);
    expect(self).toContain(`'${recipe}'`);
  }
});

interface Reader {
  readonly home: string;
  readonly shell: ShellSession;
  /** Where `serve` of the page serves. */
  readonly baseUrl: string;
  /** Runs all commands of the page, compares what it says they print, and returns all of that. */
  follow(): Promise<string>;
}

let pages = 0;

/** Somebody with an empty home, the package, a project, and the page. */
async function openPage(page: string, path: readonly string[] = []): Promise<Reader> {
  const own = join(surroundings, `reader-${++pages}`);
  const [home, scratch] = [join(own, 'home'), join(own, 'scratch')];
  const project = { name: 'me/app', version: '0.1.0', deps: { 'moonbitlang/parser': '0.1.15' } };
  await mkdir(join(home, 'app'), { recursive: true });
  await mkdir(scratch);
  await writeFile(join(home, 'app', 'moon.mod.json'), JSON.stringify(project));
  await execute('cp', [archive, home]);
  if (user !== undefined)
    for (const path of [home, join(home, 'app'), scratch]) await chown(path, user, user);
  const port = await freePort();
  const shell = startShell({
    cwd: home,
    scratch,
    user,
    env: { ...environment(home, path), ...internet.env },
  });
  onTestFinished(() => shell.end());
  const baseUrl = `http://127.0.0.1:${port}`;
  const blocks = readCommandBlocks(await readFile(join(packed, page), 'utf8'));
  return {
    ...{ home, shell, baseUrl },
    async follow() {
      expect(blocks.length).toBeGreaterThan(1);
      let all = '';
      for (const { line, commands, prints } of blocks.filter((block) => block.notRun === undefined)) {
        const adapted = onPort(commands, port);
        const printed = await shell.run(adapted).catch((error: Error) => {
          throw new Error(`${page}:${line}: ${error.message}`);
        });
        if (adapted.includes('serve --port')) await untilReady(baseUrl, join(home, 'serve.log'));
        if (prints !== undefined && !isAsPromised(printed, prints))
          expect(printed, `${page}:${line} prints something else`).toBe(prints);
        all += printed;
      }
      return all;
    },
  };
}

function environment(home: string, path: readonly string[]): Record<string, string> {
  return {
    HOME: home,
    TMPDIR: home,
    PATH: [join(home, '.local/bin'), ...path, tools, process.env.PATH].join(delimiter),
    npm_config_prefix: join(home, '.local'),
    npm_config_update_notifier: 'false',
    GIT_CONFIG_NOSYSTEM: '1',
  };
}

/** A server runs beside the shell, and not where another one may be. */
function onPort(commands: string, port: number): string {
  return commands
    .replace(/^(moonbit-registry (?:-d \S+ )?serve)\b.*$/m, `$1 --port ${port} >"$HOME/serve.log" 2>&1 &`)
    .replaceAll('localhost:8080', `localhost:${port}`);
}

async function untilReady(baseUrl: string, log: string): Promise<void> {
  for (;;) {
    const answer = await fetch(`${baseUrl}/ready`).catch(() => undefined);
    if (answer?.ok) return;
    const said = await readFile(log, 'utf8').catch(() => '');
    if (/^error:/m.test(said)) throw new Error(`it does not serve:\n${said}`);
    await sleep(30);
  }
}

/** Clones as a client does, downloads every version listed, and looks who was asked for what all the while. */
async function expectServed(baseUrl: string): Promise<void> {
  const clone = join(surroundings, 'clone');
  await shallowClone(`${baseUrl}/git/index`, clone);
  const served = await readServedIndex(clone);
  expect(Object.keys(served).sort()).toEqual(servedIds);
  for (const [id, checksum] of Object.entries(served))
    expect([id, await downloadFrom({ baseUrl }, id)]).toEqual([id, checksum]);
  expect(await downloadFrom({ baseUrl }, 'company/tool@99.0.0')).toBe('HTTP 404');

  const archivesOf = (host: string) => archivesAskedOf(internet.upstream(host));
  expect(archivesOf('mooncakes.io')).toEqual([]);
  expect(internet.upstream('download.mooncakes.io').count('/git/')).toBe(0);
  // The first is what "source add" tried, before anything was claimed.
  const [, ...ofMooncakes] = archivesOf('download.mooncakes.io');
  expect(ofMooncakes.filter((path) => /company|partner/.test(path))).toEqual([]);
  expect(ofMooncakes).toHaveLength(
    servedIds.filter((id) => /^(moonbitlang|tidepool|lantern)/.test(id)).length,
  );
  expect(
    archivesOf('partner.example.com').filter((path) => !path.startsWith('/registry/user/partner-')),
  ).toEqual([]);
  expect(
    archivesOf('internal.company.com').filter((path) => !path.startsWith('/moonbit/user/company')),
  ).toEqual([]);
  expect(archivesOf('internal.company.com')).toHaveLength(3);
  expect(internet.hostsAsked()).toEqual([
    'download.mooncakes.io:443',
    'internal.company.com:443',
    'mooncakes.io:443',
    'partner.example.com:443',
  ]);
}

/** The archives asked for so far; each was asked for once. */
function archivesAskedOf(upstream: UpstreamRegistry): string[] {
  const paths = upstream.requests
    .map(({ url }) => url)
    .filter((url) => url.endsWith('.zip') && url.includes('/user/'));
  const once = [...new Set(paths)];
  // "source add" tries one, which is not kept.
  expect(paths.length - once.length).toBeLessThanOrEqual(1);
  return once;
}
