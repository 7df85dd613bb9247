import { isUtf8 } from 'node:buffer';
import { streamGit } from '../support/git/git.ts';
import { createRecordSplitter } from '../support/records.ts';

/** Added to git's environment: another place of the objects. */
type Variables = Readonly<Record<string, string>>;

/** Of a listing as git prints it; what is listed for a source was measured before it came into our store. */
const maxListingBytes = 1024 * 1024 * 1024;

/** Every file below a tree-ish, by path: object ids. Links are files, submodules are not here. */
export async function listFiles(
  directory: string,
  treeish: string,
  variables: Variables = {},
): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const args = ['ls-tree', '-r', '-z', '--full-tree', treeish];
  await readRecords({ directory, variables }, args, (record) => {
    const tab = record.indexOf(9);
    const [, type, id] = record.toString('latin1', 0, tab).split(' ');
    if (tab > 0 && type === 'blob' && id !== undefined) files.set(readPath(record.subarray(tab + 1)), id);
  });
  return files;
}

/** Paths that differ between two trees, with the file's id in the second; `undefined` where it has no file there. */
export async function diffTrees(
  directory: string,
  from: string,
  to: string,
  variables: Variables = {},
): Promise<Map<string, string | undefined>> {
  const changed = new Map<string, string | undefined>();
  const args = ['diff-tree', '-r', '-z', '--raw', '--no-abbrev', '--no-renames', '--no-ext-diff', from, to];
  let facts: string | undefined;
  // `:MODE MODE ID ID STATUS`, then the path (git's Documentation/diff-format, "Raw output format").
  await readRecords({ directory, variables }, args, (record) => {
    if (facts === undefined) {
      facts = record.toString('latin1');
      return;
    }
    const [, mode = '', , id] = facts.split(' ');
    changed.set(readPath(record), mode.startsWith('1') && mode !== '160000' ? id : undefined);
    facts = undefined;
  });
  return changed;
}

function readRecords(
  { directory, variables }: { readonly directory: string; readonly variables: Variables },
  args: readonly string[],
  take: (record: Buffer) => void,
) {
  return streamGit(
    args,
    { gitDir: directory, env: variables, maxStdoutBytes: maxListingBytes },
    createRecordSplitter(0, take),
  );
}

/**
 * A path is bytes. One that is not UTF-8 is spelt with `\\xNN` for each byte beyond ASCII, so that no two paths become
 * one: it is no module's, since no module's name has a backslash.
 */
function readPath(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString('utf8');
  return bytes
    .toString('latin1')
    .replace(/[\u0080-\u00ff]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16)}`);
}
