import { expect, test } from 'vitest';
import { UsageError } from '../errors.ts';
import { recordIo } from './io.fixture.ts';
import { createCommandLog } from './log.ts';
import { createOutput } from './output.ts';
import { createProgressLine, formatProgress } from './progress.ts';

const plain = { json: false, quiet: false, verbose: false, logFormat: 'text' } as const;

test('results go to stdout and everything else to stderr', () => {
  const io = recordIo();
  const output = createOutput(io, plain);
  output.note('reading');
  output.warn('odd');
  output.result({ text: 'done', json: { done: true } });
  expect(io.written).toEqual({ stdout: 'done\n', stderr: 'reading\nwarning: odd\n' });
});

test('--json prints one document and --quiet drops remarks, not warnings', () => {
  const io = recordIo();
  const output = createOutput(io, { ...plain, json: true, quiet: true });
  output.note('reading');
  output.warn('odd');
  output.result({ text: 'done', json: { done: true } });
  expect(JSON.parse(io.written.stdout)).toEqual({ done: true });
  expect(io.written.stderr).toBe('warning: odd\n');
});

test.each([
  ['NO_COLOR', { NO_COLOR: '1' }],
  ['a dumb terminal', { TERM: 'dumb' }],
])('%s means no colour', (_, env) => {
  const io = recordIo({ isTTY: true, env });
  createOutput(io, plain).warn('odd');
  expect(io.written.stderr).toBe('warning: odd\n');
});

test('a terminal gets colour, and a status line that makes room for what is said', () => {
  const io = recordIo({ isTTY: true, columns: 10 });
  const output = createOutput(io, plain);
  output.statusLine('0123456789abc');
  output.warn('odd');
  output.statusLine(undefined);
  expect(io.written.stderr).toBe('012345678\r\u001b[K\u001b[33mwarning:\u001b[39m odd\n');
});

test('a terminal that does not say how wide it is counts as 80 columns wide', () => {
  const io = recordIo({ isTTY: true, columns: 0 });
  createOutput(io, plain).statusLine('x'.repeat(100));
  expect(io.written.stderr).toHaveLength(79);
});

test('nothing is drawn without a terminal, or with --quiet', () => {
  for (const [io, settings] of [
    [recordIo(), plain],
    [recordIo({ isTTY: true }), { ...plain, quiet: true }],
  ] as const) {
    const progress = createProgressLine(createOutput(io, settings), () => 0);
    progress({ phase: 'downloading', done: 1, total: 2, bytes: 3 });
    expect(io.written.stderr).toBe('');
  }
});

test('progress is drawn at most ten times a second, and at once when another phase begins', () => {
  const io = recordIo({ isTTY: true });
  let now = 0;
  const progress = createProgressLine(createOutput(io, plain), () => now);
  for (now = 0; now < 1000; now += 10) progress({ phase: 'downloading', done: now, total: 1000, bytes: now });
  expect(io.written.stderr.match(/\[[#.]+\]/g)).toHaveLength(10);
  progress({ phase: 'aggregating', done: 0, total: 0, bytes: 0 });
  expect(io.written.stderr).toMatch(/Updating the served index$/);
});

test('the progress line shows count, bytes and rate', () => {
  const half = { phase: 'downloading', done: 50, total: 100, bytes: 2_097_152 } as const;
  expect(formatProgress(half, 2000)).toBe('[############............] 50/100  2.0 MiB  1.0 MiB/s');
  expect(formatProgress({ ...half, done: 0, total: 0, bytes: 0 }, 0)).toBe(
    '[........................] 0/0  0 B',
  );
});

test.each([
  [plain, ['00:00:00 info fetched source=partner', '00:00:00 error broken']],
  [{ ...plain, quiet: true }, ['00:00:00 error broken']],
  [
    { ...plain, verbose: true },
    ['00:00:00 debug asking', '00:00:00 info fetched source=partner', '00:00:00 error broken'],
  ],
])('the log with %j', (settings, lines) => {
  const io = recordIo();
  const log = createCommandLog({ io, settings, output: createOutput(io, settings) });
  log.debug('asking');
  log.info('fetched', { source: 'partner' });
  log.error('broken');
  expect(io.written.stderr).toBe(`${lines.join('\n')}\n`);
});

test('with --log-format json, all on stderr is an object a line', () => {
  const io = recordIo({ isTTY: true });
  const output = createOutput(io, { ...plain, logFormat: 'json' });
  const log = createCommandLog({ io, settings: { ...plain, logFormat: 'json' }, output });
  output.statusLine('Reading indexes');
  output.note('reading');
  output.warn('odd');
  log.info('fetched', { source: 'partner' });
  output.failure(new UsageError('nothing to do', { hint: 'name a module' }));
  output.failure(new Error('a bug'));
  const lines = io.written.stderr.trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { level: 'info', message: 'reading', time: '2026-01-01T00:00:00.000Z' },
    { level: 'warn', message: 'odd' },
    { level: 'info', message: 'fetched', source: 'partner' },
    { level: 'error', message: 'nothing to do', code: 'usage', hint: 'name a module' },
    { level: 'error', message: 'unexpected: a bug', code: 'bug', stack: expect.stringContaining('at ') },
  ]);
});
