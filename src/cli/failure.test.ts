import { expect, test } from 'vitest';
import { ConfigError, NotFoundError, UsageError } from '../errors.ts';
import { systemError } from '../support/disk/failing-disk.fixture.ts';
import { CommandLineError, exitCodeOf, exitCodes, InterruptedError } from './exit-codes.ts';
import { describeFailure, formatFailure } from './failure.ts';

const plain = { verbose: false };

test('a failure says what happened and what helps', () => {
  const error = new NotFoundError('there is no source "x"', { hint: 'configured: a, b' });
  expect(formatFailure(error, plain)).toBe('there is no source "x"\nhint: configured: a, b');
});

test('problems of the config come one per line, each with its place', () => {
  const error = new ConfigError('registry.toml has 2 problems\nand lists them', [
    { path: 'server.port', line: 3, column: 8, message: 'expected an integer' },
    { path: '', line: 9, column: 1, message: 'unexpected end' },
  ]);
  expect(formatFailure(error, plain).split('\n')).toEqual([
    'registry.toml has 2 problems',
    '  registry.toml:3:8: server.port: expected an integer',
    '  registry.toml:9:1: unexpected end',
  ]);
});

test('causes are shown with -v only', () => {
  const error = new NotFoundError('no', { cause: new Error('inner', { cause: new Error('innermost') }) });
  expect(formatFailure(error, plain)).not.toContain('inner');
  const verbose = formatFailure(error, { verbose: true });
  expect(verbose).toContain('caused by: Error: inner\n');
  expect(verbose).toContain('caused by: Error: innermost\n');
});

test('a cause that leads back to itself ends the chain', () => {
  const error = new NotFoundError('no');
  error.cause = error;
  expect(formatFailure(error, { verbose: true })).toBe('no');
});

test('a bug shows its stack without being asked', () => {
  expect(formatFailure(new TypeError('oops'), plain)).toMatch(
    /^unexpected: oops\nhint: .*bug.*\nTypeError: oops\n {4}at /,
  );
  const { hint } = describeFailure(new TypeError('oops'));
  for (const part of [
    'the command',
    '-v',
    '`git --version`',
    '0.0.0-test',
    `Node.js ${process.versions.node}`,
  ])
    expect(hint).toContain(part);
  expect(describeFailure('thrown text')).toMatchObject({ code: 'bug', message: 'unexpected: thrown text' });
});

test.each([
  [new CommandLineError('x'), 2],
  [new UsageError('a pattern that matches nothing'), 1],
  [new NotFoundError('x'), 1],
  [new InterruptedError(), 130],
  [new Error('x'), 70],
])('%s ends with %d', (error, code) => {
  expect(exitCodeOf(error)).toBe(code);
});

test.each([-122, -116, -117, -123])('a disk that says %i is no bug of ours', (errno) => {
  const error = systemError(errno, 'open', '/srv/data/index/HEAD');
  expect(describeFailure(error)).toMatchObject({
    code: 'storage',
    message: expect.stringMatching(/^cannot open \/srv\/data\/index\/HEAD: E[A-Z]+$/),
    hint: expect.stringMatching(/\w/),
  });
  expect(exitCodeOf(error)).toBe(exitCodes.failed);
  expect(formatFailure(error, { verbose: false }).split('\n')).toHaveLength(2);
});
