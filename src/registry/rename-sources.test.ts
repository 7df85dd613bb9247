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
    'nothing where the old name is still there',
    [record('old', 'u')],
    [source('old', 'u'), source('new', 'u')],
    [],
  ],
  [
    'nothing where the new one is known already',
    [record('old', 'u'), record('new', 'v')],
    [source('new', 'u')],
    [],
  ],
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
