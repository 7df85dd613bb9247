import { describe, expect, test } from 'vitest';
import { isModuleName, moduleNameProblem, ownerOf, restOf } from './module-name.ts';

/** Code points by number, so that nothing in this file is invisible. */
const at = (codePoint: number) => String.fromCodePoint(codePoint);

describe('a module name', () => {
  test.each([
    'moonbitlang/core',
    'CAIMEOX/原来可以发中文包',
    'illusory0x0/🐫',
    'allwefantasy/readline.mbt',
    'tonyfettes/tree-sitter',
    'tonyfettes/tree_sitter',
    'tonyfettes/tree-sitter/cli',
    'a/b/c/d/e',
    'xunyoyo/Permutation',
    'xunyoyo/permutation',
    'li/x',
    '2048/2048',
    'a/b.index',
    'a/.hidden',
    'a/...',
    'a/.gitignore',
    'a/git',
    'a/b/v2',
    'a/consul',
    'a/auxiliary',
    'a/com',
    'a/com10',
    'a/__proto__',
    'constructor/toString',
    `o/${'a'.repeat(240)}`,
    `o/e${at(0x301)}`,
    `o/${at(0xe9)}`,
    // A family: people joined by zero-width joiners.
    `o/${[0x1f468, 0x1f469, 0x1f467].map(at).join(at(0x200d))}`,
  ])('may be %s', (name) => {
    expect(moduleNameProblem(name)).toBeUndefined();
    expect(isModuleName(name)).toBe(true);
  });

  test.each([
    ['empty', ''],
    ['without a slash', 'core'],
    ['without an owner', '/core'],
    ['without a name', 'owner/'],
    ['with two slashes in a row', 'owner//core'],
    ['with a slash at its end', 'owner/core/'],
    ['a slash alone', '/'],
    ['going up', '../x'],
    ['going up at its end', 'owner/..'],
    ['going up within', 'owner/../../x'],
    ['with a dot for an owner', './x'],
    ['with a dot within', 'owner/./x'],
    ['with a colon', 'owner/a:b'],
    ['a Windows drive', 'C:/windows'],
    ['with a backslash', 'owner\\..\\x/y'],
    ['with a NUL', 'owner/a\0b'],
    ['with a newline', 'owner/a\nb'],
    ['with a carriage return', 'owner/a\rb'],
    ['with a tab', 'owner/a\tb'],
    ['with an escape', 'owner/\u001b[31mred'],
    ['with a C1 control', `owner/a${at(0x9b)}b`],
    ['with a delete', `owner/a${at(0x7f)}`],
    ['with a space', 'owner/a b'],
    ['with a no-break space', `owner/a${at(0xa0)}b`],
    ['with a line separator', `owner/a${at(0x2028)}b`],
    ['with an ideographic space', `owner/a${at(0x3000)}b`],
    ['with "@"', 'owner/a@1.0.0'],
    ['with "#"', 'owner/a#b'],
    ['with "?"', 'owner/a?b'],
    ['with "%"', 'owner/a%2Fb'],
    ['with a right-to-left override', `owner/${at(0x202e)}oot`],
    ['with a right-to-left mark', `owner/a${at(0x200f)}`],
    ['with an isolate', `owner/${at(0x2066)}a`],
    ['with an Arabic letter mark', `owner/${at(0x61c)}a`],
    ['with a zero-width space', `owner/a${at(0x200b)}b`],
    ['with a byte order mark', `${at(0xfeff)}owner/a`],
    ['with a replacement character', `owner/${at(0xfffd)}`],
    ['with a lone high surrogate', 'owner/\ud83d'],
    ['with a lone low surrogate', 'owner/\udc2b'],
    ['with surrogates the wrong way round', 'owner/\udc2b\ud83d'],
    ['that git takes for its own folder', 'owner/.git'],
    ['that git takes for its own folder, in capitals', '.GIT/config'],
    ['that git takes for its own folder, on NTFS', 'owner/git~1'],
    ['that git takes for its own folder, with dots at its end', 'owner/.git../x'],
    ['whose folder would stand where an index file does', 'a/b.index/c'],
    ['whose folder would stand where an index file does, on some disks', 'a/b.INDEX/c'],
    ['whose owner is an index file', 'a.index/c'],
    ['with a part longer than a file name', `o/${'a'.repeat(241)}`],
    ['with a part longer than a file name in bytes', `o/${'包'.repeat(81)}`],
    ['longer than a path', `o/${Array(300).fill('abc').join('/')}`],
  ])('cannot be %s', (_, name) => {
    expect(moduleNameProblem(name)).toEqual(expect.any(String));
    expect(isModuleName(name)).toBe(false);
  });

  // HFS+ ignores these characters, so there `.git` with one of them is `.git`: git checks nothing out of such a tree.
  test.each(['200C', '200D', '200E', '202A', '206A', '206F', 'FEFF'])(
    'cannot have a part that is .git with U+%s in it, on macOS',
    (hex) => {
      const codePoint = Number.parseInt(hex, 16);
      expect(isModuleName(`owner/.g${at(codePoint)}it`)).toBe(false);
      expect(isModuleName(`owner/.git${at(codePoint)}/x`)).toBe(false);
    },
  );

  // Git for Windows checks nothing out of a tree that has such a path (mingw.c, is_valid_win32_path).
  test.each([
    'aux/x',
    'owner/CON',
    'owner/nul.mbt',
    'owner/prn/x',
    'owner/com1',
    'owner/LPT9.x',
    'owner/conin$',
    'owner/CONOUT$/x',
    'owner./x',
    'owner/a../x',
    'owner/a"b',
    'owner/a<b',
    'owner/a>b',
    'owner/a|b',
    'owner/*',
  ])('cannot be %s, which Windows has no file for', (name) => {
    expect(isModuleName(name)).toBe(false);
  });

  test('that is refused says why in printable characters', () => {
    const hostile = ['owner/\u001b[31mred', `owner/${at(0x202e)}x`, 'owner/a\nb', `owner/${at(0xfeff)}`];
    for (const name of hostile) expect(moduleNameProblem(name)).toMatch(/^[ -~]+$/);
    expect(moduleNameProblem('owner/a:b')).toContain('":"');
    expect(moduleNameProblem('owner/a\0b')).toContain('U+0000');
  });

  test('is an owner and the rest, whatever the rest has', () => {
    const name = 'tonyfettes/tree-sitter/cli';
    if (!isModuleName(name)) throw new TypeError('it is a name');
    expect([ownerOf(name), restOf(name)]).toEqual(['tonyfettes', 'tree-sitter/cli']);
  });
});

test('every character that makes moon refuse a whole search result is in no module name', () => {
  const refusedByMoon = /[@:\\\p{White_Space}\p{Cc}\p{Bidi_Control}]/u;
  const accepted = Array.from({ length: 0x110000 }, (_, codePoint) => codePoint)
    .filter((codePoint) => refusedByMoon.test(at(codePoint)))
    .filter((codePoint) => isModuleName(`a/b${at(codePoint)}c`));
  expect(accepted).toEqual([]);
});
