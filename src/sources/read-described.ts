import { found, type Lookup } from '../model/lookup.ts';
import { isItsIndex, type KnownDescription, readDescription } from './description.ts';
import type { GitContext } from './git-context.ts';
import type { LocatedSnapshot } from './read-snapshot.ts';
import type { Snapshot } from './source.ts';

export interface DescribedReader {
  /** As `readSnapshot` of `read-snapshot.ts`, which `readIndex` is, with what the registry says of itself. */
  read(
    context: GitContext,
    located: Promise<LocatedSnapshot | undefined>,
    readIndex: () => Promise<Lookup<Snapshot>>,
    signal: AbortSignal,
  ): Promise<Lookup<Snapshot>>;
}

/**
 * Reads the index of a registry that says what it hosts and at which commit its index is: while that is the one we know, the
 * description is all that is asked for.
 */
export function createDescribedReader(): DescribedReader {
  let last: KnownDescription | undefined;
  return {
    async read(context, located, readIndex, signal) {
      const described = await readDescription(context, last, signal);
      if (described.kind !== 'found') return described;
      last = described.value;
      if (!last) return readIndex();
      const { hosts, commit, isStale, withdrawn } = last.description;
      const known = await located;
      // What it hosts is known there as it is, whatever its sources do.
      const takesHosted = context.config.include.length === 0;
      const facts = (saysStale: boolean) => ({
        hosts,
        withdrawn,
        isStale: !takesHosted && (saysStale || isStale),
      });
      if (known?.commit === commit && isItsIndex(context.config)) return found({ ...known, ...facts(false) });
      const read = await readIndex();
      return read.kind === 'found' ? found({ ...read.value, ...facts(read.value.isStale) }) : read;
    },
  };
}
