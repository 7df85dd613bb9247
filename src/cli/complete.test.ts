import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { script } from '@bomb.sh/tab';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { configKeys } from '../config/schema-shape.ts';
import { argumentOffers, nameInside, optionOffers, shortly } from './completion-offers.ts';
import { valueCount } from './completion-place.ts';
import { cli } from './io.fixture.ts';
import { createProgram, withDescendants } from './program.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'complete-'));
  const source = (name: string) =>
    `[[sources]]\nname = "${name}"\nurl = "https://${name}.example"\nindex_url = "https://${name}.example/git/index"\n`;
  await writeFile(join(directory, 'registry.toml'), source('partner') + source('internal'));
});
afterAll(() => rm(directory, { recursive: true }));

async function complete(...words: string[]): Promise<string[]> {
  const { exitCode, stdout, stderr } = await cli(['complete', '--', ...words], {
    workingDirectory: directory,
  });
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  const lines = stdout.trimEnd().split('\n');
  expect(lines.at(-1)).toMatch(/^:\d+$/);
  return lines.slice(0, -1).map((line) => line.split('\t')[0] ?? '');
}

test('commands are completed', async () => {
  expect(await complete('s')).toEqual(['source', 'sync', 'status', 'staged', 'serve', 'state']);
  expect(await complete('source', 'e')).toEqual(['enable']);
  expect(await complete('')).not.toContain('complete');
});

test('options are completed, those of every command too', async () => {
  expect(await complete('mirror', '--f')).toEqual(['--full', '--from']);
  expect(await complete('mirror', '--js')).toEqual(['--json']);
});

test('source names are completed', async () => {
  expect(await complete('source', 'enable', '')).toEqual(['partner', 'internal']);
  expect(await complete('source', 'remove', 'p')).toEqual(['partner']);
  expect(await complete('mirror', '-s', 'in')).toEqual(['internal']);
  expect(await complete('mirror', '--source', '')).toEqual(['partner', 'internal']);
});

test('source names are those of the registry being typed about', async () => {
  const { stdout } = await cli(['complete', '--', '-d', directory, 'mirror', '-s', 'p']);
  expect(stdout).toContain('partner');
});

/** The directive alone: 0 for paths, 16 for folders, 4 for neither. */
async function directive(...words: string[]): Promise<number> {
  const { stdout } = await cli(['complete', '--', ...words], { workingDirectory: directory });
  return Number(stdout.trimEnd().split('\n').at(-1)?.slice(1));
}

test.each([
  [16, ['-d', '']],
  [16, ['--dir=']],
  [16, ['init', '']],
  [16, ['restore', 'x.tar', '']],
  [0, ['restore', '']],
  [0, ['backup', '/ba']],
  [0, ['mirror', '--from', '']],
  [0, ['mirror', '--from=../']],
  [0, ['list', '--outdated', '']],
  [0, ['plan', '--config', '']],
  [0, ['source', 'add', 'x', '--bearer-file', '']],
  [0, ['source', 'login', 'x', '--basic-file', 'me', '']],
  [4, ['source', 'login', 'x', '--basic-file', '']],
  [4, ['source', 'rename', 'partner', '']],
  [4, ['sync', '']],
])('the shell is told with %j to list paths after %j, or not to', async (expected, words) => {
  expect(await directive(...words)).toBe(expected);
});

test.each([
  [['config', 'server.ba'], ['server.base_url']],
  [['config', 'sources.partner.pri'], ['sources.partner.priority']],
  [
    ['config', 'server.upstream_fallback', ''],
    ['true', 'false'],
  ],
  [['config', 'sources.partner.type', 'c'], ['custom']],
  [
    ['config', 'default_source', ''],
    ['partner', 'internal'],
  ],
  [['config', 'server.port', '1', 'server.ho'], ['server.host']],
  [['config', 'server.port', '80', 'server.upstream_fallback', 't'], ['true']],
  [['config', '--unset', 'server.port', 'server.ba'], ['server.base_url']],
  [['source', 'rename', 'p'], ['partner']],
  [
    ['source', 'add', 'x', '--type=mo'],
    ['--type=mooncakes', '--type=moonbit-registry'],
  ],
  [
    ['conflicts', 'accept', 'a/b', '--origin', ''],
    ['partner', 'internal'],
  ],
  [
    ['--log-format', ''],
    ['text', 'json'],
  ],
  [['-v', '--log-format=json', 'sou'], ['source']],
  [['source', 'add', 'x', '--include', 'a/*', 'b/*', '--exc'], ['--exclude']],
  [['help', 'source', 'ch'], ['check']],
  [
    ['state', ''],
    ['log', 'at', 'downgrade', 'help'],
  ],
  [['sync', '--', '-'], []],
  [['mirror', '--', '--s'], []],
  [['source', 'add', 'x', '--url', '-'], []],
  [['nosuch', ''], []],
  [[''], expect.arrayContaining(['config', 'explain'])],
])('after %j come %j', async (words, expected) => {
  expect(await complete(...words)).toEqual(expected);
});

