import { describe, expect, test } from 'vitest';
import { parseExactVersion, parseModuleVersion, parsePatterns, parseWholeNumber } from './arguments.ts';
import { CommandLineError } from './exit-codes.ts';

describe('parseModuleVersion', () => {
  test.each([
    ['moonbitlang/x', 'moonbitlang/x', undefined],
    ['moonbitlang/x@0.4.38', 'moonbitlang/x', '0.4.38'],
    ['a/b/c@1.0.0-rc.1+build.5', 'a/b/c', '1.0.0-rc.1+build.5'],
    ['illusory0x0/🐫@0.1.0', 'illusory0x0/🐫', '0.1.0'],
  ])('reads %s', (text, module, version) => {
    expect(parseModuleVersion(text)).toEqual({ module, version });
  });

  test.each([
    ['x', 'it has no owner'],
    ['../x', 'it has the part ".."'],
    ['a@b/c@1.0.0', 'it contains the character "@"'],
    ['a/b@', 'it is empty'],
    ['a/b@v1.0.0', 'it begins with "v"'],
    ['a/b@1.2', 'it needs three numbers'],
    ['a/b@latest', 'it does not follow semver.org'],
  ])('says what is wrong with %s', (text, reason) => {
    expect(() => parseModuleVersion(text)).toThrow(CommandLineError);
    expect(() => parseModuleVersion(text)).toThrow(reason);
  });
});

test('a command about one version refuses a module without one', () => {
  expect(() => parseExactVersion('a/b')).toThrow('"a/b" names no version');
});

test.each(['', 'x', '1.5', '-1', '65536', '1e3', '9999999999999999'])('%j is not a port', (text) => {
  expect(() => parseWholeNumber('--port', text, 0, 65_535)).toThrow(
    '--port takes a whole number from 0 to 65535',
  );
});

test('the ends of the range are allowed', () => {
  expect(parseWholeNumber('--port', '0', 0, 65_535)).toBe(0);
  expect(parseWholeNumber('--port', '65535', 0, 65_535)).toBe(65_535);
});

test('a pattern without a slash is refused with the pattern that was probably meant', () => {
  expect(() => parsePatterns(['moonbitlang'])).toThrow('write "moonbitlang/*"');
  expect(parsePatterns(['moonbitlang/*', '*'])).toEqual(['moonbitlang/*', '*']);
});
