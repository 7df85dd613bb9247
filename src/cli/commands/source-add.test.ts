import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../../test/support/temporary-directory.ts';
import { cli } from '../io.fixture.ts';

test.each([
  [['--type', 'mooncakes'], 100],
  [['--type', 'custom'], 50],
  [['--type', 'mooncakes', '--priority', '7'], 7],
  [[], 50],
])(
  'a source added with %j has the priority that it has when written by hand: %d',
  async (words, priority) => {
    const workingDirectory = temporaryDirectory();
    await writeFile(join(workingDirectory, 'registry.toml'), '');
    const addresses = ['--url', 'https://a.example', '--index-url', 'https://a.example/index', '--no-check'];
    const { exitCode } = await cli(['source', 'add', 'a', ...addresses, ...words], { workingDirectory });
    expect(exitCode).toBe(0);
    expect(await readFile(join(workingDirectory, 'registry.toml'), 'utf8')).toContain(
      `\npriority = ${priority}\n`,
    );
  },
);

test.each([
  ['--url', 'http://u:pw-of-u@a.example', '--basic-env u VARIABLE'],
  ['--index-url', 'https://ci:pw-of-ci@a.example/index', '--basic-env ci VARIABLE'],
  ['--url', 'https://ghp16C7e42F292c6912E7710c@a.example', '--basic-env USER VARIABLE'],
  ['--url', 'https://ghp16c7e42f292c6912e7710c:x-oauth-basic@a.example', '--basic-env USER VARIABLE'],
])(
  'credentials in %s are refused with the option that takes them, and not repeated',
  async (option, address, hint) => {
    const other = option === '--url' ? '--index-url' : '--url';
    const words = ['source', 'add', 'a', option, address, other, 'https://b.example/index'];
    const { exitCode, stdout, stderr } = await cli(words, { workingDirectory: temporaryDirectory() });
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain(`error: ${option}: credentials do not belong in an address`);
    expect(stderr).toContain(`moonbit-registry source add a … ${hint}`);
    expect(stderr).not.toMatch(/pw-of|ghp16|x-oauth/i);
  },
);

test('a name that exists is changed, not removed with what it claims', async () => {
  const workingDirectory = temporaryDirectory();
  const addresses = ['--url', 'https://a.example', '--index-url', 'https://a.example/index', '--no-check'];
  await writeFile(join(workingDirectory, 'registry.toml'), '');
  await cli(['source', 'add', 'a', ...addresses], { workingDirectory });
  const { exitCode, stderr } = await cli(['source', 'add', 'a', ...addresses], { workingDirectory });
  expect(exitCode).toBe(1);
  expect(stderr).toContain(
    'moonbit-registry config sources.a.url https://a.example sources.a.index_url https://a.example/index',
  );
  expect(stderr).not.toContain('source remove');
});
