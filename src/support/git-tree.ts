/** Tree objects of git as they are stored (gitformat-core, "tree objects"): `MODE NAME\0` and twenty bytes of an id each. */

export interface TreeEntry {
  /** Octal digits, as stored. */
  readonly mode: string;
  /** Each character is one byte: a name need not be UTF-8. */
  readonly name: string;
  /** 40 hex digits. */
  readonly id: string;
}

/** Well formed, or why it is not, in words that follow "the tree". */
export type ParsedTree =
  | { readonly kind: 'tree'; readonly entries: readonly TreeEntry[] }
  | { readonly kind: 'malformed'; readonly reason: string };

export const folderMode = '40000';
export const submoduleMode = '160000';

/** Files, executable files, those of a time before git 1.0, links: all are blobs. */
const blobModes = new Set(['100644', '100755', '100664', '120000']);

export function isBlob({ mode }: TreeEntry): boolean {
  return blobModes.has(mode);
}

/** The entries up to the first that is cut short, whatever they say. */
export function readTreeEntries(content: Buffer): {
  readonly entries: TreeEntry[];
  readonly isWhole: boolean;
} {
  const entries: TreeEntry[] = [];
  for (let at = 0; at < content.length; ) {
    const space = content.indexOf(32, at);
    const end = content.indexOf(0, space + 1);
    if (space < 0 || end < 0 || end + 21 > content.length) return { entries, isWhole: false };
    entries.push({
      mode: content.toString('latin1', at, space),
      name: content.toString('latin1', space + 1, end),
      id: content.toString('hex', end + 1, end + 21),
    });
    at = end + 21;
  }
  return { entries, isWhole: true };
}

/**
 * Reads a tree as strictly as git's fsck: git itself finds entries by their order, so in one that is not sorted it
 * loses some, and of two with the same name it shows now this, now that.
 */
export function parseTree(content: Buffer): ParsedTree {
  const { entries, isWhole } = readTreeEntries(content);
  if (!isWhole) return malformed('is cut short');
  const names = new Set<string>();
  let before = '';
  for (const entry of entries) {
    const { mode, name } = entry;
    if (!blobModes.has(mode) && mode !== folderMode && mode !== submoduleMode)
      return malformed(`has an entry of the unknown mode ${JSON.stringify(mode.slice(0, 10))}`);
    const reason = nameProblem(name);
    if (reason !== undefined) return malformed(reason);
    if (names.has(name)) return malformed('has two entries of the same name');
    // Folders sort as if their names ended in a slash (git's base_name_compare); bytes compare as characters here.
    const key = mode === folderMode ? `${name}/` : name;
    if (before >= key && names.size > 0) return malformed('has its entries out of order');
    names.add(name);
    before = key;
  }
  return { kind: 'tree', entries };
}

function nameProblem(name: string): string | undefined {
  if (name === '') return 'has an entry without a name';
  if (name.includes('/')) return 'has a name with a slash in it';
  if (name === '.' || name === '..') return `has an entry named "${name}"`;
  return isDotGit(name) ? 'has an entry named ".git"' : undefined;
}

// What HFS+ leaves out of names (git's utf8.c, next_hfs_char), as UTF-8 in characters of one byte each.
const ignoredByHfs =
  /\u00e2\u0080[\u008c-\u008f\u00aa-\u00ae]|\u00e2\u0081[\u00aa-\u00af]|\u00ef\u00bb\u00bf/g;

function isDotGit(name: string): boolean {
  if (!/git/i.test(name.replace(ignoredByHfs, ''))) return false;
  return /^(\.git|git~1)[ .]*$/i.test(name.split(/[:\\]/, 1)[0]?.replace(ignoredByHfs, '') ?? '');
}

function malformed(reason: string): ParsedTree {
  return { kind: 'malformed', reason };
}
