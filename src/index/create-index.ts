import { randomUUID } from 'node:crypto';
import { appendFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { StorageError } from '../errors.ts';
import { ifExists, onDisk } from '../support/disk/disk-errors.ts';
import { runGit } from '../support/git/git.ts';
import { gitOnDisk } from '../support/git/git-disk.ts';
import { importCommits, type NewCommit } from '../support/git/git-import.ts';
import { servedRef, stateRef } from './layout.ts';
import { createRefReader, readRefIfThere } from './ref-reader.ts';
import { currentFormat, findingsFile, formatFile, formatState, stateFile } from './registry-state.ts';

/**
 * Creates the repository with an empty served index, or completes one whose making was cut short; `false` if one is
 * there already.
 */
export async function createGitIndex(directory: string, date: Date): Promise<boolean> {
  return gitOnDisk(`make ${directory}`, () => createOnce(directory, date));
}

async function createOnce(directory: string, date: Date): Promise<boolean> {
  if (await hasBegun(directory)) return false;
  await initRepository(directory);
  const [served, state] = await importCommits(directory, [
    () => ({ message: 'Start with an empty index\n', date, edits: [] }),
    (earlier) => ({ ...emptyState(earlier[0] ?? ''), date, merge: [0] }),
  ]);
  if (served === undefined || state === undefined) throw new StorageError(`cannot create ${directory}`);
  const input = `create ${stateRef} ${state}\ncreate ${servedRef} ${served}\n`;
  await runGit(['update-ref', '--stdin'], { gitDir: directory, input });
  return true;
}

/** An empty repository with our settings; harmless where there is one. */
export async function initRepository(directory: string): Promise<void> {
  await runGit(['init', '--quiet', '--bare', '--initial-branch=main', '--template=', directory]);
  // By hand, as each `git config` is a process.
  await appendFile(join(directory, 'config'), settings);
}

async function hasBegun(directory: string): Promise<boolean> {
  if (!(await isRepository(directory))) return false;
  const readRef = createRefReader(directory);
  return (
    ((await readRefIfThere(readRef, stateRef)) ?? (await readRefIfThere(readRef, servedRef))) !== undefined
  );
}

function emptyState(served: string): Pick<NewCommit, 'message' | 'edits'> {
  return {
    // Nobody else's first state has the same id.
    message: `Start with an empty registry\n\nRegistry: ${randomUUID()}\n`,
    edits: [
      { path: formatFile, content: `${currentFormat}\n` },
      {
        path: stateFile,
        content: formatState({
          served,
          modules: 0,
          changedSinceRoot: 0,
          policy: '',
          planner: 0,
          snapshots: [],
          acceptedNames: [],
          blocks: [],
          views: [],
        }),
      },
      { path: findingsFile, content: '' },
    ],
  };
}

/** Beside what git writes itself; the later of two values counts, and `hideRefs` is a list. */
const settings = `
# A ref must never name objects that a power cut can lose; git before 2.36 ignores this.
[core]
	fsync = all
# Packing is ours to start: a gc behind our back could hold locks or drop what a state still needs.
[gc]
	auto = 0
[maintenance]
	auto = false
[transfer]
	hideRefs = refs/
	hideRefs = !${servedRef}
`;

/** All that the configuration of an index says. */
export const configContent = `[core]\n\trepositoryformatversion = 0\n\tbare = true\n${settings}`;

/** Whether there is a repository at all. Throws `StorageError` when the disk does not say. */
async function isRepository(directory: string): Promise<boolean> {
  const file = join(directory, 'HEAD');
  const found = await onDisk(`look for ${file}`, () => ifExists(stat(file)));
  return found !== undefined;
}
