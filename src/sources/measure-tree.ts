import type { SourceLimits } from '../config/config.ts';
import { isIndexFileName, userFolder } from '../index/layout.ts';
import type { GitObjectReader } from '../support/git-objects.ts';
import { folderMode, isBlob, parseTree, submoduleMode, type TreeEntry } from '../support/git-tree.ts';

export type TreeLimits = Pick<SourceLimits, 'modules' | 'listingBytes'>;

/** A whole tree, as far as its folders tell: no file was looked at. */
export type MeasuredTree =
  | {
      readonly kind: 'measured';
      /** Ids of every folder and every file below it, each once, as 20 characters of one byte each. */
      readonly trees: ReadonlySet<string>;
      readonly blobs: ReadonlySet<string>;
      /** Index files by their place and ending. */
      readonly indexFiles: number;
    }
  /** In words that end a sentence about the commit. `isMissing`: not all of it is here. */
  | { readonly kind: 'refused'; readonly reason: string; readonly isMissing?: true };

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
  /** Of a listing of it by itself. */
  readonly listingBytes: number;
  readonly depth: number;
}

interface Folder extends Omit<Sum, 'depth'> {
  readonly folders: readonly { readonly nameBytes: number; readonly id: string; readonly name: string }[];
}

/**
 * Reads every folder of a tree strictly, each only once: a few that name each other many times may stand for more files
 * than any machine can list, so what they come to is computed, never expanded. Throws what the reader throws.
 */
export async function measureTree(
  reader: GitObjectReader,
  tree: string,
  limits: TreeLimits,
): Promise<MeasuredTree> {
  const folders = new Map<string, Folder>();
  const blobs = new Set<string>();
  let spare = limits.listingBytes;
  for (let wave = [tree], depth = 0; wave.length > 0; depth++) {
    if (depth > maxDepth) return tooDeep();
    const next = new Set<string>();
    for (let at = 0; at < wave.length; at += batch) {
      for (const read of await readFolders(reader, wave.slice(at, at + batch), spare)) {
        if (read.kind === 'refused') return read;
        const folder = summarise(read.entries);
        spare -= folder.listingBytes;
        if (spare < 0) return tooLong(limits);
        folders.set(read.id, folder);
        for (const entry of read.entries) if (isBlob(entry)) blobs.add(compactId(entry.id));
        for (const { id } of folder.folders) next.add(id);
      }
    }
    wave = [...next].filter((id) => !folders.has(id));
  }
  const sums = sumUp(folders, tree);
  if (sums === undefined) return tooDeep();
  if ((sums.get(tree)?.listingBytes ?? 0) > limits.listingBytes) return tooLong(limits);
  const user = folders.get(tree)?.folders.find(({ name }) => name === userFolder);
  const indexFiles = user === undefined ? 0 : (sums.get(user.id)?.indexFiles ?? 0);
  if (indexFiles > limits.modules)
    return refused(`lists more than ${limits.modules} modules (limits.modules)`);
  return { kind: 'measured', trees: new Set([...folders.keys()].map(compactId)), blobs, indexFiles };
}

type ReadFolder =
  | { readonly kind: 'read'; readonly id: string; readonly entries: readonly TreeEntry[] }
  | Extract<MeasuredTree, { kind: 'refused' }>;

/** Asks for sizes first: a folder may be small to send and larger than memory. */
async function readFolders(
  reader: GitObjectReader,
  ids: readonly string[],
  spareBytes: number,
): Promise<ReadFolder[]> {
  const facts = await Promise.all(ids.map((id) => reader.identify(id)));
  const total = facts.reduce((sum, fact) => sum + (fact?.sizeBytes ?? 0), 0);
  // An entry takes less room than its line in a listing.
  if (total > spareBytes)
    return [refused('has folders with more entries than may be listed (limits.listing_bytes)')];
  return Promise.all(
    ids.map(async (id, position): Promise<ReadFolder> => {
      const type = facts[position]?.type;
      if (type === undefined) return { ...refused(`lacks the tree ${short(id)}`), isMissing: true };
      if (type !== 'tree') return refused(`names the ${type} ${short(id)} as a tree`);
      const object = await reader.read(id);
      if (object === undefined) return { ...refused(`lacks the tree ${short(id)}`), isMissing: true };
      const parsed = parseTree(object.content);
      if (parsed.kind === 'malformed')
        return refused(`is not well formed: the tree ${short(id)} ${parsed.reason}`);
      return { kind: 'read', id, entries: parsed.entries };
    }),
  );
}

function summarise(entries: readonly TreeEntry[]): Folder {
  let indexFiles = 0;
  let listingBytes = 0;
  const folders: Folder['folders'][number][] = [];
  for (const { mode, name, id } of entries) {
    listingBytes += listingOverhead + name.length;
    if (mode === folderMode) folders.push({ nameBytes: name.length, id, name });
    else if (mode !== submoduleMode && isIndexFileName(name)) indexFiles++;
  }
  return { entries: entries.length, indexFiles, listingBytes, folders };
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
      listingBytes += sum.listingBytes + sum.entries * (folder.nameBytes + 1);
      height = Math.max(height, sum.depth + 1);
    }
    const sum = { entries, indexFiles, listingBytes, depth: height };
    sums.set(id, sum);
    return sum;
  };
  const total = visit(root, 0);
  return total === undefined || total.depth > maxDepth ? undefined : sums;
}

/** Half the memory of 40 digits, of which an index may have very many. */
function compactId(id: string): string {
  return Buffer.from(id, 'hex').toString('latin1');
}

/** As git writes it. */
export function expandId(compact: string): string {
  return Buffer.from(compact, 'latin1').toString('hex');
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
  return id.slice(0, 10);
}
