import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { errorCode } from '../support/error-code.ts';
import { GitError, runGit } from '../support/git/git.ts';

/** So old is a file that any later change of it shows in its times, however coarse the disk's are. */
const settledMs = 3000;
/** As many as git follows. */
const deepestSymbolicRef = 5;

/**
 * Reads refs afresh for each call, loose ones and packed ones (`git gc` packs them): this is on the path of every request, and
 * must not cost a process. What only git can tell, such as that there is no such ref, git is asked for.
 */
export function createRefReader(directory: string): (ref: string) => Promise<string> {
  const read = createRefGlance(directory);
  return async (ref) =>
    read(ref) ?? (await runGit(['rev-parse', '--verify', ref], { gitDir: directory })).toString().trim();
}

/** As `createRefReader`, at once; `undefined` also for what only git could tell. */
export function createRefGlance(directory: string): (ref: string) => string | undefined {
  const loose = createFileReader((content) => content.trim());
  const packed = createFileReader(parsePackedRefs);

  /** A loose ref wins: it is newer. git removes one only once it is packed, so this order misses none. */
  function read(ref: string, depth = 0): string | undefined {
    const content = loose(join(directory, ref)) ?? packed(join(directory, 'packed-refs'))?.get(ref);
    const target = /^ref: *(\S+)$/.exec(content ?? '')?.[1];
    if (target !== undefined && isRefName(target) && depth < deepestSymbolicRef)
      return read(target, depth + 1);
    return content !== undefined && /^[0-9a-f]{40}$/.test(content) ? content : undefined;
  }

  return (ref) => read(ref);
}

function isRefName(name: string): boolean {
  return name.startsWith('refs/') && !name.includes('..');
}

/** Each file again only after a change, which one look tells: git replaces these files and never writes into them. */
function createFileReader<T>(parse: (content: string) => T): (file: string) => T | undefined {
  const known = new Map<string, { readonly identity: string; readonly value: T }>();
  return (file) => {
    const facts = statSync(file, { bigint: true, throwIfNoEntry: false });
    if (!facts?.isFile()) return undefined;
    const { ino, size, mtimeNs, ctimeNs } = facts;
    const identity = `${ino} ${size} ${mtimeNs} ${ctimeNs}`;
    const before = known.get(file);
    if (before?.identity === identity) return before.value;
    const content = readIfThere(file);
    if (content === undefined) return undefined;
    const value = parse(content);
    // Replaced twice within a tick of the disk's clock, and by a file with the number of the first, it would look the same.
    const changedMs = Math.max(Number(mtimeNs / 1_000_000n), Number(ctimeNs / 1_000_000n));
    if (Date.now() - changedMs > settledMs) known.set(file, { identity, value });
    return value;
  };
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'latin1');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** `gitrepository-layout`, `git pack-refs`: ids and names; a line of `^` tells what the tag before it stands for. */
function parsePackedRefs(content: string): ReadonlyMap<string, string> {
  const refs = new Map<string, string>();
  for (const line of content.split('\n')) {
    const [, id, name] = /^([0-9a-f]{40}) (\S+)$/.exec(line) ?? [];
    if (id !== undefined && name !== undefined) refs.set(name, id);
  }
  return refs;
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
