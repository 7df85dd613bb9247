import { describe, expect, test } from 'vitest';
import { isModuleName } from '../model/module-name.ts';
import { indexPathOf, ledgerPathOf, readIndexPath, snapshotPathOf } from './layout.ts';

const names = [
  'moonbitlang/core',
  'tonyfettes/tree-sitter/cli',
  'CAIMEOX/原来可以发中文包',
  'illusory0x0/🐫',
  'allwefantasy/readline.mbt',
  'xunyoyo/Permutation',
  'a/b.index',
  'user/user',
].filter(isModuleName);

describe('the path of an index file', () => {
  test('is below user/, as clients expect it', () => {
    expect(names.slice(0, 2).map(indexPathOf)).toEqual([
      'user/moonbitlang/core.index',
      'user/tonyfettes/tree-sitter/cli.index',
    ]);
  });

  test.each(names)('of %s names it again', (module) => {
    expect(readIndexPath(indexPathOf(module))).toEqual({ kind: 'module', module });
  });

  test.each([
    ['user/a/../x.index', 'a/../x'],
    ['user/../x.index', '../x'],
    ['user/a.index', 'a'],
    ['user/a/.index', 'a/'],
    ['user/a/b:c.index', 'a/b:c'],
    ['user/a/b\\c.index', 'a/b\\c'],
    ['user/a/b.index/c.index', 'a/b.index/c'],
    ['user/.git/config.index', '.git/config'],
  ])('%s is refused by its name', (path, text) => {
    expect(readIndexPath(path)).toEqual({ kind: 'refused', text, reason: expect.stringMatching(/./) });
  });

  test.each([
    'README.md',
    'user/a/b',
    'user/a/b.index.bak',
    'users/a/b.index',
    'x/user/a/b.index',
    'user',
    '',
  ])('%j is none', (path) => {
    expect(readIndexPath(path)).toEqual({ kind: 'other' });
  });
});

test('the state has a ledger path for each origin and module, and a folder for each snapshot', () => {
  const paths = names.flatMap((module) => [ledgerPathOf('public', module), ledgerPathOf('internal', module)]);
  expect(new Set(paths).size).toBe(paths.length);
  expect(paths[0]).toBe('ledger/public/user/moonbitlang/core.index');
  expect(snapshotPathOf('public')).toBe('sources/public');
});
