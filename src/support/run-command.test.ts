import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { stateOf } from './git/process-tree.ts';
import { runCommand } from './run-command.ts';

const options = {
  directory: tmpdir(),
  env: { PATH: process.env.PATH ?? '', ONLY: 'this' },
  timeoutMs: 20_000,
  maxBytes: 16 * 1024,
};
const run = async (words: readonly string[], more: Partial<Parameters<typeof runCommand>[1]> = {}) => {
  const result = await runCommand(words, { ...options, ...more });
  return result.kind === 'printed' ? result.bytes.toString() : result.problem;
};

test('what it prints is what counts, and no shell reads its words', async () => {
  expect(await run(['printf', '%s', '$ONLY; `id` *'])).toBe('$ONLY; `id` *');
  expect(await run(['sh', '-c', 'echo no >&2; cat; printf %s "$ONLY$HOME"'])).toBe('this');
});

test('a relative path starts at its folder', async () => {
  const directory = temporaryDirectory();
  mkdirSync(join(directory, 'bin'));
  writeFileSync(join(directory, 'bin', 'give'), '#!/bin/sh\npwd\n', { mode: 0o755 });
  writeFileSync(join(directory, 'bin', 'not'), '', { mode: 0o644 });
  expect(await run(['bin/give'], { directory })).toBe(`${directory}\n`);
  expect(await run(['bin/gone'], { directory })).toBe('is not there');
  expect(await run(['bin/not'], { directory })).toBe('may not be run by this user');
});

test.each([
  [['sh', '-c', 'echo half; exit 3'], 'ended with 3'],
  [['sh', '-c', 'kill -9 $$'], 'was killed'],
  [['yes'], 'printed more than 16 KiB'],
])('%j %s', async (words, problem) => {
  expect(await run(words)).toBe(problem);
});

test('it is ended with all that it started, when its time is up or nobody wants it any more', async () => {
  expect(await run(['sh', '-c', 'sleep 60 & sleep 60'], { timeoutMs: 50 })).toBe('took longer than 0.05 s');
  expect(await run(['sleep', '60'], { signal: AbortSignal.abort() })).toBe('was ended');
});

test('what it leaves running does not keep its output open, and is ended', async () => {
  expect(await run(['sh', '-c', 'sleep 60 & echo token'])).toBe('token\n');
  const pid = Number(await run(['sh', '-c', 'sleep 60 >&- & echo $!']));
  await vi.waitFor(() => expect(['Z', undefined]).toContain(stateOf(pid)));
});

test.each([
  ['below a file', `${process.execPath}/x`, 'ENOTDIR'],
  ['of a name that is too long', `/${'a'.repeat(5000)}`, 'ENAMETOOLONG'],
])('a command %s is its own failure, not that of whoever runs it', async (_, word, code) => {
  expect(await run([word])).toBe(`cannot be run (${code})`);
});
