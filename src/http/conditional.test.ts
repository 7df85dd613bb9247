import { describe, expect, test } from 'vitest';
import { chooseRange, matchesEtag } from './conditional.ts';

describe('If-None-Match', () => {
  test.each([
    ['"x"', true],
    ['W/"x"', true],
    ['"y", W/"x"', true],
    ['*', true],
    ['"y"', false],
    ['x', false],
    ['', false],
    [undefined, false],
  ])('%j matches the etag "x": %s', (header, expected) => {
    expect(matchesEtag(header, '"x"')).toBe(expected);
  });
});

describe('Range', () => {
  test.each([
    ['bytes=0-3', { start: 0, end: 3 }],
    ['bytes=4-', { start: 4, end: 9 }],
    ['bytes=4-400', { start: 4, end: 9 }],
    ['bytes=-3', { start: 7, end: 9 }],
    ['bytes=-300', { start: 0, end: 9 }],
    ['BYTES=1-1', { start: 1, end: 1 }],
    ['bytes=10-', 'unsatisfiable'],
    ['bytes=99999999999999999999-', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=3-2', 'whole'],
    ['bytes=0-1,3-4', 'whole'],
    ['bytes=-', 'whole'],
    ['bytes=a-b', 'whole'],
    ['lines=0-3', 'whole'],
    [undefined, 'whole'],
  ] as const)('%j of ten bytes is %j', (range, expected) => {
    expect(chooseRange(range, undefined, '"x"', 10)).toEqual(expected);
  });

  test.each([
    ['"x"', { start: 0, end: 3 }],
    ['W/"x"', 'whole'],
    ['"y"', 'whole'],
    ['Sun, 22 Nov 2026 00:00:00 GMT', 'whole'],
  ] as const)('counts under If-Range %j: %j', (ifRange, expected) => {
    expect(chooseRange('bytes=0-3', ifRange, '"x"', 10)).toEqual(expected);
  });

  test('of nothing is unsatisfiable', () => {
    expect(chooseRange('bytes=0-', undefined, '"x"', 0)).toBe('unsatisfiable');
    expect(chooseRange('bytes=-5', undefined, '"x"', 0)).toBe('unsatisfiable');
  });
});
