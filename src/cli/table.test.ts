import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatTable } from './table.ts';

const header = ['NAME', 'SIZE', 'NOTE'];
const rows = [
  ['a', '1', ''],
  ['long', '12345', 'one two three four'],
];

describe('a table', () => {
  test('aligns numbers to the right and leaves no trailing space', () => {
    expect(
      formatTable(
        header,
        [
          ['a', '1', ''],
          ['long', '12345', 'x'],
        ],
        [1],
        undefined,
      ),
    ).toBe('  NAME   SIZE  NOTE\n  a         1\n  long  12345  x');
  });

  test('has one line for each record where no terminal says how wide it is', () => {
    expect(formatTable(header, [['a', '1', 'x '.repeat(200)]], [1], undefined).split('\n')).toHaveLength(2);
  });

  test('that is too wide wraps the cells of its widest column', () => {
    expect(formatTable(header, rows, [1], 25)).toBe(
      '  NAME   SIZE  NOTE\n  a         1\n  long  12345  one two\n               three four',
    );
  });

  test('whose words do not fit beside each other becomes a block for each record', () => {
    expect(formatTable(header, rows, [1], 18)).toBe(
      '  a\n    SIZE  1\n    NOTE\n  long\n    SIZE  12345\n    NOTE  one two\n          three\n          four',
    );
  });

  test('is never wider than the terminal, unless a word is, and loses none', () => {
    const word = fc.stringMatching(/^[a-z]{1,8}$/);
    const cell = fc.array(word, { minLength: 1, maxLength: 6 }).map((words) => words.join(' '));
    const record = fc.tuple(word, cell, cell, word);
    fc.assert(
      fc.property(fc.array(record, { minLength: 1 }), fc.integer({ min: 30, max: 100 }), (records, width) => {
        const table = formatTable(['A', 'BB', 'CCC', 'DDDD'], records, [3], width);
        for (const line of table.split('\n')) expect(line.length).toBeLessThanOrEqual(width);
        const wordsIn = (text: string) =>
          text
            .split(/\s+/)
            .filter((one) => /^[a-z]/.test(one))
            .sort();
        expect(wordsIn(table)).toEqual(wordsIn(records.flat().join(' ')));
      }),
    );
  });
});
