import { expect, test } from 'vitest';
import { parseLifetime } from '../lifetime.ts';
import { readRequest } from './token.ts';

const flags = { owner: 'ada', expires: '90d' };

test.each([
  ['reading is of everything unless it is said', { may: 'read' }, { read: ['*'] }],
  [
    '--for holds for all that it may',
    { may: 'read,publish', for: ['company/*'] },
    { read: ['company/*'], publish: ['company/*'] },
  ],
  [
    'reading may be of other names than the rest',
    { may: 'publish, read', for: ['company/*'], readFor: ['*'] },
    { publish: ['company/*'], read: ['*'] },
  ],
])('%s', (_, more, grants) => {
  expect(readRequest('ci', { ...flags, ...more }).grants).toEqual(grants);
});

test.each([
  ['nobody', { owner: ' ', may: 'read' }, '--owner takes a person'],
  ['an owner of two lines', { owner: 'a\nb', may: 'read' }, '--owner takes a person'],
  ['no permission', {}, '--may says what'],
  ['an unknown permission', { may: 'read,write' }, 'no permission "write"'],
  ['publishing anything by accident', { may: 'publish' }, '--for says which modules'],
  ['a pattern that is none', { may: 'read', for: ['company'] }, 'is not a pattern'],
  ['names to read without reading', { may: 'publish', for: ['a/*'], readFor: ['*'] }, '--read-for is for'],
  ['one version to read', { may: 'read', only: 'a/b@1.0.0' }, '--only is for'],
  ['a checksum of nothing', { may: 'read', checksum: '0'.repeat(64) }, '--checksum is for --only'],
  ['a module as the one version', { may: 'publish', for: ['a/*'], only: 'a/b' }, 'names no version'],
  [
    'a checksum that is none',
    { may: 'publish', for: ['a/*'], only: 'a/b@1.0.0', checksum: 'abc' },
    '64 lowercase',
  ],
  ['a range that is none', { may: 'read', cidr: ['10.0.0.0/99'] }, '--cidr'],
  ['an end that is none', { may: 'read', expires: 'soon' }, '--expires takes a duration'],
  ['an end in the past', { may: 'read', expires: '0d' }, '--expires takes a duration'],
])('%s is refused', (_, more, message) => {
  expect(() => readRequest('ci', { ...flags, ...more })).toThrow(message);
});

test('a lifetime is in days, hours or minutes, or for ever where that was typed', () => {
  expect(parseLifetime('--expires', '90d')).toBe(90 * 86_400_000);
  expect(parseLifetime('--expires', 'never')).toBeUndefined();
});
