import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { covers, matchesAny, matchesPattern, overlaps, patternProblem } from './pattern.ts';

// Patterns over `a`, `b` and `*`; names over `a`, `b` and a letter that no pattern has.
const pattern = fc
  .array(fc.constantFrom('a', 'b', '*'), { maxLength: 5 })
  .map((characters) => characters.join(''));
const names = wordsOver(['a', 'b', 'x'], 6);

function wordsOver(letters: readonly string[], longest: number): string[] {
  let words = [''];
  const all = [...words];
  for (let length = 1; length <= longest; length++) {
    words = words.flatMap((word) => letters.map((letter) => word + letter));
    all.push(...words);
  }
  return all;
}

/** What a pattern means, said by a regular expression. */
function meaning(text: string): RegExp {
  const escaped = text.split('*').map((part) => part.replace(/[^a-z0-9]/gi, '\\$&'));
  return new RegExp(`^${escaped.join('.*')}$`, 's');
}

describe('a pattern', () => {
  test.each([
    ['moonbitlang/*', 'moonbitlang/x', true],
    ['moonbitlang/*', 'moonbitlang/async/http', true],
    ['moonbitlang/*', 'moonbitlang/', true],
    ['moonbitlang/*', 'moonbitlang2/x', false],
    ['moonbitlang/*', 'a/moonbitlang/x', false],
    ['*', 'any/thing/at/all', true],
    ['*/json', 'alice/json', true],
    ['*/json', 'alice/json/v2', false],
    ['*json*', 'alice/json5', true],
    ['alice/json', 'alice/json', true],
    ['alice/json', 'alice/Json', false],
    ['alice/json', 'alice/jso', false],
    ['alice/j.on', 'alice/json', false],
    ['alice/(json)+', 'alice/json', false],
    ['*/🐫', 'illusory0x0/🐫', true],
    ['CAIMEOX/原来*', 'CAIMEOX/原来可以发中文包', true],
  ])('%s on %s: %s', (text, name, expected) => {
    expect(matchesPattern(text, name)).toBe(expected);
  });

  test('matches what its regular expression matches', () => {
    fc.assert(
      fc.property(pattern, (text) => {
        const expected = names.filter((name) => meaning(text).test(name));
        expect(names.filter((name) => matchesPattern(text, name))).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  test('with many stars takes no time that grows with their number', () => {
    const stars = '*a'.repeat(2000);
    expect(matchesPattern(`${stars}*`, 'a'.repeat(4000))).toBe(true);
    expect(matchesPattern(`${stars}*b`, 'a'.repeat(4000))).toBe(false);
    expect(covers(`${stars}b`, `${stars}c`)).toBe(false);
    expect(overlaps('*a'.repeat(300), `${'a*'.repeat(300)}b`)).toBe(false);
  });

  test('among others is enough for a name to match', () => {
    expect(matchesAny(['a/*', 'b/*'], 'b/x')).toBe(true);
    expect(matchesAny(['a/*', 'b/*'], 'c/x')).toBe(false);
    expect(matchesAny([], 'c/x')).toBe(false);
  });
});

describe('covering', () => {
  test.each([
    ['company/*', 'company/tools/*', true],
    ['company/tools/*', 'company/*', false],
    ['*', 'company/*', true],
    ['company/*', '*', false],
    ['company/*', 'company/a', true],
    ['*/json', '*/json', true],
    ['*/*', 'company/*', true],
    ['company/*', 'company*', false],
    ['a*b', 'a*', false],
    ['a**', 'a*', true],
    ['o/🐫*', 'o/🐫', true],
  ])('%s covers %s: %s', (wide, narrow, expected) => {
    expect(covers(wide, narrow)).toBe(expected);
  });

  test('means that each name of the one is a name of the other', () => {
    fc.assert(
      fc.property(pattern, pattern, (wide, narrow) => {
        const matching = names.filter((name) => meaning(narrow).test(name));
        expect(covers(wide, narrow)).toBe(matching.every((name) => meaning(wide).test(name)));
      }),
      { numRuns: 500 },
    );
  });
});

describe('overlapping', () => {
  test.each([
    ['company/*', 'company/tool', true],
    ['company/*', '*/tool', true],
    ['company/*', 'partner/*', false],
    ['*a', '*b', false],
    ['a*', '*b', true],
    ['ab*', '*ba', true],
    ['*', 'any/thing', true],
    ['a/b', 'a/b', true],
    ['a/b', 'a/c', false],
    ['o/🐫*', 'o/🐫', true],
    ['*🐫', 'o/🐫', true],
    ['o/🐫', 'o/🐪', false],
  ])('%s and %s: %s', (a, b, expected) => {
    expect(overlaps(a, b)).toBe(expected);
    expect(overlaps(b, a)).toBe(expected);
  });

  test('means that some name matches both', () => {
    const short = fc.array(fc.constantFrom('a', 'b', '*'), { maxLength: 3 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(short, short, (a, b) => {
        const both = names.some((name) => meaning(a).test(name) && meaning(b).test(name));
        expect(overlaps(a, b)).toBe(both);
      }),
      { numRuns: 500 },
    );
  });
});

describe('a text', () => {
  test.each(['*', 'moonbitlang/*', '*/json', '*json*', 'alice/json', 'a/b/c', 'CAIMEOX/原来*', '**'])(
    '%s can be a pattern',
    (text) => {
      expect(patternProblem(text)).toBeUndefined();
    },
  );

  test.each([
    '',
    'moonbitlang',
    'a/b c',
    'a\\b/*',
    'a:b/*',
    'a/[bc]',
    'a/{b,c}',
    'a/b?',
    'a/b@1.0.0',
    'a/\0',
  ])('%j cannot be a pattern', (text) => {
    expect(patternProblem(text)).toEqual(expect.any(String));
  });
});
