import { closeSync, openSync, writeSync } from 'node:fs';
import { IntegrityError, StorageError } from '../errors.ts';
import { asStorageError } from '../support/disk/disk-errors.ts';
import { GitError, runGit, streamGit } from '../support/git/git.ts';
import { diskFailureOf } from '../support/git/git-disk.ts';
import { initRepository } from './create-index.ts';
import { servedRef, stateRef } from './layout.ts';

/** A ref by its full name, and the commit it names. */
export type Refs = ReadonlyMap<string, string>;

const keptRef = /^refs\/registry\/format-[1-9]\d{0,8}$/;

/** The last states of older formats; read before the state, they are in its history. */
export async function listKeptRefs(directory: string): Promise<Refs> {
  const format = '--format=%(objectname) %(refname)';
  const listing = await runGit(['for-each-ref', format, 'refs/registry/'], { gitDir: directory });
  return new Map([...parseRefs(listing)].filter(([ref]) => keptRef.test(ref)));
}

/** The refs that bring a registry's whole history: its state, what it serves, and what was kept of older formats. */
export function refsOf(state: { readonly commit: string; readonly served: string }, kept: Refs): Refs {
  return new Map([[stateRef, state.commit], [servedRef, state.served], ...kept]);
}

const attempts = 3;

/**
 * Writes a git bundle (gitformat-bundle, version 2) of these refs with all their history to a new file. Which commits is
 * said by the caller and read from no ref: a sync meanwhile changes nothing.
 */
export async function writeIndexBundle(
  directory: string,
  file: string,
  refs: Refs,
  signal?: AbortSignal,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await writeBundleOnce(directory, file, refs, signal);
      return;
    } catch (cause) {
      if (!(cause instanceof GitError)) throw cause;
      const failure = diskFailureOf(`read the history of the registry in ${directory}`, cause);
      if (failure) throw failure;
      // Beside a sync that packs objects, git may not find what has just been moved.
      if (attempt < attempts) continue;
      throw new StorageError(`cannot read the history of the registry in ${directory}: ${cause.lastLine}`, {
        cause,
        hint: 'see what is wrong with it: moonbit-registry verify --deep',
      });
    }
  }
}

async function writeBundleOnce(directory: string, file: string, refs: Refs, signal: AbortSignal | undefined) {
  const descriptor = openSync(file, 'w', 0o600);
  const write = (bytes: Buffer) => {
    for (let written = 0; written < bytes.length; ) written += writeSync(descriptor, bytes, written);
  };
  try {
    const lines = [...refs].map(([ref, commit]) => `${commit} ${ref}\n`);
    write(Buffer.from(`# v2 git bundle\n${lines.join('')}\n`));
    await streamGit(
      ['pack-objects', '--quiet', '--revs', '--stdout', '--delta-base-offset'],
      {
        gitDir: directory,
        signal,
        input: `${[...refs.values()].join('\n')}\n`,
        maxStdoutBytes: Number.POSITIVE_INFINITY,
      },
      write,
    );
  } catch (error) {
    throw asStorageError(`write ${file}`, error);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Makes a repository of a bundle, which must hold these two refs at these commits, may hold states of older formats, and
 * nothing else. Throws `IntegrityError` for another one, or one that is not whole.
 */
export async function unbundleIndex(
  file: string,
  directory: string,
  state: { readonly commit: string; readonly served: string },
): Promise<void> {
  try {
    await initRepository(directory);
    const refs = parseRefs(await runGit(['bundle', 'unbundle', file], { gitDir: directory }));
    const kept = new Map([...refs].filter(([ref]) => keptRef.test(ref)));
    const expected = refsOf(state, kept);
    const isExpected = [...refs].every(([ref, commit]) => expected.get(ref) === commit);
    if (refs.size !== expected.size || !isExpected)
      throw new IntegrityError('its index is not the one that its manifest names');
    const input = [...refs].map(([ref, commit]) => `create ${ref} ${commit}\n`).join('');
    await runGit(['update-ref', '--stdin'], { gitDir: directory, input });
  } catch (cause) {
    if (!(cause instanceof GitError)) throw cause;
    const failure = diskFailureOf(`make ${directory}`, cause);
    if (failure) throw failure;
    throw new IntegrityError(`git cannot take its index over: ${cause.lastLine}`, { cause });
  }
}

function parseRefs(listing: Buffer): Refs {
  const lines = listing.toString('utf8').split('\n');
  return new Map(
    lines.flatMap((line): [string, string][] => {
      const [, commit, ref] = /^([0-9a-f]{40}) (.+)$/.exec(line) ?? [];
      return commit === undefined || ref === undefined ? [] : [[ref, commit]];
    }),
  );
}
