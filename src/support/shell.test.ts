import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { inSentence, quoteForShell, shellLine } from './shell.ts';

const hostile = [
  ...['$(touch pwn)/x', '`id`/x', '$HOME/x', 'a;b/x', 'a&b/x', "a'b/x", 'a!b/x', '~/x', 'a b', '"', '', '\n'],
  ...['a(b)/x', 'a{b,c}/x', '#/x', '*', 'a\\b', '"$(id)"', '=ls'],
];

test.each(hostile)('a shell takes %j as one word and obeys nothing in it', (word) => {
  for (const line of [quoteForShell(word), shellLine`${word}`, shellLine`"${word}"`])
    expect(execFileSync('sh', ['-c', `printf '<%s>' ${line}`]).toString()).toBe(`<${word}>`);
  expect(execFileSync('sh', ['-c', `printf '<%s>' ${shellLine`a=${word}@1.0.0`}`]).toString()).toBe(
    `<a=${word}@1.0.0>`,
  );
});

test('what needs no quotes gets none, and keeps those it has', () => {
  expect(shellLine`moonbit-registry explain ${'alice/json'}@${'1.0.0+b-1'}`).toBe(
    'moonbit-registry explain alice/json@1.0.0+b-1',
  );
  expect(shellLine`moonbit-registry mirror -s ${'main'} "${'alice/*'}"`).toBe(
    'moonbit-registry mirror -s main "alice/*"',
  );
  expect(shellLine`block ${'$x/y'} --reason "CVE-2026-1: use 1.2.1"`).toBe(
    `block '$x/y' --reason "CVE-2026-1: use 1.2.1"`,
  );
});

test('a value that looks like an option is none', () => {
  expect(shellLine`conflicts accept ${'-s/x'} --origin ${'main'}`).toBe(
    'conflicts accept --origin main -- -s/x',
  );
  const typed = ['--checksum', '1.0.0=$(id)'];
  expect(shellLine`conflicts accept ${'-s/x'} --origin main ${typed}`).toBe(
    "conflicts accept --origin main --checksum '1.0.0=$(id)' -- -s/x",
  );
  expect(shellLine`conflicts accept ${'s/x'} --origin main ${[]}`).toBe('conflicts accept s/x --origin main');
  expect(shellLine`mirror -s ${'-x'} "${'--full/*'}"`).toBe('mirror -s -x -- "--full/*"');
});

test('in a sentence a command stands in double quotes, unless it has quotes of its own', () => {
  expect(inSentence('moonbit-registry doctor')).toBe('"moonbit-registry doctor"');
  expect(inSentence("moonbit-registry explain '$(id)/x'")).toBe("moonbit-registry explain '$(id)/x'");
});
