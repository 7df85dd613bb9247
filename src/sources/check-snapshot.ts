import { type GitOptions, streamGit } from '../support/git/git.ts';
import { createGitObjectReader, type GitObjectReader } from '../support/git/git-objects.ts';
import { formatId, parseId } from '../support/git/git-tree.ts';
import { createRecordSplitter } from '../support/records.ts';
import { readTypes } from './adopt-objects.ts';
import type { GitDirectory, Seed } from './git-directory.ts';
import { type MeasuredTree, measureTree, type TreeLimits, type TreeReader } from './measure-tree.ts';

/** What was fetched: good to be taken over, or why not. */
export type CheckedSnapshot =
  | {
      readonly kind: 'good';
      readonly commit: string;
      readonly tree: string;
      /** Every object of the commit, each once; see `MeasuredTree`. */
      readonly objects: readonly string[];
    }
  | Extract<MeasuredTree, { kind: 'refused' }>;

const maxCommitBytes = 1024 * 1024;

interface CheckOptions extends Pick<GitOptions, 'signal' | 'timeoutMs' | 'env'> {
  /** What the source has sent before. */
  readonly seed: Seed | undefined;
}

/**
 * Checks a commit and all its tree names, whatever brought it here: git's own check (`fetch.fsckObjects`) leaves out what
 * comes by dumb HTTP, and no check of git's counts. No file is read, only what kind of object it is. A repository
 * without index files is no index: nothing tells a wrong address from a registry that lost everything.
 */
export async function checkSnapshot(
  directory: GitDirectory,
  commit: string,
  limits: TreeLimits,
  options: CheckOptions,
): Promise<CheckedSnapshot> {
  const reader = createGitObjectReader(directory.path, directory.variables);
  const stop = () => reader.kill();
  options.signal?.addEventListener('abort', stop, { once: true });
  try {
    const tree = await readTreeOf(reader, commit);
    if (tree === undefined) return refused('is no commit that can be read');
    const measured = await measureTree(toTreeReader(reader), tree, limits);
    if (measured.kind === 'refused') return measured;
    if (measured.indexFiles === 0) return refused('has no .index file below user/');
    const problem = await checkFiles(directory, measured.blobs, options);
    if (problem !== undefined) return problem;
    const objects = [parseId(commit), ...measured.trees, ...measured.blobs];
    const stranger = await findStranger(directory, objects, options);
    if (stranger !== undefined)
      return {
        ...refused(`names the object ${formatId(stranger).slice(0, 10)}, which was not sent`),
        isMissing: true,
      };
    return { kind: 'good', commit, tree, objects };
  } catch (error) {
    options.signal?.throwIfAborted();
    throw error;
  } finally {
    options.signal?.removeEventListener('abort', stop);
    reader.kill();
  }
}

/**
 * An object that the source has sent neither now nor in the seed's tree. The shared store has it from somebody else, so it would
 * be given away to whoever knows its id.
 */
async function findStranger(
  directory: GitDirectory,
  objects: readonly string[],
  { seed, ...options }: CheckOptions,
): Promise<string | undefined> {
  if (seed === undefined) return undefined;
  const unsent = new Set<string>();
  const alone = { ...options, env: { ...options.env, GIT_ALTERNATE_OBJECT_DIRECTORIES: '' } };
  await readTypes(directory.path, objects, alone, (id, type) => {
    if (type === undefined) unsent.add(id);
  });
  unsent.delete(parseId(seed.commit));
  unsent.delete(parseId(seed.tree));
  const entries = createRecordSplitter(0, (record) => {
    const id = /^[0-9]+ [a-z]+ ([0-9a-f]{40})\t/.exec(record.toString('latin1', 0, 64))?.[1];
    if (id !== undefined) unsent.delete(parseId(id));
  });
  const args = ['ls-tree', '-r', '-t', '-z', seed.tree];
  if (unsent.size > 0) await streamGit(args, { ...options, gitDir: directory.path }, entries);
  return [...unsent][0];
}

function toTreeReader(reader: GitObjectReader): TreeReader {
  return {
    measure: (id) => reader.identify(id),
    read: async (id) => (await reader.read(id))?.content,
  };
}

async function readTreeOf(reader: GitObjectReader, commit: string): Promise<string | undefined> {
  const facts = await reader.identify(commit);
  if (facts?.type !== 'commit' || facts.sizeBytes > maxCommitBytes) return undefined;
  const content = (await reader.read(commit))?.content.toString('latin1') ?? '';
  return /^tree ([0-9a-f]{40})\n/.exec(content)?.[1];
}

/** Whether each file is here, and a file. */
async function checkFiles(
  directory: GitDirectory,
  blobs: ReadonlySet<string>,
  options: Pick<GitOptions, 'signal' | 'timeoutMs' | 'env'>,
): Promise<CheckedSnapshot | undefined> {
  let problem: CheckedSnapshot | undefined;
  await readTypes(directory.path, blobs, options, (_, type) => {
    if (type === undefined) problem = { ...refused('lacks files that it names'), isMissing: true };
    else if (type !== 'blob') problem ??= refused(`names a ${type} as a file`);
  });
  return problem;
}

function refused(reason: string) {
  return { kind: 'refused', reason } as const;
}
