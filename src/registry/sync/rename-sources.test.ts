import { expect, test } from 'vitest';
import { findRenames } from './rename-sources.ts';

const record = (source: string, indexUrl: string | undefined) => ({ source, indexUrl });
const source = (name: string, indexUrl: string) => ({ name, indexUrl });

test.each([
  [
    'a new name at an address that nobody has any longer',
    [record('old', 'u')],
    [source('new', 'u')],
    [['new', 'old']],
  ],
  [
    'nothing where another branch is read there, which is another index',
    [record('old', 'u')],
    [{ ...source('new', 'u'), indexBranch: 'b' }],
    [],
  ],
  [
    'a new name at a branch that nobody has any longer',
    [record('old', 'u#b')],
    [{ ...source('new', 'u'), indexBranch: 'b' }],
    [['new', 'old']],
  ],
  [
    'nothing where the old name is still there',
    [record('old', 'u')],
    [source('old', 'u'), source('new', 'u')],
    [],
  ],
  [
    'one that had another source’s name, which keeps one of its own',
    [record('old', 'u'), record('new', 'v')],
    [source('new', 'u')],
    [
      ['new', 'old'],
      ['new.former', 'new'],
    ],
  ],
  [
    'an exchange of names',
    [record('a', 'u'), record('b', 'v')],
    [source('a', 'v'), source('b', 'u')],
    [
      ['a', 'b'],
      ['b', 'a'],
    ],
  ],
  [
    'names that are passed on',
    [record('a', 'u'), record('b', 'v')],
    [source('c', 'u'), source('a', 'v')],
    [
      ['c', 'a'],
      ['a', 'b'],
    ],
  ],
  [
    'nothing where a source got an address that another one has still',
    [record('a', 'u'), record('b', 'v')],
    [source('a', 'v'), source('b', 'v')],
    [],
  ],
  ['nothing where a source got a new address', [record('a', 'u')], [source('a', 'v')], []],
  ['nothing at another address', [record('old', 'u')], [source('new', 'v')], []],
  ['nothing where no address is known', [record('old', undefined)], [source('new', 'u')], []],
  ['nothing where two could be meant', [record('a', 'u'), record('b', 'u')], [source('new', 'u')], []],
  ['nothing where two could be it', [record('old', 'u')], [source('x', 'u'), source('y', 'u')], []],
  [
    'each of several',
    [record('a', 'u'), record('b', 'v'), record('c', 'w')],
    [source('x', 'u'), source('y', 'v'), source('c', 'w')],
    [
      ['x', 'a'],
      ['y', 'b'],
    ],
  ],
])('is %s', (_, snapshots, sources, expected) => {
  expect([...findRenames(snapshots, sources)]).toEqual(expected);
});