test('variables are those that there are', async () => {
  const { stdout } = await cli(['complete', '--', 'source', 'login', 'x', '--bearer-env', 'T'], {
    env: { TOKEN: 'secret', HOME: '/x' },
  });
  expect(stdout).toBe('TOKEN\n:4\n');
});

test('it is known of every argument and every option what may stand there', () => {
  const program = createProgram({ run: async () => {}, writeHelp: () => {}, columns: undefined });
  const commands = withDescendants(program);
  const argumentNames = commands.flatMap((command) =>
    command.registeredArguments
      .filter(({ argChoices }) => !argChoices)
      .map((argument) => `${nameInside(command)} ${argument.name()}`),
  );
  const own = ['config key', 'config value', 'config more'];
  expect([...argumentNames].sort()).toEqual([...Object.keys(argumentOffers), ...own].sort());
  const options = commands.flatMap((command) => command.options).filter((option) => valueCount(option) > 0);
  const free = options.filter(({ argChoices }) => !argChoices).map(({ long }) => long);
  expect([...new Set(free)].sort()).toEqual(Object.keys(optionOffers).sort());
  for (const option of options) {
    const offers = optionOffers[option.long ?? ''];
    if (offers)
      expect([option.long, offers.length]).toEqual([
        option.long,
        Math.min(valueCount(option), offers.length),
      ]);
  }
});

test('descriptions are short, whole and without an end', async () => {
  const program = createProgram({ run: async () => {}, writeHelp: () => {}, columns: undefined });
  const commands = withDescendants(program);
  const texts = [
    ...commands.map((command) => command.summary() || command.description()),
    ...commands.flatMap(({ options }) => options.map(({ description }) => description)),
    ...configKeys.map(({ meaning }) => meaning),
  ];
  expect(texts.length).toBeGreaterThan(100);
  for (const text of texts.map(shortly)) expect(text).toMatch(/^.{0,80}(?<![.…,;])$/);
});

test('outside a registry there are no names, and no error', async () => {
  const { exitCode, stdout, stderr } = await cli(['complete', '--', 'source', 'enable', '']);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(stdout).toMatch(/^:\d+\n$/);
});

test.each(['bash', 'zsh', 'fish', 'powershell'])('the script for %s calls us back', async (shell) => {
  const { exitCode, stdout } = await cli(['completion', shell]);
  expect(stdout).toMatch(/moonbit-registry complete /);
  expect(exitCode).toBe(0);
});

test('the script for powershell is what `node scripts/completion.mjs` writes now', async () => {
  const print = vi.spyOn(console, 'log').mockImplementation(() => {});
  script('powershell', 'moonbit-registry', 'moonbit-registry');
  const [[written] = []] = print.mock.calls;
  print.mockRestore();
  expect((await cli(['completion', 'powershell'])).stdout).toBe(`${written}\n`);
});

test('the shell is guessed, or asked for', async () => {
  const guessed = await cli(['completion', '--json'], { env: { SHELL: '/usr/bin/fish' } });
  expect(JSON.parse(guessed.stdout)).toMatchObject({
    shell: 'fish',
    script: expect.stringContaining('fish'),
  });
  const unknown = await cli(['completion'], { env: { SHELL: '/bin/tcsh' } });
  expect(unknown.exitCode).toBe(2);
  expect(unknown.stderr).toContain('bash|zsh|fish|powershell');
});
