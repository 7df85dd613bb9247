import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { errorCode } from '../support/error-code.ts';
import { GitError, runGit } from '../support/git.ts';

/**
 * Reads refs afresh for each call. A ref's own file is replaced, never rewritten, so one look at its identity tells
 * whether the id read before still holds: this is on the path of every request, and must not cost a process.
 */
export function createRefReader(directory: string): (ref: string) => Promise<string> {
  const known = new Map<string, { readonly identity: string; readonly id: string }>();

  function readFile(ref: string): string | undefined {
    try {
      const file = join(directory, ref);
      const { ino, mtimeMs, ctimeMs } = statSync(file);
      const identity = `${ino} ${mtimeMs} ${ctimeMs}`;
      const before = known.get(ref);
      if (before?.identity === identity) return before.id;
      const id = readFileSync(file, 'latin1').trim();
      if (!/^[0-9a-f]{40}$/.test(id)) return undefined;
      known.set(ref, { identity, id });
      return id;
    } catch (error) {
      // A folder of that name is none of ours, and git passes over it.
      if (['ENOENT', 'ENOTDIR', 'EISDIR'].includes(errorCode(error) ?? '')) return undefined;
      throw error;
    }
  }

  return async (ref) =>
    readFile(ref) ?? (await runGit(['rev-parse', '--verify', ref], { gitDir: directory })).toString().trim();
}

/** The id a ref has, or `undefined` where git knows no such ref. */
export async function readRefIfThere(
  readRef: (ref: string) => Promise<string>,
  ref: string,
): Promise<string | undefined> {
  return readRef(ref).catch((error: unknown) => {
    if (error instanceof GitError) return undefined;
    throw error;
  });
}
