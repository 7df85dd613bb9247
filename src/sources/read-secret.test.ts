import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import type { SecretPart, SecretText } from '../config/config.ts';
import { howToRenew, readSecret } from './read-secret.ts';

const secretOf = (setting: SecretText['setting'], ...parts: SecretPart[]): SecretText => ({
  setting,
  line: 61,
  parts,
});
const variable = (name: string): SecretPart => ({ kind: 'variable', name });

describe('variables', () => {
  test.each([
    ['bearer', 'a\nb', 'holds a line break'],
    ['bearer', 'token\r\n', 'holds a line break'],
    ['bearer', '\ufefftoken', 'holds a byte-order mark'],
    ['bearer', 'tok\u0007en', 'holds a control character'],
    ['bearer', 'tok\u0090en', 'holds a control character'],
    ['bearer', 'tok€n', 'holds a character outside ASCII, which no token can have'],
    ['bearer', 'tokén', 'holds a character outside ASCII, which no token can have'],
    ['bearer', ' token', 'holds a space at its beginning or its end'],
    ['basic', 'pass\nword', 'holds a line break'],
    ['basic', '\ufeffpass', 'holds a byte-order mark'],
    ['basic', 'pass\u0000', 'holds a control character'],
    ['basic', 'pass\u200bword', 'holds an invisible character'],
    ['basic', '', 'is empty'],
    ['bearer', undefined, 'is not set'],
  ] as const)(
    'of type %s that hold %j cannot be sent, and are named with their line',
    async (type, value, flaw) => {
      const setting = type === 'bearer' ? 'token' : 'password';
      expect(await readSecret(secretOf(setting, variable('SECRET')), type, { SECRET: value })).toEqual({
        kind: 'unreadable',
        problem: `the environment variable SECRET ${flaw} (registry.toml:61)`,
      });
    },
  );

  test('may be parts of a secret, and a user name has no colon wherever it comes from', async () => {
    const token = secretOf('token', { kind: 'text', text: 'key-' }, variable('A'), variable('B'));
    expect(await readSecret(token, 'bearer', { A: 'a', B: 'b' })).toEqual({
      kind: 'readable',
      value: 'key-ab',
    });
    expect(await readSecret(secretOf('password', variable('P')), 'basic', { P: 'pä ss€:d' })).toMatchObject({
      value: 'pä ss€:d',
    });
    expect(await readSecret(secretOf('username', variable('U')), 'basic', { U: 'a:b' })).toMatchObject({
      problem: expect.stringContaining('U holds a ":"'),
    });
  });
});

describe('files', () => {
  const directory = temporaryDirectory;

  async function read(path: string) {
    const file: SecretPart = { kind: 'file', path, written: 'secrets/x' };
    const reading = await readSecret(secretOf('token', file), 'bearer', {});
    return reading.kind === 'readable' ? reading.value : reading.problem;
  }

  test.each([
    ['tok3n', 'tok3n'],
    ['tok3n\n', 'tok3n'],
    ['tok3n\r\n', 'tok3n'],
    ['tok3n\n\n', 'the file secrets/x holds a line break (registry.toml:61)'],
    ['', 'the file secrets/x is empty (registry.toml:61)'],
    ['\n', 'the file secrets/x is empty (registry.toml:61)'],
    ['x'.repeat(16 * 1024), 'x'.repeat(16 * 1024)],
    ['x'.repeat(16 * 1024 + 1), 'the file secrets/x is larger than 16 KiB (registry.toml:61)'],
    [Buffer.from([0xff, 0xfe]), 'the file secrets/x is not UTF-8 text (registry.toml:61)'],
  ])('that hold %j are read without one final line end', async (content, expected) => {
    const path = join(directory(), 'secret');
    writeFileSync(path, content);
    expect(await read(path)).toBe(expected);
  });

  test('that are none are named', async () => {
    const folder = directory();
    mkdirSync(join(folder, 'd'));

    writeFileSync(join(folder, 'locked'), 'x');
    chmodSync(join(folder, 'locked'), 0);
    expect(await read(join(folder, 'none'))).toContain('is not there');
    expect(await read(join(folder, 'locked', 'x'))).toContain('is not there');
    expect(await read(join(folder, 'd'))).toContain('is not a regular file');
    expect(await read('/dev/null')).toContain('is not a regular file');

    if (process.getuid?.() !== 0)
      expect(await read(join(folder, 'locked'))).toContain('may not be read by this user');
  });
});

test('what is refused is renewed where it comes from', () => {
  const file: SecretPart = { kind: 'file', path: '/x/y', written: 'y' };
  expect(howToRenew(secretOf('token', { kind: 'text', text: 'k' }, variable('A'), file))).toEqual([
    'set A (registry.toml:61)',
    'put another secret into the file y (registry.toml:61)',
  ]);
});
