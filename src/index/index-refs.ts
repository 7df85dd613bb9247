import { StorageError } from '../errors.ts';
import { GitError, runGit } from '../support/git/git.ts';
import { diskFailureOf } from '../support/git/git-disk.ts';
import { inRepository } from './in-repository.ts';
import { findIndexProblem } from './index-standing.ts';
import { servedRef, stateRef } from './layout.ts';
import { createRefReader, readRefIfThere } from './ref-reader.ts';
import { restoreHint } from './restore-hint.ts';

/** The two refs of an index that count: each is read again on each call. */
export function createIndexRefs(directory: string) {
  const readRef = createRefReader(directory);
  const findMain = () => readRefIfThere(readRef, servedRef);

  return {
    async stateCommit(): Promise<string> {
      const commit = await readRefIfThere(readRef, stateRef);
      if (commit !== undefined) return commit;
      throw (
        (await findIndexProblem(directory)) ??
        new StorageError(`the index in ${directory} is damaged: git finds no commit in ${stateRef}`, {
          hint: restoreHint,
        })
      );
    },
    moveState: (next: string, expected: string) => moveRef(directory, stateRef, next, expected),
    /** The commit of `main`; `undefined` where there is no such ref. */
    findMain,
    readMain: () => inRepository(directory, `read ${servedRef}`, readRef(servedRef)),
    /** Moves `main` to where the state says, as `served` reads it. */
    async followState(served: () => Promise<string>): Promise<void> {
      for (;;) {
        // `main` is read first: a state read after it is never older than what another process moved `main` to.
        const current = await findMain();
        const next = await served();
        if (current === next) return;
        try {
          await runGit(['update-ref', servedRef, next, current ?? ''], { gitDir: directory });
          return;
        } catch (error) {
          if ((await findMain()) === current) throw error;
        }
      }
    },
  };
}

async function moveRef(directory: string, ref: string, next: string, expected: string): Promise<void> {
  try {
    await runGit(['update-ref', ref, next, expected], { gitDir: directory });
  } catch (cause) {
    if (!(cause instanceof GitError)) throw cause;
    const failure = diskFailureOf(`move ${ref} in ${directory}`, cause);
    if (failure) throw failure;
    const [reason = ''] = cause.stderr.trim().split('\n', 1);
    throw new StorageError(`cannot move ${ref} from ${expected} to ${next}: ${reason}`, {
      cause,
      hint: 'another process may have changed the registry meanwhile: run the command again',
    });
  }
}

const maxRememberedTips = 16;

/** A served commit and those before it, back to the root that clients of its time began with, the newest first. */
export async function listServedHistory(directory: string, commit: string): Promise<readonly string[]> {
  const listed = runGit(['rev-list', '--max-count=1000', commit], { gitDir: directory });
  const listing = await inRepository(directory, `read the history of ${servedRef}`, listed);
  return listing.toString().trim().split('\n');
}

/** What `main` names, as `readTip` reads it, and has named. */
export function createServedHistory(directory: string, readTip: () => Promise<string>) {
  // A client that was told of a tip asks for it although a new root may have come between.
  const recentTips: string[] = [];
  let history: { readonly tip: string; readonly commits: readonly string[] } | undefined;

  async function tip(): Promise<string> {
    const now = await readTip();
    if (recentTips[0] !== now) {
      recentTips.unshift(now);
      recentTips.splice(maxRememberedTips);
    }
    return now;
  }

  return {
    tip,
    async commits(): Promise<readonly string[]> {
      const now = await tip();
      if (history?.tip !== now) history = { tip: now, commits: await listServedHistory(directory, now) };
      return [...history.commits, ...recentTips];
    },
  };
}
