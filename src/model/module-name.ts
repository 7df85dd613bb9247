import { foldName } from './fold-name.ts';

/**
 * A module name: `owner/rest`, where the rest may contain further slashes.
 *
 * Names are compared byte for byte: letter case and Unicode form are significant, since the
 * official index has names that differ only by them. A name never becomes a file path on our
 * disk, but it does become a path in the git tree that clients check out, so a name that would
 * make somebody's checkout fail is refused for everybody's sake.
 */
export type ModuleName = string & { readonly brand: 'ModuleName' };

const maxComponentBytes = 240;
const maxNameBytes = 1024;
// Refused by moon itself in archive and asset paths (`:` `\` `#` `?` `%`), ambiguous in `module@version` (`@`),
// impossible in a Windows path (`"` `*` `<` `>` `|`), or able to forge lines and hide text in a terminal: controls,
// white space, bidirectional and zero-width marks.
const forbiddenCharacters =
  /[\u0000-\u001f\u007f-\u009f\s:\\#?%@"*<>|\u061c\u180e\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufffd]/u;
// A tree with such a component cannot be checked out (git's verify_path, with its HFS+ and NTFS rules).
const dotGit = /^(\.git|git~[0-9]+)[. ]*$/i;
// Emoji are made with it, and HFS+ ignores it: `.git` with one in it is `.git` there (git's utf8.c).
const zeroWidthJoiner = /\u200d/g;
// Names of devices on Windows, whatever their extension: git checks nothing out of a tree that has one (mingw.c).
const windowsDevice = /^(aux|con|nul|prn|com[1-9]|lpt[1-9]|conin\$|conout\$)(\.|$)/i;

/** Why `text` cannot be a module name, in words that end a sentence; `undefined` if it can. */
export function moduleNameProblem(text: string): string | undefined {
  if (text.length === 0) return 'it is empty';
  if (!text.isWellFormed()) return 'it is not valid Unicode';
  const found = forbiddenCharacters.exec(text);
  if (found) return `it contains the character ${describeCharacter(found[0])}`;
  if (Buffer.byteLength(text) > maxNameBytes) return `it is longer than ${maxNameBytes} bytes`;
  const components = text.split('/');
  if (components.length < 2) return 'it has no owner: a module is named OWNER/NAME';
  for (const [position, component] of components.entries()) {
    if (component === '') return 'it has an empty part between slashes';
    if (component === '.' || component === '..') return `it has the part "${component}"`;
    const isLast = position === components.length - 1;
    const where = checkoutFailure(component, isLast);
    if (where !== undefined) return `git refuses to check out the part "${component}"${where}`;
    if (Buffer.byteLength(component) > maxComponentBytes)
      return `a part is longer than ${maxComponentBytes} bytes`;
    // `a/b.index/c` would need a folder where the index file of `a/b` stands, and so could delete it.
    if (!isLast && foldName(component).endsWith('.index'))
      return `the part "${component}" would collide with an index file`;
  }
  return undefined;
}

/** Where git refuses a folder (or, with `.index` after it, a file) of this name: the end of a sentence. */
function checkoutFailure(component: string, isLast: boolean): string | undefined {
  if (dotGit.test(component.replace(zeroWidthJoiner, ''))) return '';
  if (windowsDevice.test(component) || (!isLast && component.endsWith('.'))) return ' on Windows';
  return undefined;
}

export function isModuleName(text: string): text is ModuleName {
  return moduleNameProblem(text) === undefined;
}

/** The part before the first slash. */
export function ownerOf(module: ModuleName): string {
  return module.slice(0, module.indexOf('/'));
}

/** The part after the first slash; may contain slashes itself. */
export function restOf(module: ModuleName): string {
  return module.slice(module.indexOf('/') + 1);
}

function describeCharacter(character: string): string {
  const codePoint = character.codePointAt(0) ?? 0;
  const code = `U+${codePoint.toString(16).toUpperCase().padStart(4, '0')}`;
  return codePoint > 0x20 && codePoint < 0x7f ? `"${character}"` : code;
}
