import ignore from 'ignore';

/** What is left out by the ignore files of a folder and of the folders in it, as git reads them. */
export interface IgnoreRules {
  /** The text of an ignore file in `folder`, a path relative to the topmost one (`''`). Add those above first. */
  add(folder: string, text: string): void;
  /** Of a path relative to the topmost folder; nothing below a folder that is left out can come back. */
  leavesOut(path: string, isFolder: boolean): boolean;
}

export function createIgnoreRules(): IgnoreRules {
  // As git does on disks that tell letter case apart: the same files everywhere.
  const rules = ignore({ ignoreCase: false });
  return {
    add: (folder, text) => {
      rules.add(
        text
          .replace(/^\ufeff/, '')
          .split(/\r?\n/)
          .flatMap((line) => rebase(line, folder)),
      );
    },
    leavesOut: (path, isFolder) => rules.ignores(isFolder ? `${path}/` : path),
  };
}

/** The pattern as an ignore file of the topmost folder would have it, so that the last one that matches decides. */
function rebase(line: string, folder: string): string[] {
  const pattern = line.replace(/(?<!\\)[ \t]+$/, '');
  if (pattern === '' || pattern.startsWith('#')) return [];
  if (folder === '') return [pattern];
  const negation = pattern.startsWith('!') ? '!' : '';
  const body = pattern.slice(negation.length);
  // With a slash that is not its last character, a pattern holds from its own folder on; else at any depth.
  const isAnchored = body.slice(0, -1).includes('/');
  const below = isAnchored ? body.replace(/^\//, '') : `**/${body}`;
  return [`${negation}/${folder.replace(/[\\*?[\]!# ]/g, '\\$&')}/${below}`];
}
