import { describe, expect, test } from 'vitest';
import { redact, showUrl } from './redact.ts';

describe('redact', () => {
  test.each([
    ['fatal: https://user:secret@host/x not found', 'fatal: https://host/x not found'],
    ['fatal: https://token@host/x', 'fatal: https://host/x'],
    ['mail someone@example.com', 'mail someone@example.com'],
    ['> Authorization: Bearer abc.def', '> Authorization: ***'],
    ['> authorization: Basic dTpw', '> authorization: ***'],
    ['one\ntwo\r\n\u001b[31mthree\u202e', 'one two [31mthree'],
  ])('%j becomes %j', (text, expected) => {
    expect(redact(text)).toBe(expected);
  });

  test('hides the secrets it is told of', () => {
    expect(redact('the password is hunter2', ['hunter2', '', 'p'])).toBe('the password is ***');
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
