import { expect, test } from 'vitest';
import { recordIo } from './io.fixture.ts';
import { createOutput } from './output.ts';

const plain = { json: false, quiet: false, verbose: false, logFormat: 'text' } as const;
const hostile = 'x\u001b[31m\u009b2K\r\u202e\u{e0041}';
const shown = 'x\\u001b[31m\\u009b2K\\u000d\\u202e\\u{e0041}';

test('a terminal gets our colours and none that came with the text, whatever is said', () => {
  const io = recordIo({ isTTY: true });
  const output = createOutput(io, plain);
  output.warn(hostile);
  output.note(hostile);
  output.log(`${hostile}\n`);
  output.failure(new Error(hostile));
  output.statusLine(hostile);
  output.statusLine(undefined);
  output.result({ text: hostile, json: {} });
  output.say(hostile);
  output.help(hostile);
  const { stdout, stderr } = io.written;
  expect(stdout).toBe(`${shown}\n${shown}\n${shown}`);
  expect(stderr).toMatch(
    new RegExp(`^\\u001b\\[33mwarning:\\u001b\\[39m ${escapeForPattern(`${shown}\n${shown}\n${shown}\n`)}`),
  );
  expect(stderr).toContain(`\u001b[31merror:\u001b[39m unexpected: ${shown}\n`);
  expect(stderr.endsWith(`${shown}\r\u001b[K`)).toBe(true);
  const ours = /\u001b\[(?:33|31|39)m|\r\u001b\[K/g;
  expect(stderr.replaceAll(ours, '')).not.toMatch(/[^\P{Cc}\n]|\p{Cf}/u);
});

test('a status line is no wider than the terminal, however much has to be escaped', () => {
  const io = recordIo({ isTTY: true, columns: 20 });
  createOutput(io, plain).statusLine('\u009b'.repeat(50));
  expect(io.written.stderr).toBe('\\u009b\\u009b\\u009b\\');
});

test('--json has the characters as escapes, and the same value', () => {
  const io = recordIo();
  createOutput(io, { ...plain, json: true }).result({ text: '', json: { [hostile]: hostile } });
  expect(io.written.stdout).toMatch(/^[\u0020-\u007e\n]*$/);
  expect(JSON.parse(io.written.stdout)).toEqual({ [hostile]: hostile });
});

test('what a program reads is not changed', () => {
  const io = recordIo();
  createOutput(io, plain).result({ text: 'a\tb', json: [], isForPrograms: true });
  expect(io.written.stdout).toBe('a\tb\n');
});

function escapeForPattern(text: string): string {
  return text.replaceAll(/[\\[\]{}^$.|?*+()]/g, '\\$&');
}
