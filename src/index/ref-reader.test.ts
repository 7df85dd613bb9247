import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { GitError, runGit } from '../support/git/git.ts';
import { createRefReader } from './ref-reader.ts';

const [one, two, three] = ['1', '2', '3'].map((digit) => digit.repeat(40)) as [string, string, string];
const main = 'refs/heads/main';

/** A repository of refs alone, of which git would know nothing. */
function createRefs() {
  const directory = temporaryDirectory();
  const write = (name: string, content: string) => {
    const file = join(directory, name);
    mkdirSync(dirname(file), { recursive: true });
    // As git does.
    writeFileSync(`${file}.lock`, content);
    renameSync(`${file}.lock`, file);
  };
  const pack = (refs: Record<string, string>, more = '') => {
    const lines = Object.entries(refs).map(([name, id]) => `${id} ${name}\n`);
    write('packed-refs', `# pack-refs with: peeled fully-peeled sorted \n${lines.join('')}${more}`);
  };
  return { directory, write, pack, read: createRefReader(directory) };
}

describe('a ref', () => {
  test('that is packed is read without git', async () => {
    const { pack, read } = createRefs();
    pack({ 'refs/heads/mai': two, [main]: one }, `^${three}\n`);
    expect(await read(main)).toBe(one);
  });

  test('that is loose wins over a packed one', async () => {
    const { pack, write, read } = createRefs();
    pack({ [main]: one });
    expect(await read(main)).toBe(one);
    write(main, `${two}\n`);
    expect(await read(main)).toBe(two);
  });

  test('that is replaced is read anew, however soon, and by a file of the same size', async () => {
    const { pack, write, read } = createRefs();
    // Many disks give the number of the file before to the next one, and have one time for several milliseconds.
    for (let round = 0; round < 100; round++)
      for (const id of [one, two, three]) {
        pack({ [main]: id });
        expect(await read(main)).toBe(id);
        write('refs/heads/loose', `${id}\n`);
        expect(await read('refs/heads/loose')).toBe(id);
      }
  });

  test('that stands for another one is followed', async () => {
    const { pack, write, read } = createRefs();
    pack({ [main]: one });
    write('HEAD', `ref: ${main}\n`);
    expect(await read('HEAD')).toBe(one);
    write(main, `${two}\n`);
    expect(await read('HEAD')).toBe(two);
  });

  test.each(['ref: refs/heads/loop\n', 'ref: refs/../../secret\n', 'no id\n', ''])(
    'that git alone can judge (%j) is left to git',
    async (content) => {
      const { write, read } = createRefs();
      write('refs/heads/loop', content);
      await expect(read('refs/heads/loop')).rejects.toBeInstanceOf(GitError);
    },
  );
});

test('after git gc each ref is what it was, and costs no git', async () => {
  const directory = temporaryDirectory();
  const env = {
    GIT_AUTHOR_NAME: 'a',
    GIT_AUTHOR_EMAIL: 'a@b',
    GIT_COMMITTER_NAME: 'a',
    GIT_COMMITTER_EMAIL: 'a@b',
  };
  const run = async (...args: string[]) =>
    (await runGit(args, { gitDir: directory, env, input: '' })).toString().trim();
  await run('init', '--quiet', '--bare', '--initial-branch=main');
  const tree = await run('mktree');
  const commit = await run('commit-tree', '-m', 'm', tree);
  await run('update-ref', main, commit);
  await run('gc', '--quiet');
  const read = createRefReader(directory);
  const path = process.env.PATH;
  process.env.PATH = '';
  try {
    expect([await read(main), await read('HEAD')]).toEqual([commit, commit]);
  } finally {
    process.env.PATH = path;
  }
});
