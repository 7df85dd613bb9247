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
