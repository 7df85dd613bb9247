import { describe, expect, test } from 'vitest';
import { createLog, type Log, type LogLevel, silentLog } from './log.ts';

const now = () => new Date('2026-03-04T05:06:07.089Z');

function linesOf(format: 'text' | 'json', act: (log: Log) => void, level: LogLevel = 'debug'): string[] {
  const lines: string[] = [];
  act(createLog({ write: (line) => lines.push(line), level, format, now }));
  return lines;
}

describe('a text log', () => {
  test('has time, level, message and fields on a line', () => {
    expect(linesOf('text', (log) => log.info('fetched', { module: 'a/b', bytes: 12, ok: true }))).toEqual([
      '2026-03-04T05:06:07Z info fetched module=a/b bytes=12 ok=true\n',
    ]);
  });

  test('quotes what could be taken for something else', () => {
    const fields = { a: 'two words', b: '', c: 'x=y', d: 'say "hi"', e: null, f: ['x', 1], g: undefined };
    expect(linesOf('text', (log) => log.warn('m', fields))).toEqual([
      '2026-03-04T05:06:07Z warn m a="two words" b="" c="x=y" d="say \\"hi\\"" e=null f="[\\"x\\",1]"\n',
    ]);
  });

  test('an error shows its message and its causes', () => {
    const error = new Error('cannot read', { cause: new Error('disk', { cause: new Error('EIO') }) });
    expect(linesOf('text', (log) => log.error('failed', { error }))).toEqual([
      '2026-03-04T05:06:07Z error failed error="cannot read: disk: EIO"\n',
    ]);
  });

  test('what a log cannot format does not end the program', () => {
    expect(linesOf('text', (log) => log.info('m', { size: 12n }))).toEqual([
      '2026-03-04T05:06:07Z info m size=12\n',
    ]);
  });
});

describe('a json log', () => {
  test('is an object per line', () => {
    const lines = linesOf('json', (log) =>
      log.error('it "broke"', { error: new Error('why'), n: 1n, u: undefined }),
    );
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { time: '2026-03-04T05:06:07.089Z', level: 'error', message: 'it "broke"', error: 'why', n: '1' },
    ]);
  });

  test('fields cannot pass for time, level or message', () => {
    const [line = ''] = linesOf('json', (log) =>
      log.info('real', { message: 'forged', level: 'error', time: 0 }),
    );
    expect(JSON.parse(line)).toEqual({ time: '2026-03-04T05:06:07.089Z', level: 'info', message: 'real' });
  });
});

describe.each(['text', 'json'] as const)('a %s log', (format) => {
  test.each([
    '\n',
    '\r',
    '\u0000',
    '\u001b[2K',
    '\u007f',
    '\u009b',
    '\u0085',
    '\u2028',
    '\u2029',
    '\u202e',
    '\u200b',
    '\ud800',
  ])('shows %j escaped, in messages, field names and values', (hostile) => {
    const forged = `x${hostile}2026-03-04T05:06:07Z error forged`;
    const lines = linesOf(format, (log) => log.info(forged, { [forged]: forged, error: new Error(forged) }));
    expect(lines).toHaveLength(1);
    const line = lines[0] ?? '';
    expect(line.indexOf('\n')).toBe(line.length - 1);
    expect(line.slice(0, -1)).not.toContain(hostile.slice(0, 1));
    if (format === 'json') expect(JSON.parse(line).message).toBe(forged);
  });

  test('writes its level and what is worse', () => {
    const levels = (level: LogLevel) =>
      linesOf(
        format,
        (log) => {
          log.debug('m');
          log.info('m');
          log.warn('m');
          log.error('m');
        },
        level,
      ).length;
    expect([levels('debug'), levels('info'), levels('warn'), levels('error')]).toEqual([4, 3, 2, 1]);
  });
});

test('the silent log takes every call', () => {
  for (const level of ['debug', 'info', 'warn', 'error'] as const)
    expect(silentLog[level]('m', { a: 1 })).toBeUndefined();
});
