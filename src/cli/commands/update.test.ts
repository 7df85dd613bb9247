import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { cli } from '../io.fixture.ts';
import { formatClientConfig } from '../moon-client.ts';

let directory: string;
let env: Record<string, string>;

/** A folder with a `moon` that notes what it was given, and an empty moon home. */
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'update-'));
  const moon = join(directory, 'moon');
  await writeFile(
    moon,
    `#!/bin/sh\necho "$1 \${MOONCAKES_REGISTRY-unset}" >"${directory}/called"\nexit \${MOON_STATUS-0}\n`,
  );
  await chmod(moon, 0o755);
  env = { PATH: `${directory}:/usr/bin:/bin`, MOON_HOME: join(directory, 'home') };
});
afterEach(() => rm(directory, { recursive: true }));

const update = (...words: string[]) => cli(['update', ...words], { env, workingDirectory: directory });
const called = () => readFile(join(directory, 'called'), 'utf8');

test.each([
  ['a folder without a registry', '', [], 'http://localhost:8080'],
  ['a port of its own', '[server]\nport = 9000\n', [], 'http://localhost:9000'],
  ['a public address', '[server]\nbase_url = "https://moon.company.com"\n', [], 'https://moon.company.com'],
  ['--registry', '[server]\nport = 9000\n', ['--registry', 'http://h:1/'], 'http://h:1'],
  ['--mooncakes', '', ['--mooncakes'], 'unset'],
])('%s decides what moon is told', async (_, config, words, url) => {
  if (config !== '') await writeFile(join(directory, 'registry.toml'), config);
  env.MOONCAKES_REGISTRY = 'http://inherited';
  expect(await update(...words)).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  expect(await called()).toBe(`update ${url}\n`);
});

test('the exit status of moon is ours', async () => {
  env.MOON_STATUS = '42';
  expect((await update()).exitCode).toBe(42);
});

test('--json prints one document', async () => {
  const { stdout } = await update('--json', '--registry', 'http://h:1');
  expect(JSON.parse(stdout)).toEqual({ registry: 'http://h:1', exitCode: 0 });
});

test('a config.json in the moon home, which makes the variable ineffective, is warned of with what to put there', async () => {
  await mkdir(join(directory, 'home'));
  await writeFile(join(directory, 'home', 'config.json'), '{}');
  const { exitCode, stderr } = await update('--registry', 'http://h:1');
  expect(stderr).toMatch(/^warning: .*home\/config\.json exists, so moon ignores MOONCAKES_REGISTRY/);
  expect(JSON.parse(stderr.slice(stderr.indexOf('{')))).toEqual({
    registry: 'http://h:1',
    index: 'http://h:1/git/index',
    symbols: 'http://h:1/symbols.zip',
    api: 'http://h:1',
    download: 'http://h:1',
  });
  expect(exitCode).toBe(0);
});

test('a config.json that names this registry already is what it should be', async () => {
  await mkdir(join(directory, 'home'));
  await writeFile(join(directory, 'home', 'config.json'), formatClientConfig('http://h:1'));
  expect(await update('--registry', 'http://h:1/')).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  expect((await update('--registry', 'http://h:2')).stderr).toContain('exists, so moon ignores');
  expect((await update('--mooncakes')).stderr).toContain('Remove it to use mooncakes.io.');
});

test('without moon, the error says where to get it', async () => {
  env.PATH = join(directory, 'home');
  const { exitCode, stderr } = await update();
  expect(stderr).toMatch(/^error: cannot run "moon update": there is no "moon" in PATH\nhint: install/);
  expect(exitCode).toBe(1);
});

test('a port that the system chooses cannot be guessed', async () => {
  await writeFile(join(directory, 'registry.toml'), '[server]\nport = 0\n');
  const { exitCode, stderr } = await update();
  expect(stderr).toContain('hint: moonbit-registry update --registry http://localhost:PORT');
  expect(exitCode).toBe(1);
});
