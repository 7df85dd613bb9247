import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findModuleFiles, type ManifestLists } from './module-files.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'module-files-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}
const nothing: ManifestLists = { include: [], exclude: [] };
const found = async (folder = root, lists = nothing) =>
  (await findModuleFiles(folder, lists)).files.map(({ path }) => path);
const blank = (...paths: string[]) => Object.fromEntries(paths.map((path) => [path, '']));

describe('what is packed', () => {
  test('is everything, tests and hidden files too, but what builds and tools make', async () => {
    write(
      root,
      blank('moon.mod', 'src/a.mbt', 'src/a_test.mbt', '.gitattributes', '.github/x.yml', 'src/target/t.mbt'),
    );
    write(
      root,
      blank('_build/x', 'target/x', '.mooncakes/a/b', '.git/config', 'deep/.mooncakes/x', 'sub/.git/x'),
    );
    write(root, blank('src/_build/y'));
    expect(await found()).toEqual([
      '.gitattributes',
      '.github/x.yml',
      'moon.mod',
      'src/_build/y',
      'src/a.mbt',
      'src/a_test.mbt',
      'src/target/t.mbt',
    ]);
  });

  test('.moonignore is read in the place of .gitignore of the same folder, not with it', async () => {
    write(root, {
      ...blank('a.log', 'b.tmp', 'sub/a.log', 'sub/b.tmp', 'other/a.log', 'other/b.tmp'),
      '.gitignore': '*.log\n*ignore\n',
      'sub/.gitignore': '*.log\n!.moonignore',
      'sub/.moonignore': '*.tmp\n!a.log\n',
    });
    expect(await found()).toEqual(['b.tmp', 'other/b.tmp', 'sub/a.log']);
    write(root, { '.moonignore': '*ignore' });
    expect(await found()).toEqual(['a.log', 'b.tmp', 'other/a.log', 'other/b.tmp', 'sub/a.log']);
  });

  test('ignore files above count, up to the root of the checkout and no further', async () => {
    write(root, {
      '.gitignore': '*.far',
      'checkout/.gitignore': '*.log\n/packages/app/only-here\nsrc/gen/\n',
      'checkout/packages/.gitignore': '!keep.log\n',
      ...blank('checkout/.git/HEAD', 'checkout/packages/app/keep.log', 'checkout/packages/app/a.log'),
      ...blank(
        'checkout/packages/app/x.far',
        'checkout/packages/app/only-here',
        'checkout/packages/app/src/gen/y',
      ),
    });
    expect(await found(join(root, 'checkout/packages/app'))).toEqual(['keep.log', 'src/gen/y', 'x.far']);
  });

  test('a folder that is left out as a whole is packed when it is named', async () => {
    write(root, { '.gitignore': 'out/\n*.log', ...blank('.git/HEAD', 'out/mod/a.log', 'out/mod/b') });
    expect(await found(join(root, 'out/mod'))).toEqual(['a.log', 'b']);
  });

  test('what is left out in this checkout alone counts', async () => {
    write(root, { '.git/info/exclude': '/own\n*.log', '.gitignore': '.gitignore\n!b.log' });
    write(root, blank('own/x', 'a.log', 'b.log', 'sub/own/y'));
    expect(await found()).toEqual(['b.log', 'sub/own/y']);
  });

  test('letter case counts', async () => {
    write(root, { '.gitignore': 'README\n.gitignore', ...blank('readme', 'README') });
    expect(await found()).toEqual(['readme']);
  });

  test('names of folders that look like patterns are names', async () => {
    write(root, {
      ...blank('.git/HEAD', '[a]*!/x.log', '[a]*!/x', 'a/x.log', 'b!/x.log'),
      '[a]*!/.gitignore': '*.log\n.gitignore',
    });
    expect(await found()).toEqual(['[a]*!/x', 'a/x.log', 'b!/x.log']);
  });

  test('the lists of the manifest: exclude leaves out more, include brings back what either left out', async () => {
    write(root, {
      '.gitignore': 'lib\n.gitignore',
      ...blank('lib/x.a', 'lib/y.o', 'build/assets/z', 'build/w', 'keys/k', 'src/a'),
    });
    expect(await found(root, { exclude: ['build', '/keys'], include: [] })).toEqual(['src/a']);
    expect(await found(root, { exclude: ['build', '/keys'], include: ['build/assets', 'lib/*.a'] })).toEqual([
      'build/assets/z',
      'lib/x.a',
      'src/a',
    ]);
  });
});

