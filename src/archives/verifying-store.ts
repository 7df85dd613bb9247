import { LRUCache } from 'lru-cache';
import pLimit from 'p-limit';
import { StorageError } from '../errors.ts';
import type { Checksum } from '../model/checksum.ts';
import { createSingleFlight } from '../support/flow/single-flight.ts';
import { type CheckOptions, type Damage, findDamage, findDamageIn } from './archive-check.ts';
import type { ArchiveStore, ArchiveUpkeep, LoadedArchive } from './archive-store.ts';

/** A store that has looked at what it gives out: disks forget, and files are edited by hand. */
export interface VerifyingStore extends ArchiveStore {
  /** Reads the whole archive again, whatever was found before, and takes a damaged one out of the store. */
  verify(checksum: Checksum, options?: CheckOptions): Promise<Verdict>;
}

export type Verdict =
  | { readonly kind: 'sound' | 'absent' }
  | { readonly kind: 'damaged'; readonly damage: Damage; readonly movedTo: string | undefined };

export interface DamagedArchive {
  readonly checksum: Checksum;
  readonly damage: Damage;
  /** Where it is now; `undefined` where it had to stay in its place. */
  readonly movedTo: string | undefined;
}

export interface VerifyingOptions {
  /** Damaged archives stay where they are, for whoever only looks. */
  readonly leavesDamaged?: boolean | undefined;
  /** Called for each archive that was found damaged, once it counts as not here. */
  readonly onDamage?: ((archive: DamagedArchive) => void) | undefined;
}

const rememberedArchives = 50_000;
const rememberedDamage = 1000;
/** How many archives are read again at a time: requests for the first read must not starve each other of the disk. */
const readersAtOnce = 4;

/**
 * Verifies each archive of `store` when this process first looks at it, and again when its size has changed since. One
 * that is damaged is moved away, if the disk lets it be, and counts as not here, so that whoever asked fetches it again.
 * `has` and `list` only look whether a file is there.
 */
export function createVerifyingStore(
  store: ArchiveStore & Pick<ArchiveUpkeep, 'quarantine'>,
  { leavesDamaged, onDamage }: VerifyingOptions = {},
): VerifyingStore {
  // By size: with `max` it would make room for all of them at once, which every command would wait for.
  const verifiedSizes = new LRUCache<Checksum, number>({
    maxSize: rememberedArchives,
    sizeCalculation: () => 1,
  });
  /** Damaged ones that could not be moved away, with their sizes. */
  const stuck = new LRUCache<Checksum, number>({ max: rememberedDamage });
  const checking = createSingleFlight<Checksum, Verdict>();
  const loading = createSingleFlight<string, LoadedArchive | undefined>();
  const limit = pLimit(readersAtOnce);

  async function inspect(checksum: Checksum, options: CheckOptions): Promise<Verdict> {
    const sizeBytes = await store.size(checksum);
    if (sizeBytes === undefined) return { kind: 'absent' };
    const damage = await findDamage(checksum, () => store.open(checksum), options);
    if (damage !== undefined) return remove(checksum, damage);
    verifiedSizes.set(checksum, sizeBytes);
    return { kind: 'sound' };
  }

  async function remove(checksum: Checksum, damage: Damage): Promise<Verdict> {
    verifiedSizes.delete(checksum);
    const moved = await moveAway(checksum);
    if (moved === 'stuck') {
      const sizeBytes = await store.size(checksum);
      if (sizeBytes !== undefined) stuck.set(checksum, sizeBytes);
      onDamage?.({ checksum, damage, movedTo: undefined });
      return { kind: 'damaged', damage, movedTo: undefined };
    }
    const { movedTo } = moved;
    // Another process was quicker, and may have put it in order since.
    if (movedTo === undefined) return { kind: (await store.has(checksum)) ? 'sound' : 'absent' };
    onDamage?.({ checksum, damage, movedTo });
    return { kind: 'damaged', damage, movedTo };
  }

  async function moveAway(checksum: Checksum): Promise<{ readonly movedTo: string | undefined } | 'stuck'> {
    if (leavesDamaged) return 'stuck';
    try {
      return { movedTo: await store.quarantine(checksum) };
    } catch (error) {
      if (error instanceof StorageError) return 'stuck';
      throw error;
    }
  }

  async function size(checksum: Checksum): Promise<number | undefined> {
    const sizeBytes = await store.size(checksum);
    if (stuck.has(checksum) && stuck.get(checksum) === sizeBytes) return undefined;
    if (sizeBytes === undefined || verifiedSizes.get(checksum) === sizeBytes) return sizeBytes;
    const { kind } = await checking.run(checksum, () => limit(() => inspect(checksum, {})));
    return kind === 'sound' ? store.size(checksum) : undefined;
  }

  async function load(checksum: Checksum, maxBytes: number): Promise<LoadedArchive | undefined> {
    if (stuck.has(checksum) && (await size(checksum)) === undefined) return undefined;
    let loaded: LoadedArchive | undefined;
    try {
      loaded = await store.load(checksum, maxBytes);
    } catch (error) {
      // The first look also tells a file that cannot be read from one that is wrong, which is taken out.
      if (verifiedSizes.has(checksum) || (await size(checksum)) !== undefined) throw error;
      return undefined;
    }
    if (loaded?.bytes === undefined) return loaded && (await sizeOnly(checksum));
    // Whoever keeps these bytes in memory serves them long after the file has been looked at.
    const damage = findDamageIn(checksum, loaded.bytes);
    if (damage !== undefined) {
      const { kind } = await remove(checksum, damage);
      return kind === 'sound' ? store.load(checksum, maxBytes) : undefined;
    }
    verifiedSizes.set(checksum, loaded.sizeBytes);
    return loaded;
  }

  async function sizeOnly(checksum: Checksum): Promise<LoadedArchive | undefined> {
    const sizeBytes = await size(checksum);
    return sizeBytes === undefined ? undefined : { sizeBytes, bytes: undefined };
  }

  return {
    size,
    load: (checksum, maxBytes) => loading.run(`${checksum} ${maxBytes}`, () => load(checksum, maxBytes)),
    has: (checksum) => store.has(checksum),
    list: () => store.list(),
    names: () => store.names(),
    locate: (checksum) => store.locate(checksum),
    verify: inspect,

    async open(checksum, range) {
      return (await size(checksum)) === undefined ? undefined : store.open(checksum, range);
    },

    read: async (checksum) => (await load(checksum, Number.POSITIVE_INFINITY))?.bytes,

    async store(checksum, body, options = {}) {
      // Listening from the start: a body may fail while the archive that is here is read.
      body.on('error', () => {});
      try {
        const present = options.isAbsent ? undefined : await size(checksum);
        if (present !== undefined) return present;
        const sizeBytes = await store.store(checksum, body, { ...options, isAbsent: true });
        verifiedSizes.set(checksum, sizeBytes);
        stuck.delete(checksum);
        return sizeBytes;
      } finally {
        body.destroy();
      }
    },
  };
}
