import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { wrapText, wrapWords } from './wrap.ts';

describe('a line that is too wide', () => {
  test.each([
    ['goes on two columns further in', '  aa bb cc dd', 8, '  aa bb\n    cc\n    dd'],
    ['keeps the gap after a label', '  Health:    ok and well', 16, '  Health:    ok\n    and well'],
    ['is not cut inside a word', 'a https://example.com/long b', 10, 'a\n  https://example.com/long\n  b'],
    ['is left alone where it fits', '  a  b', 6, '  a  b'],
  ])('%s', (_, text, width, wrapped) => {
    expect(wrapText(text, width)).toBe(wrapped);
  });

  test.each([
    ['a command', '  $ moonbit-registry conflicts accept a/b --origin partner'],
    ['a hint', 'hint: moonbit-registry conflicts accept a/b --origin partner'],
    ['a variable', '  MOONCAKES_REGISTRY=http://localhost:8080 moon update --verbose --again'],
  ])('that is %s stays one command for the shell', (_, text) => {
    const lines = wrapText(text, 48).split('\n');
    expect(lines.length).toBeGreaterThan(1);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(48);
    for (const line of lines.slice(0, -1)) expect(line).toMatch(/ \\$/);
    const joined = lines.map((line) => line.replace(/ \\$/, '').trim()).join(' ');
    expect(joined).toBe(text.trim());
  });

  test('keeps what is said after a command apart from it, and quoted words together', () => {
    expect(wrapText('hint: moonbit-registry mirror --reason "a b c"; or see why it is so', 42)).toBe(
      'hint: moonbit-registry mirror --reason \\\n  "a b c";\n  or see why it is so',
    );
  });

  test('is prose where it only begins with an option', () => {
    expect(wrapText('error: --url: expected an address such as this', 30)).toBe(
      'error: --url: expected an\n  address such as this',
    );
  });

  test('puts a remark behind a command on lines of its own', () => {
    const text = '  $ moonbit-registry source disable partner   (go on without it, until it can be read)';
    expect(wrapText(text, 50)).toBe(
      '  $ moonbit-registry source disable partner\n    (go on without it, until it can be read)',
    );
  });

  test('keeps a command in prose in one piece', () => {
    expect(wrapText('decided by the next sync (moonbit-registry sync --now) of all', 40)).toBe(
      'decided by the next sync\n  (moonbit-registry sync --now) of all',
    );
  });
});

test('words are never cut, lost or changed, and no line is wider than it has to be', () => {
  const line = fc.array(fc.stringMatching(/^[!-[\]-~]{1,30}$/), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(line, fc.integer({ min: 20, max: 80 }), (words, width) => {
      const longest = Math.max(...words.map((word) => word.length));
      const text = wrapText(words.join(' '), width);
      expect(text.replaceAll(/ \\\n/g, '\n').split(/\s+/)).toEqual(words);
      for (const one of wrapWords(words.join(' '), width))
        expect(one.length).toBeLessThanOrEqual(Math.max(width, longest));
    }),
  );
});
