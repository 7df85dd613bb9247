import { describe, expect, test } from 'vitest';
import type { ModuleName } from '../../model/module-name.ts';
import { findObjection, parseCommit, type SnapshotChange } from './hold-snapshot.ts';

const id = (digit: string) => digit.repeat(40);
const before = { id: id('a'), parents: [id('9')], committedAt: 1000 };
const after = { id: id('b'), parents: [id('8')], committedAt: 2000 };

function object(change: Partial<SnapshotChange>): string | undefined {
  return findObjection({ before, after, earlier: [], lost: [], ...change });
}

describe('nothing is said against an index that', () => {
  test.each<[string, Partial<SnapshotChange>]>([
    ['goes on', {}],
    ['goes on with the same date', { after: { ...after, committedAt: 1000 } }],
    [
      'follows by its parent, whatever the clocks say',
      { after: { ...after, parents: [id('a')], committedAt: 1 } },
    ],
    ['starts a new history', { after: { ...after, parents: [] } }],
    ['returns to newer commits from older ones', { earlier: [id('b')] }],
    ['cannot be dated', { after: { ...after, committedAt: undefined } }],
  ])('%s', (_, change) => {
    expect(object(change)).toBeUndefined();
  });
});

describe('an index is held back when it', () => {
  test.each<[string, Partial<SnapshotChange>]>([
    ['is dated before the last good one', { after: { ...after, committedAt: 999 } }],
    [
      'is the parent of the last good one, whatever the clocks say',
      { before: { ...before, parents: [id('b')] } },
    ],
    ['was there before, at the same date', { after: { ...after, committedAt: 1000 }, earlier: [id('b')] }],
    [
      'was there before and cannot be dated',
      { before: { ...before, committedAt: undefined }, earlier: [id('b')] },
    ],
  ])('%s', (_, change) => {
    expect(object(change)).toBe('went back in history from aaaaaaaaaa to bbbbbbbbbb');
  });

  test('lost modules, and it says how many', () => {
    const lost = ['a/a', 'b/b', 'c/c', 'd/d', 'e/e'] as ModuleName[];
    expect(object({ lost: lost.slice(0, 1) })).toBe('no longer lists 1 module that it listed before (a/a)');
    expect(object({ lost, after: { ...after, committedAt: 999 } })).toBe(
      'went back in history from aaaaaaaaaa to bbbbbbbbbb and no longer lists 5 modules that it listed before ' +
        '(a/a, b/b, c/c and 2 more)',
    );
  });
});

describe('a commit object', () => {
  const header = `tree ${id('1')}\nparent ${id('2')}\nparent ${id('3')}\nauthor A <a@b> 5 +0000\ncommitter é <c> 1767225600 +0100`;

  test('tells its parents and its date, and its message tells nothing', () => {
    const content = Buffer.from(`${header}\n\ncommitter X <x> 7 +0000\nparent ${id('4')}\n`);
    expect(parseCommit(id('a'), content)).toEqual({
      id: id('a'),
      parents: [id('2'), id('3')],
      committedAt: 1_767_225_600,
    });
  });

  test('that is missing or strange tells less', () => {
    const nothing = { id: id('a'), parents: [], committedAt: undefined };
    expect(parseCommit(id('a'), undefined)).toEqual(nothing);
    expect(parseCommit(id('a'), Buffer.from('committer nobody'))).toEqual(nothing);
  });
});
