import { LRUCache } from 'lru-cache';
import { RegistryError, StorageError } from '../errors.ts';
import { createComplaints } from '../support/flow/complaints.ts';
import type { Log } from '../support/log.ts';
import type { PackDisk } from './pack-disk.ts';
import type { PackFile } from './pack-file.ts';

export interface KeepingOptions {
  readonly log: Log;
  /** Whether people have been told already of a disk that refuses. */
  readonly isTold?: ((error: unknown) => boolean) | undefined;
}

interface Writing {
  readonly begun: readonly Buffer[];
  readonly rest: AsyncIterable<Buffer> | Iterable<Buffer>;
  /** Told of the file once that has what has begun. */
  readonly onBegun?: (file: PackFile | undefined) => void;
}

/** A pack too large for memory, on its way. `onBegun` is told of no file if there is no room for what has begun. */
interface LargePack extends Required<Writing> {
  /** Ends what it comes from: there is no room for it, or its last reader has left. Harmless later. */
  readonly giveUp: () => void;
  /** Whether it is to be kept when it is whole. Never rejects. */
  readonly isServed: () => Promise<boolean>;
}

const rememberedRefusals = 1000;
const messages = {
  keep: {
    refuses: 'large answers of git cannot be kept: each is computed anew for every client',
    worksAgain: 'large answers of git are kept again',
  },
  share: {
    refuses: 'answers of git cannot be shared: each process computes its own',
    worksAgain: 'processes share answers of git again',
  },
} as const;

/** Writes packs to a disk that may refuse, which is told of when that begins and when it ends. Never rejects. */
export function createKeeping(disk: PackDisk, { log, isTold = () => false }: KeepingOptions) {
  const refused = new LRUCache<string, true>({ max: rememberedRefusals });
  const complaints = createComplaints();

  function onRefused(what: keyof typeof messages, error: unknown): void {
    if (isTold(error) || !complaints.isNew(what, error)) return;
    const hint = error instanceof RegistryError ? error.hint : undefined;
    log.warn(messages[what].refuses, { error, hint });
  }

  function onTaken(what: keyof typeof messages): void {
    if (complaints.isWell(what)) log.info(messages[what].worksAgain);
  }

  /** Rejects, and leaves nothing, where the pack ends with an error, or the disk takes no more of it. */
  async function write(file: PackFile, { begun, rest, onBegun }: Writing): Promise<void> {
    try {
      for (const piece of begun) await disk.append(file, piece);
      onBegun?.(file);
      for await (const piece of rest) await disk.append(file, piece);
      file.end();
    } catch (error) {
      file.end(error instanceof Error ? error : new Error(String(error)));
      disk.giveBack(file);
      throw error;
    }
  }

  async function publish(key: string, file: PackFile): Promise<void> {
    try {
      await disk.publish(key, file);
      onTaken('share');
    } catch (error) {
      onRefused('share', error);
    }
  }

  return {
    /** Where the pack ends with an error, all its readers do. Resolves once other processes find it, or nobody will. */
    async keep(key: string, pack: LargePack): Promise<void> {
      try {
        const file = await disk.create(key, pack.giveUp);
        await write(file, pack);
        onTaken('keep');
        if (await pack.isServed()) await publish(key, file);
        else disk.giveBack(file);
      } catch (error) {
        // Of no effect once it has begun.
        pack.onBegun(undefined);
        pack.giveUp();
        if (!(error instanceof StorageError)) return;
        refused.set(key, true);
        onRefused('keep', error);
      }
    },
    /** Whether there was no room for it: the disk takes nothing, or it is larger than all that may be kept. */
    refuses: (key: string) => refused.has(key),
    /** Gives other processes what is in memory. */
    async share(key: string, bytes: Buffer): Promise<void> {
      try {
        const file = await disk.create(key);
        await write(file, { begun: [bytes], rest: [] });
        await publish(key, file);
        await file.close();
      } catch (error) {
        onRefused('share', error);
      }
    },
    onSharingFailed: (error: unknown) => onRefused('share', error),
  };
}
