import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { toVisibleJson, toVisibleLine, toVisibleText } from './visible-text.ts';

describe('what a terminal would obey or hide', () => {
  test.each([
    ['a colour', '\u001b[31mx', '\\u001b[31mx'],
    ['a C1 control sequence', '\u009b31mx', '\\u009b31mx'],
    ['DEL', 'a\u007f', 'a\\u007f'],
    ['a carriage return', 'a\rb', 'a\\u000db'],
    ['a tab', 'a\tb', 'a\\u0009b'],
    ['an override', 'a\u202eb', 'a\\u202eb'],
    ['an isolate', 'a\u2066b\u2069', 'a\\u2066b\\u2069'],
    ['an Arabic letter mark', 'a\u061cb', 'a\\u061cb'],
    ['zero width', 'a\u200bb\u200cc\ufeff', 'a\\u200bb\\u200cc\\ufeff'],
    ['a soft hyphen', 'a\u00adb', 'a\\u00adb'],
    ['a Hangul filler', 'a\u3164b\uffa0', 'a\\u3164b\\uffa0'],
    ['line and paragraph separators', 'a\u2028b\u2029c', 'a\\u2028b\\u2029c'],
    ['tags', 'a\u{e0041}\u{e007f}', 'a\\u{e0041}\\u{e007f}'],
    ['half a character', 'a\ud800b\udc00', 'a\\ud800b\\udc00'],
    ['a noncharacter', 'a\ufdd0\u{1ffff}', 'a\\ufdd0\\u{1ffff}'],
    ['a joiner without emoji', 'a\u200db🐫\u200dx', 'a\\u200db🐫\\u200dx'],
    ['a joiner after a joiner', '🐫\u200d\u200d🐫', '🐫\\u200d\\u200d🐫'],
    [
      'a variation selector after a letter, a digit or another',
      'a\ufe0f1\ufe0f❤\ufe0f\ufe0f',
      'a\\ufe0f1\\ufe0f❤\ufe0f\\ufe0f',
    ],
    ['selectors of ideographs', '葛\u{e0100}辻\ufe00', '葛\\u{e0100}辻\\ufe00'],
  ])('%s is shown as an escape', (_, text, shown) => {
    expect(toVisibleText(text)).toBe(shown);
  });
});

test.each([
  '原来/한국어/ไทย/हिन्दी/עברית',
  'e\u0301',
  '🐫',
  '👩\u200d💻 👩🏽\u200d💻 👨\u200d👩\u200d👧',
  '❤\ufe0f\u200d🔥 🏳\ufe0f\u200d🌈 🤷\u200d♀\ufe0f',
  '1\ufe0f\u20e3 🇩🇪',
  'C:\\u009b',
])('%s stays as it is', (text) => {
  expect(toVisibleText(text)).toBe(text);
});

test('lines stay lines in a text, and a line stays one', () => {
  expect(toVisibleText('a\nb')).toBe('a\nb');
  expect(toVisibleLine('a\nb')).toBe('a\\u000ab');
});

const unsafe = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{DI}]/u;
const withoutEmoji = (text: string) => text.replaceAll(/[\u200d\ufe0e\ufe0f\n]/g, '');

test('whatever the text, nothing else is left, and doing it twice changes nothing', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const shown = toVisibleText(text);
      expect(withoutEmoji(shown)).not.toMatch(unsafe);
      expect(toVisibleText(shown)).toBe(shown);
    }),
  );
});

test('whatever the value, its JSON holds nothing unsafe and parses to it', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' })), (value) => {
      for (const json of [toVisibleJson(value), toVisibleJson(value, 2)]) {
        expect(withoutEmoji(json)).not.toMatch(unsafe);
        expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify(value)));
      }
    }),
  );
});
