import type { SourceLimits } from '../config/config.ts';
import { isIndexFileName, userFolder } from '../index/layout.ts';
import { checkTree, folderMode, formatId, isBlob, parseId } from '../support/git/git-tree.ts';

export type TreeLimits = Pick<SourceLimits, 'modules' | 'listingBytes'>;

/** A whole tree, as far as its folders tell: no file was looked at. */
export type MeasuredTree =
  | {
      readonly kind: 'measured';
      /** Ids of every folder and every file below it, each once, in the form of `TreeEntry`. */
      readonly trees: ReadonlySet<string>;
      readonly blobs: ReadonlySet<string>;
      /** How many index files there are, by their place and ending. */
      readonly indexFiles: number;
    }
  /** In words that end a sentence about the commit. `isMissing`: not all of it is here. */
  | { readonly kind: 'refused'; readonly reason: string; readonly isMissing?: true };

/** Where folders are read, by 40 hex digits. */
export interface TreeReader {
  measure(id: string): Promise<{ readonly type: string; readonly sizeBytes: number } | undefined>;
  read(id: string): Promise<Buffer | undefined>;
}

/** No path of an index is that deep; git itself stops at 2048 (core.maxTreeDepth). */
const maxDepth = 64;
/** Folders that are asked for at once. */
const batch = 64;
/** `MODE TYPE ID<tab>` before each path and NUL after it, as `ls-tree -r -z` prints them. */
const listingOverhead = 54;

/** What a folder comes to with all that is below it, however often the same folder stands there. */
interface Sum {
  readonly entries: number;
  readonly indexFiles: number;
  /** Size of a listing of the folder by itself. */
  readonly listingBytes: number;
  readonly depth: number;
}

interface Folder extends Omit<Sum, 'depth'> {
  readonly folders: readonly { readonly name: string; readonly id: string }[];
}

/**
 * Reads every folder of a tree strictly, each only once: a few that name each other many times may stand for more files
 * than any machine can list, so what they come to is computed, never expanded. Throws what the reader throws.
 */
export async function measureTree(
  reader: TreeReader,
  tree: string,
  limits: TreeLimits,
): Promise<MeasuredTree> {
  const folders = new Map<string, Folder>();
  const blobs = new Set<string>();
  let spare = limits.listingBytes;
  const root = parseId(tree);
  for (let wave = [root], depth = 0; wave.length > 0; depth++) {
    if (depth > maxDepth) return tooDeep();
    const next = new Set<string>();
    for (let at = 0; at < wave.length; at += batch) {
      const ids = wave.slice(at, at + batch);
      const facts = await Promise.all(ids.map((id) => reader.measure(formatId(id))));
      const total = facts.reduce((sum, fact) => sum + (fact?.sizeBytes ?? 0), 0);
      // An entry takes less room than its line in a listing.
      if (total > spare) return tooLong(limits);
      for (const [position, id] of ids.entries()) {
        const folder = await readFolder(reader, id, facts[position]?.type, blobs);
        if (folder.kind === 'refused') return folder;
        spare -= folder.listingBytes;
        if (spare < 0) return tooLong(limits);
        folders.set(id, folder);
        for (const below of folder.folders) next.add(below.id);
      }
    }
    wave = [...next].filter((id) => !folders.has(id));
  }
  const sums = sumUp(folders, root);
  if (sums === undefined) return tooDeep();
  if ((sums.get(root)?.listingBytes ?? 0) > limits.listingBytes) return tooLong(limits);
  const user = folders.get(root)?.folders.find(({ name }) => name === userFolder);
  const indexFiles = user === undefined ? 0 : (sums.get(user.id)?.indexFiles ?? 0);
  if (indexFiles > limits.modules)
    return refused(`lists more than ${limits.modules} modules (limits.modules)`);
  return { kind: 'measured', trees: new Set(folders.keys()), blobs, indexFiles };
}

/** Reads one folder, whose size is known to be bearable, and notes its files. */
async function readFolder(
  reader: TreeReader,
  id: string,
  type: string | undefined,
  blobs: Set<string>,
): Promise<(Folder & { readonly kind: 'read' }) | Extract<MeasuredTree, { kind: 'refused' }>> {
  const content = type === undefined ? undefined : await reader.read(formatId(id));
  if (content === undefined) return { ...refused(`lacks the tree ${short(id)}`), isMissing: true };
  if (type !== 'tree') return refused(`names the ${type} ${short(id)} as a tree`);
  let entries = 0;
  let indexFiles = 0;
  let listingBytes = 0;
  const folders: Folder['folders'][number][] = [];
  const problem = checkTree(content, (entry) => {
    entries++;
    listingBytes += listingOverhead + entry.name.length;
    if (entry.mode === folderMode) folders.push({ name: entry.name, id: entry.id });
    if (!isBlob(entry)) return;
    blobs.add(entry.id);
    if (isIndexFileName(entry.name)) indexFiles++;
  });
  if (problem !== undefined) return refused(`is not well formed: the tree ${short(id)} ${problem}`);
  return { kind: 'read', entries, indexFiles, listingBytes, folders };
}

/** Adds up from the deepest folders; `undefined` where a path is too deep. Sums may become Infinity, which is too much too. */
function sumUp(folders: ReadonlyMap<string, Folder>, root: string): Map<string, Sum> | undefined {
  const sums = new Map<string, Sum>();
  const visit = (id: string, depth: number): Sum | undefined => {
    const known = sums.get(id);
    if (known) return known;
    const own = folders.get(id);
    if (own === undefined || depth > maxDepth) return undefined;
    let { entries, indexFiles, listingBytes } = own;
    let height = 0;
    for (const folder of own.folders) {
      const sum = visit(folder.id, depth + 1);
      if (sum === undefined) return undefined;
      entries += sum.entries;
      indexFiles += sum.indexFiles;
      listingBytes += sum.listingBytes + sum.entries * (folder.name.length + 1);
      height = Math.max(height, sum.depth + 1);
    }
    const sum = { entries, indexFiles, listingBytes, depth: height };
    sums.set(id, sum);
    return sum;
  };
  const total = visit(root, 0);
  return total === undefined || total.depth > maxDepth ? undefined : sums;
}

function tooDeep() {
  return refused(`has a path of more than ${maxDepth} folders`);
}

function tooLong({ listingBytes }: TreeLimits) {
  return refused(`has more files than can be listed in ${listingBytes} bytes (limits.listing_bytes)`);
}

function refused(reason: string) {
  return { kind: 'refused', reason } as const;
}

function short(id: string): string {
  return formatId(id).slice(0, 10);
}
