import { expect, test } from 'vitest';
import { UsageError } from '../errors.ts';
import type { LostLines } from '../support/log-sink.ts';
import { recordIo } from './io.fixture.ts';
import { createCommandLog } from './log.ts';
import { createOutput } from './output.ts';
import { createProgress, formatProgress } from './progress.ts';

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

test.each([
  ['FORCE_COLOR', { FORCE_COLOR: '1' }, false, true],
  ['FORCE_COLOR=0', { FORCE_COLOR: '0' }, true, false],
  ['NO_COLOR beside FORCE_COLOR', { FORCE_COLOR: '1', NO_COLOR: '1' }, true, false],
  ['nothing', {}, false, false],
])('%s decides about colour', (_, env, isTTY, isColoured) => {
  const io = recordIo({ isTTY, env });
  createOutput(io, plain).result({ text: 'HELD', json: {} });
  expect(io.written.stdout).toBe(isColoured ? '\u001b[33mHELD\u001b[39m\n' : 'HELD\n');
});

test('what is not as it should be has a colour where it stands in a report, and no name has', () => {
  const io = recordIo({ isTTY: true });
  const output = createOutput(io, plain);
  output.result({ text: 'FAILURE  disk: full\nWARNING  STALE/HELD is no label, STALE, is', json: {} });
  const [red, yellow, end] = ['\u001b[31m', '\u001b[33m', '\u001b[39m'];
  const first = `${red}FAILURE${end}  disk: full\n${yellow}WARNING${end}  STALE/HELD is no label, ${yellow}STALE${end}, is\n`;
  expect(io.written.stdout).toBe(first);
  output.result({ text: '  HELD (default) [enabled]', json: {}, isExact: true });
  expect(io.written.stdout).toBe(`${first}  HELD (default) [enabled]\n`);
});

test('lines too wide for the terminal are broken between words, results and remarks alike', () => {
  const io = recordIo({ isTTY: true, columns: 30, env: { NO_COLOR: '1' } });
  const output = createOutput(io, plain);
  output.result({ text: '  one two three four five six seven eight', json: {} });
  output.warn('one two three four five six seven');
  output.failure(new UsageError('one two three four five six', { hint: 'moonbit-registry sync --dry-run' }));
  expect(io.written).toEqual({
    stdout: '  one two three four five six\n    seven eight\n',
    stderr:
      'warning: one two three four\n  five six seven\nerror: one two three four five\n  six\n' +
      'hint: moonbit-registry sync \\\n  --dry-run\n',
  });
  expect(output.width).toBe(30);
  expect(createOutput(recordIo({ isTTY: true, env: { COLUMNS: '50' } }), plain).width).toBe(50);
});

test('a pipe gets lines as they are, however long, and so does whoever asks for exact ones', () => {
  const long = 'word '.repeat(50).trim();
  const io = recordIo({ columns: 30 });
  createOutput(io, plain).result({ text: long, json: {} });
  expect(createOutput(io, plain).width).toBeUndefined();
  const terminal = recordIo({ isTTY: true, columns: 30 });
  createOutput(terminal, plain).result({ text: long, json: {}, isExact: true });
  expect([io.written.stdout, terminal.written.stdout]).toEqual([`${long}\n`, `${long}\n`]);
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
    const progress = createProgress(createOutput(io, settings), () => 0);
    progress.update({ phase: 'downloading', done: 1, total: 2, bytes: 3 });
    progress.tick();
    expect(io.written.stderr).toBe('');
  }
});

test('without a terminal, progress is told every 30 seconds, also while nothing moves', () => {
  const io = recordIo();
  let now = 0;
  const progress = createProgress(createOutput(io, plain), () => now);
  progress.update({ phase: 'refreshing', done: 0, total: 0, bytes: 0 });
  for (now = 1000; now <= 90_000; now += 1000) {
    if (now === 45_000) progress.update({ phase: 'downloading', done: 0, total: 4500, bytes: 0 });
    if (now === 50_000) progress.update({ phase: 'downloading', done: 1200, total: 4500, bytes: 31_457_280 });
    progress.tick();
  }
  expect(io.written.stderr).toBe(
    'Reading indexes, for 30 s…\n' +
      'Downloading: 1,200/4,500, 30.0 MiB, 2.0 MiB/s, for 1 min 0 s…\n' +
      'Downloading: 1,200/4,500, 30.0 MiB, 682.7 KiB/s, for 1 min 30 s…\n',
  );
});

test('progress is drawn at most ten times a second, and at once when another phase begins', () => {
  const io = recordIo({ isTTY: true });
  let now = 0;
  const progress = createProgress(createOutput(io, plain), () => now);
  for (now = 0; now < 1000; now += 10)
    progress.update({ phase: 'downloading', done: now, total: 1000, bytes: now });
  expect(io.written.stderr.match(/\[[#.]+\]/g)).toHaveLength(10);
  progress.update({ phase: 'aggregating', done: 0, total: 0, bytes: 0 });
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
  [plain, ['2026-01-01T00:00:00Z info fetched source=partner', '2026-01-01T00:00:00Z error broken']],
  [{ ...plain, quiet: true }, ['2026-01-01T00:00:00Z error broken']],
  [
    { ...plain, verbose: true },
    [
      '2026-01-01T00:00:00Z debug asking',
      '2026-01-01T00:00:00Z info fetched source=partner',
      '2026-01-01T00:00:00Z error broken',
    ],
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

test.each([
  [
    'text',
    '2026-01-01T00:00:00Z warn lines of this log were lost lines=3 since=1970-01-01T00:00:00.000Z cause=ENOSPC\n',
  ],
  [
    'json',
    '{"lines":3,"since":"1970-01-01T00:00:00.000Z","cause":"ENOSPC","time":"2026-01-01T00:00:00.000Z","level":"warn","message":"lines of this log were lost"}\n',
  ],
] as const)('lines that were lost are told of as %s', (logFormat, line) => {
  const io = recordIo();
  let told = '';
  const sayLosses = (format: (lost: LostLines) => string) => {
    told = format({ lines: 3, since: new Date(0), cause: 'ENOSPC' });
  };
  createOutput({ ...io, stderr: { ...io.stderr, sayLosses } }, { ...plain, logFormat });
  expect(told).toBe(line);
});

test('bytes that are not taken are a failure that says what to do', async () => {
  const io = recordIo();
  const writeBytes = () => Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' }));
  const output = createOutput({ ...io, stdout: { ...io.stdout, writeBytes } }, plain);
  async function* pieces() {
    yield Buffer.from('x');
  }
  await expect(output.bytes(pieces())).rejects.toMatchObject({ code: 'storage', hint: expect.any(String) });
});
