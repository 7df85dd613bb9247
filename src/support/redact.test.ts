import { describe, expect, test } from 'vitest';
import { redact, showUrl } from './redact.ts';
import { createMask } from './secret-mask.ts';

describe('redact', () => {
  test.each([
    ['fatal: https://user:secret@host/x not found', 'fatal: https://host/x not found'],
    ['fatal: https://token@host/x', 'fatal: https://host/x'],
    ['mail someone@example.com', 'mail someone@example.com'],
    ['> Authorization: Bearer abc.def', '> Authorization: ***'],
    ['> authorization: Basic dTpw', '> authorization: ***'],
    ['one\ntwo\r\n\u001b[31mthree\u202e', 'one two [31mthree'],
    ['a\u0085b\u061cc\u200bd\u2066e\ufefff', 'a b c d e f'],
  ])('%j becomes %j', (text, expected) => {
    expect(redact(text)).toBe(expected);
  });

  test('hides the secrets it is told of', () => {
    expect(redact('the password is hunter2', createMask(['hunter2', '', 'p']))).toBe('the password is ***');
  });

  test.each([
    ['before', 390],
    ['far before', 64 * 1024 - 10],
  ])('shows no half of a secret that is cut in two: %s', (_, length) => {
    const mask = createMask(['0123456789abcdefghij']);
    expect(redact(`${'x'.repeat(length)}0123456789abcdefghij`, mask)).not.toContain('0123');
    expect(redact(`${'\u200b'.repeat(length)}0123456789abcdefghij`, mask)).not.toContain('0123');
    expect(redact('0123456789abcdefghij'.repeat(length), mask)).not.toMatch(/[0-9a-j]/);
  });

  test('is bounded', () => {
    expect(redact('x'.repeat(10_000)).length).toBeLessThan(500);
  });
});

describe('showUrl', () => {
  test.each([
    ['https://u:p@host/a%2Fb?signature=x#y', 'https://host/a%2Fb'],
    ['git@host:team/index.git', 'git@host:team/index.git'],
    ['//u:p@host?x=1', '//u:p@host'],
  ])('%j becomes %j', (url, expected) => {
    expect(showUrl(url)).toBe(expected);
  });
});
