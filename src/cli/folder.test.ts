import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { describeFolder, findFolder, type Look, requireRegistry } from './folder.ts';
import { cli } from './io.fixture.ts';

/** Folders with a registry, and such of other users. */
function lookingAt(registries: readonly string[], ofOthers: readonly string[] = []): Look {
  return (folder) =>
    registries.includes(folder) ? 'registry' : ofOthers.includes(folder) ? 'registry-of-others' : 'nothing';
}

describe('a registry’s folder', () => {
  const find = (where: Partial<Parameters<typeof findFolder>[0]>, look: Look) =>
    findFolder({ option: undefined, env: {}, workingDirectory: '/srv/r/data/index', ...where }, look);

  test.each([
    [
      '--dir, whatever else there is',
      { option: '../x', env: { MOONBIT_REGISTRY_DIR: '/v' } },
      '/srv/r/data/x',
      'option',
    ],
    ['the variable', { env: { MOONBIT_REGISTRY_DIR: '/v' } }, '/v', 'variable'],
    [
      'the nearest folder above, where the variable is empty',
      { env: { MOONBIT_REGISTRY_DIR: '' } },
      '/srv/r',
      'parent',
    ],
    ['the working directory itself', { workingDirectory: '/srv/r' }, '/srv/r', 'working-directory'],
  ] as const)('is %s', (_, where, directory, foundBy) => {
    expect(find(where, lookingAt(['/srv', '/srv/r', '/v']))).toEqual({ directory, foundBy });
  });

  test.each([
    [{ option: '/srv/r/registry.toml' }, '/srv/r'],
    [{ env: { MOONBIT_REGISTRY_DIR: '../../registry.toml' } }, '/srv/r'],
    [{ option: '/nowhere/registry.toml' }, '/nowhere/registry.toml'],
    [{ option: '/srv/r/other.toml' }, '/srv/r/other.toml'],
  ])('is the one in which the file stands that %j names', (where, directory) => {
    expect(find(where, lookingAt(['/srv/r'])).directory).toBe(directory);
  });

  test('above is not taken from another user, nor one beyond it', () => {
    const folder = find({}, lookingAt(['/srv'], ['/srv/r']));
    expect(folder).toEqual({ directory: '/srv/r/data/index', foundBy: 'nothing', foreign: '/srv/r' });
    expect(() => requireRegistry(folder)).toThrow('there is no registry here');
  });

  test('is another user’s where one stands in it: whoever goes there has chosen it', () => {
    const folder = find({ workingDirectory: '/srv/r' }, lookingAt([], ['/srv/r']));
    expect(folder.foundBy).toBe('working-directory');
  });

  test('is told where it is not said on the command line', () => {
    const told = (foundBy: 'option' | 'variable' | 'working-directory' | 'parent') =>
      describeFolder({ directory: '/srv/r', foundBy });
    expect(told('parent')).toBe('Using the registry in /srv/r, a folder above this one.');
    expect(told('variable')).toBe('Using the registry in /srv/r (MOONBIT_REGISTRY_DIR).');
    expect([told('option'), told('working-directory')]).toEqual([undefined, undefined]);
  });
});

describe('commands', () => {
  let directory: string;
  let below: string;
  beforeEach(async () => {
    directory = await realpath(await mkdtemp(join(tmpdir(), 'folder-')));
    below = join(directory, 'deep', 'below');
    await mkdir(below, { recursive: true });
  });
  afterEach(() => rm(directory, { recursive: true }));
  const offline = '[[sources]]\nname = "x"\nurl = "http://127.0.0.1:9"\nindex_url = "http://127.0.0.1:9/i"\n';

  test('find the registry above, and say so where they change something', async () => {
    await writeFile(join(directory, 'registry.toml'), offline);
    const asked = await cli(['config', 'server.port'], { workingDirectory: below });
    expect(asked).toEqual({ exitCode: 0, stdout: '8080\n', stderr: '' });
    const changed = await cli(['config', 'server.port', '9000'], { workingDirectory: below });
    expect(changed).toEqual({
      exitCode: 0,
      stdout: 'server.port = 9000\n',
      stderr: `Using the registry in ${directory}, a folder above this one.\nCounts from the next start of "serve": server.port.\n`,
    });
    const env = { MOONBIT_REGISTRY_DIR: directory };
    expect((await cli(['config', 'server.port'], { workingDirectory: '/', env })).stdout).toBe('9000\n');
  });

  test('say which registry.toml has problems, where it is not here', async () => {
    await writeFile(join(directory, 'registry.toml'), '[server]\nport = "x"\n');
    const { stderr } = await cli(['status'], { workingDirectory: below });
    expect(stderr).toMatch(
      new RegExp(`^Using the registry in ${directory}, .*\\nerror: registry\\.toml has a problem`),
    );
  });

  test('that find none say what to do', async () => {
    expect(await cli(['status'], { workingDirectory: below })).toEqual({
      exitCode: 1,
      stdout: '',
      stderr:
        `error: there is no registry here: no registry.toml in ${below} or a folder above it\n` +
        'hint: make one with "moonbit-registry init ./registry", or name its folder with --dir or MOONBIT_REGISTRY_DIR\n',
    });
    const env = { MOONBIT_REGISTRY_DIR: below };
    for (const words of [['status'], ['source', 'list'], ['verify'], ['source', 'remove', 'x']])
      expect((await cli(words, { workingDirectory: directory, env })).stderr).toMatch(
        new RegExp(
          `^error: there is no registry.toml in ${below}, which MOONBIT_REGISTRY_DIR names\\nhint: `,
        ),
      );
  });

  test('init makes one where it is told, whatever is above or in the variable, and says what it lies in', async () => {
    await writeFile(join(directory, 'registry.toml'), offline);
    const env = { MOONBIT_REGISTRY_DIR: directory };
    const { exitCode, stdout, stderr } = await cli(['init', 'inner'], { workingDirectory: below, env });
    expect(stdout).toContain(`Created a registry in ${join(below, 'inner')}:`);
    expect(stderr).toBe(
      `This folder lies inside the registry ${directory}: commands run in it are about the new one.\n`,
    );
    expect(exitCode).toBe(0);
  });
});