describe('symbolic links', () => {
  test('to a file that is packed are that file', async () => {
    write(root, { 'README.mbt.md': 'read me', 'docs/x': '' });
    symlinkSync('README.mbt.md', join(root, 'README.md'));
    symlinkSync('../README.mbt.md', join(root, 'docs/README.md'));
    const { files, refused } = await findModuleFiles(root, nothing);
    expect(refused).toEqual([]);
    expect(files.map(({ path, sizeBytes, isLink }) => [path, sizeBytes, isLink])).toEqual([
      ['README.mbt.md', 7, false],
      ['README.md', 7, true],
      ['docs/README.md', 7, true],
      ['docs/x', 0, false],
    ]);
  });

  test('to anything else are refused, unless they are left out', async () => {
    const outside = mkdtempSync(join(tmpdir(), 'outside-'));
    write(outside, { secret: 'x' });
    write(root, { '.gitignore': 'ignored', ...blank('ignored', 'dir/x', '_build/out') });
    const links = {
      a: join(outside, 'secret'),
      b: 'dir',
      c: 'nowhere',
      d: '_build/out',
      e: '/etc/passwd',
      f: 'f',
      g: 'ignored',
      h: '.',
    };
    for (const [path, target] of Object.entries(links)) symlinkSync(target, join(root, path));
    const { refused } = await findModuleFiles(root, nothing);
    rmSync(outside, { recursive: true });
    expect(refused).toEqual(
      Object.keys(links).map((path) => expect.stringContaining(`"${path}" is a symbolic link`)),
    );
    write(root, { '.gitignore': 'ignored\n/[a-h]\n' });
    expect((await findModuleFiles(root, nothing)).refused).toEqual([]);
  });

  test.skipIf(process.platform === 'win32')('pipes are refused', async () => {
    await promisify(execFile)('mkfifo', [join(root, 'pipe')]);
    expect((await findModuleFiles(root, nothing)).refused).toEqual([
      '"pipe" is a device, a pipe or a socket',
    ]);
  });
});

// Of names in ASCII: in others, one `?` is a byte to git and a character here.
test('whatever stands in ignore files, the same is left out as by git', async () => {
  const name = fc.constantFrom('a', 'b', 'A', 'x.log', 'ab');
  const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
  const part = fc.constantFrom(
    'a',
    'b',
    'A',
    '*',
    '*.log',
    '**',
    '?',
    '[ab]',
    '[!a]',
    'x.log',
    '\\a',
    '*a*',
    'x\\.log',
    '[[:alpha:]]',
  );
  const pattern = fc
    .tuple(
      fc.constantFrom('', '', '!'),
      fc.constantFrom('', '', '/'),
      fc.array(part, { minLength: 1, maxLength: 3 }),
      fc.constantFrom('', '', '/', ' ', '\\ '),
    )
    .map(([negation, slash, parts, end]) => `${negation}${slash}${parts.join('/')}${end}`);
  const ignoreFile = fc.tuple(
    fc.constantFrom('', 'a/', 'b/', 'a/b/', 'A/'),
    fc.array(
      fc.oneof(
        { weight: 9, arbitrary: pattern },
        { weight: 1, arbitrary: fc.constantFrom('', '#a', '\\#a', '\\!a', '/', '!', '**/a/**') },
      ),
      { maxLength: 4 },
    ),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(path, { minLength: 1, maxLength: 8 }),
      fc.array(ignoreFile, { maxLength: 3 }),
      async (paths, ignoreFiles) => {
        const folder = mkdtempSync(join(root, 'tree-'));
        execFileSync('git', ['init', '-q', folder]);
        // A path below another is a folder of it: one of them is left away.
        const leaves = paths.filter((one) => !paths.some((other) => other.startsWith(`${one}/`)));
        write(folder, blank(...leaves));
        for (const [where, lines] of ignoreFiles)
          if (!leaves.some((leaf) => where.startsWith(`${leaf}/`)))
            write(folder, { [`${where}.gitignore`]: lines.join('\n') });
        const listed = execFileSync(
          'git',
          [
            '-C',
            folder,
            '-c',
            'core.excludesFile=',
            '-c',
            'core.ignoreCase=false',
            'ls-files',
            '-z',
            '--others',
            '--exclude-standard',
          ],
          { encoding: 'utf8' },
        );
        const byGit = listed
          .split('\0')
          .filter((one) => one !== '')
          .sort();
        expect((await found(folder)).sort()).toEqual(byGit);
        rmSync(folder, { recursive: true });
      },
    ),
    { numRuns: 60 },
  );
});
