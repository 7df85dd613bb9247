import { describe, expect, test } from 'vitest';
import { formatSeconds, parseWhen } from './when.ts';

describe('what names a moment', () => {
  test.each([
    ['2026-11-27', 'day', '2026-11-27T23:59:59Z'],
    ['2024-02-29', 'day', '2024-02-29T23:59:59Z'],
    ['2026-11-27T10:00:00Z', 'time', '2026-11-27T10:00:00Z'],
    ['2026-11-27T10:00Z', 'time', '2026-11-27T10:00:00Z'],
    ['2026-11-27T10:00:59.999Z', 'time', '2026-11-27T10:00:59Z'],
  ])('%s is a %s, which ends at %s', (text, kind, end) => {
    const when = parseWhen(text);
    expect(when?.kind).toBe(kind);
    expect(when && when.kind !== 'state' && formatSeconds(when.atSeconds)).toBe(end);
  });

  test.each(['0123456', 'ABCDEF0', '20261127', 'f'.repeat(40)])(
    '%s is how the id of a state begins',
    (text) => expect(parseWhen(text)).toEqual({ kind: 'state', text: text.toLowerCase() }),
  );

  test.each([
    '',
    '2026-02-30',
    '2026-13-01',
    '2026-1-1',
    '2026-11-27T24:00:00Z',
    '2026-11-27T10:00:60Z',
    '2026-11-27T10:00:00',
    '2026-11-27T10:00:00+01:00',
    '2026-11-27t10:00:00z',
    ' 2026-11-27',
    '2026-11-27\n',
    '012345',
    'f'.repeat(41),
    'HEAD',
    'main',
    'refs/heads/main',
    '0123456^',
    'today',
    '..',
    '-12026-11-27',
  ])('%j is none', (text) => expect(parseWhen(text)).toBeUndefined());
});
