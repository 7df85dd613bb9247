import { describe, expect, test } from 'vitest';
import { formatIndexLine } from './index-line.ts';

describe('formatIndexLine', () => {
  test('writes spaces after separators and ASCII only', () => {
    const record = {
      name: 'a/🐫',
      list: ['x', 1, null, []],
      deps: { 'a/原': '0.1.0' },
      none: undefined,
      empty: {},
    };
    const line = formatIndexLine(record);
    expect(line).toBe(
      '{"name": "a/\\ud83d\\udc2b", "list": ["x", 1, null, []], "deps": {"a/\\u539f": "0.1.0"}, "empty": {}}',
    );
    expect(JSON.parse(line)).toEqual({ ...record, none: undefined });
  });
});
