/** Tree objects of git as they are stored (gitformat-core, "tree objects"): `MODE NAME\0` and twenty bytes of an id each. */

export interface TreeEntry {
  /** Mode in octal digits, as stored. */
  readonly mode: string;
  /** Name in a folder, each character of which is one byte: a name need not be UTF-8. */
  readonly name: string;
  /** Object id as twenty characters of one byte each, half of what 40 digits take: see `formatId`. */
  readonly id: string;
}

export const folderMode = '40000';
const submoduleMode = '160000';

/** Files, executable files, those of a time before git 1.0, links: all are blobs. */
const blobModes = new Set(['100644', '100755', '100664', '120000']);

export function isBlob({ mode }: TreeEntry): boolean {
  return blobModes.has(mode);
}

/** 40 hex digits, as git writes an id. */
export function formatId(id: string): string {
  return Buffer.from(id, 'latin1').toString('hex');
}

export function parseId(digits: string): string {
  return Buffer.from(digits, 'hex').toString('latin1');
}

/** The entries up to the first that is cut short, whatever they say; returns whether none is. */
export function* readTreeEntries(content: Buffer): Generator<TreeEntry, boolean> {
  for (let at = 0; at < content.length; ) {
    const space = content.indexOf(32, at);
    const end = content.indexOf(0, space + 1);
    if (space < 0 || end < 0 || end + 21 > content.length) return false;
    yield {
      mode: content.toString('latin1', at, space),
      name: content.toString('latin1', space + 1, end),
      id: content.toString('latin1', end + 1, end + 21),
    };
    at = end + 21;
  }
  return true;
}

/**
 * Hands on the entries of a tree, as strict as git's fsck: git itself finds entries by their order, so in one that is not
 * sorted it loses some, and of two with the same name it shows now this, now that. Returns what is wrong with it, in words
 * that follow "the tree".
 */
export function checkTree(content: Buffer, take: (entry: TreeEntry) => void): string | undefined {
  const entries = readTreeEntries(content);
  let before: string | undefined;
  // Files whose names all since begin with: only such a name may come once more, as a folder's.
  const open: string[] = [];
  for (;;) {
    const next = entries.next();
    if (next.done) return next.value ? undefined : 'is cut short';
    const { mode, name } = next.value;
    const isFolder = mode === folderMode;
    if (!blobModes.has(mode) && !isFolder && mode !== submoduleMode)
      return `has an entry of the unknown mode ${JSON.stringify(mode.slice(0, 10))}`;
    const problem = nameProblem(name);
    if (problem !== undefined) return problem;
    // Folders sort as if their names ended in a slash (git's base_name_compare); bytes compare as characters here.
    const key = isFolder ? `${name}/` : name;
    if (before === key) return 'has two entries of the same name';
    if (before !== undefined && before > key) return 'has its entries out of order';
    while (open.length > 0 && !name.startsWith(open.at(-1) ?? '')) open.pop();
    if (isFolder && open.at(-1) === name) return 'has two entries of the same name';
    if (!isFolder) open.push(name);
    before = key;
    take(next.value);
  }
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
