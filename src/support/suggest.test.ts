import { expect, test } from 'vitest';
import { suggest } from './suggest.ts';

test.each([
  ['prot', ['host', 'port'], 'port'],
  ['defaultSource', ['default_source', 'registry'], 'default_source'],
  ['x', ['y'], undefined],
  ['cat', ['car'], 'car'],
  ['zebra', ['host', 'port'], undefined],
  ['anything', [], undefined],
])('for "%s" among %j it suggests %s', (word, candidates, suggestion) => {
  expect(suggest(word, candidates)).toBe(suggestion);
});

test('of equals the first is suggested, and a word that nobody types costs nothing', () => {
  expect(suggest('moonbitlang/y', ['moonbitlang/x', 'moonbitlang/z'])).toBe('moonbitlang/x');
  const long = 'x'.repeat(1000);
  expect(suggest(long, [long])).toBeUndefined();
});
