import { mkdir, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { onDisk } from '../support/disk/disk-errors.ts';
import { syncDirectory } from '../support/disk/file-system-gaps.ts';
import { makeFolder } from '../support/disk/make-folder.ts';
import { type GitOptions, runGit, streamGit } from '../support/git/git.ts';
import { formatId } from '../support/git/git-tree.ts';
import { createRecordSplitter } from '../support/records.ts';
import type { GitDirectory } from './git-directory.ts';

type Limits = Pick<GitOptions, 'signal' | 'timeoutMs' | 'env'>;

/** The type of each object in the order asked, `undefined` where it is not there. Nothing is inflated but headers. */
export async function readTypes(
  gitDir: string,
  ids: Iterable<string>,
  limits: Limits,
  take: (id: string, type: string | undefined) => void,
): Promise<void> {
  const asked = [...ids];
  let answered = 0;
  const answers = createRecordSplitter(10, (record) => {
    const compact = asked[answered++];
    const text = record.toString('latin1');
    if (compact !== undefined) take(compact, text.endsWith(' missing') ? undefined : text);
  });
  const args = ['cat-file', '--buffer', '--batch-check=%(objecttype)'];
  await streamGit(args, { ...limits, gitDir, input: formatIds(asked) }, answers);
}

function formatIds(compactIds: readonly string[]): Buffer {
  const lines = Buffer.alloc(compactIds.length * 41, '\n');
  for (const [position, id] of compactIds.entries()) lines.write(formatId(id), position * 41, 'latin1');
  return lines;
}

/**
 * Copies exactly these objects from a git directory into the shared store, as one pack that is on the disk before
 * this resolves; what git compressed or made a difference of stays as it is. Throws `GitError` where git fails, which
 * for objects that were checked means our disk, and `StorageError`.
 */
export async function adoptObjects(
  directory: GitDirectory,
  objectDirectory: string,
  compactIds: readonly string[],
  limits: Limits,
): Promise<void> {
  if (compactIds.length === 0) return;
  const made = join(directory.path, 'adopted');
  await onDisk(`write ${made}`, () => mkdir(made));
  const args = ['pack-objects', '--quiet', '--window=0', '--delta-base-offset', join(made, 'pack')];
  await runGit(args, { ...limits, gitDir: directory.path, input: formatIds(compactIds) });
  const store = join(objectDirectory, 'pack');
  await onDisk(`write below ${store}`, async () => {
    await makeFolder(store);
    // A pack counts for git once its index is there.
    const names = (await readdir(made)).sort(
      (a, b) => Number(a.endsWith('.idx')) - Number(b.endsWith('.idx')),
    );
    for (const name of names) await rename(join(made, name), join(store, name));
    await syncDirectory(store);
  });
}
