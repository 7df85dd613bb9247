import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { LRUCache } from 'lru-cache';
import { inTurn } from '../support/disk/in-turn.ts';
import { createFlights, type Flight } from './flights.ts';
import { createKeeping, type KeepingOptions } from './keep-pack.ts';
import { createPackDisk, type PackDiskOptions } from './pack-disk.ts';
import type { PackFile } from './pack-file.ts';

/**
 * The one place where packs are kept: small ones in memory, large ones on the disk. What is not there is computed once, however
 * many ask for it in however many processes (decision 0009). A key begins with the commit, and can be the name of a file.
 */
export interface PackStore {
  /** Rejects when everybody who waits for it has left. */
  get(key: string, wanted: WantedPack): Promise<Pack | PackFailure | Unkept>;
  /** How many packs were there, or on their way. */
  shared(): number;
  /** Gives the disk back, once nobody reads any more. */
  close(): void;
}

export type Pack =
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  /** Ends with an error if git fails. */
  | { readonly kind: 'stream'; readonly stream: Readable; readonly sizeBytes: number | undefined };

/** Why git gave no pack. */
export type PackFailure =
  | { readonly kind: 'busy' }
  /** git found that nobody can ask this. */
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'failed' };

/** It is too large for memory, and there is no room for it on the disk: each client needs a git of its own. */
interface Unkept {
  readonly kind: 'unkept';
}

interface WantedPack {
  /** Aborted when the client leaves; asked for only if it has to wait, or to read from the disk. */
  readonly signal: () => AbortSignal;
  /** Told before it has to wait. */
  readonly onWait: () => void;
  /** Whatever it has begun ends when the signal aborts. */
  readonly compute: (signal: AbortSignal) => Promise<ComputedPack | PackFailure>;
}

export type ComputedPack =
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  /** Too large for memory. */
  | { readonly kind: 'large'; readonly begun: readonly Buffer[]; readonly rest: AsyncIterable<Buffer> };

export interface PackStoreOptions extends PackDiskOptions, KeepingOptions {
  readonly memoryBytes: number;
  /** How long another process is waited for. */
  readonly timeoutMs: number;
  /**
   * Read afresh: a pack during whose making the index moved on is not kept. `undefined` where packs of any commit may be asked for
   * again: those stay for which there is room.
   */
  readonly readCommit: (() => Promise<string>) | undefined;
}

type Found = { readonly kind: 'file'; readonly file: PackFile } | (Pack & { readonly kind: 'bytes' });
type Outcome = Found | PackFailure | Unkept;
type Answer = (outcome: Outcome) => void;

export function createPackStore(options: PackStoreOptions): PackStore {
  const { memoryBytes, shared: sharing, timeoutMs: waitMs } = options;
  const memory = new LRUCache<string, Buffer>({
    maxSize: memoryBytes,
    sizeCalculation: (bytes, key) => bytes.length + key.length,
  });
  const { readCommit } = options;
  const disk = createPackDisk({ ...options, keepsAllCommits: readCommit === undefined });
  const keeping = createKeeping(disk, options);
  const flights = createFlights<Outcome>();
  let shared = 0;

  async function findShared(key: string): Promise<Found | undefined> {
    const found = await disk.findShared(key);
    if (!found) return undefined;
    shared++;
    if (!Buffer.isBuffer(found)) return { kind: 'file', file: found };
    memory.set(key, found);
    return { kind: 'bytes', bytes: found };
  }

  async function compute(key: string, wanted: WantedPack, flight: Flight, answer: Answer): Promise<void> {
    const computed = await wanted.compute(flight.signal);
    const isServed = async () =>
      readCommit === undefined || key.startsWith(await readCommit().catch(() => 'none'));
    if (computed.kind === 'large') {
      const onBegun = (file: PackFile | undefined) =>
        answer(file ? { kind: 'file', file } : { kind: 'unkept' });
      return keeping.keep(key, { ...computed, onBegun, giveUp: flight.giveUp, isServed });
    }
    const isToKeep = computed.kind === 'bytes' && (await isServed());
    if (isToKeep) memory.set(key, computed.bytes);
    answer(computed);
    if (isToKeep && sharing) await keeping.share(key, computed.bytes);
  }

  /** The first process computes, and has its turn until the others can find what it has. */
  function obtain(key: string, wanted: WantedPack, flight: Flight): Promise<Outcome> {
    const work = async (answer: Answer) => {
      try {
        const theirs = sharing ? await findShared(key) : undefined;
        await (theirs ? answer(theirs) : compute(key, wanted, flight, answer));
      } finally {
        flight.land();
      }
    };
    if (!sharing) return new Promise((resolve, reject) => void work(resolve).catch(reject));
    const { signal } = flight;
    const turn = { signal, waitMs, onLateFailure: keeping.onSharingFailed };
    return inTurn(join(sharing.lockFolder, `answer-${key}`), work, turn);
  }

  return {
    async get(key, wanted) {
      const bytes = memory.get(key);
      const kept: Pack | undefined = bytes ? { kind: 'bytes', bytes } : read(disk.find(key), wanted);
      if (kept || flights.has(key)) shared++;
      if (kept) return kept;
      if (keeping.refuses(key)) return { kind: 'unkept' };
      wanted.onWait();
      const outcome = await flights.join(key, wanted.signal(), (flight) => obtain(key, wanted, flight));
      return outcome.kind === 'file' ? (read(outcome.file, wanted) ?? { kind: 'unkept' }) : outcome;
    },
    shared: () => shared,
    close: disk.close,
  };
}

function read(file: PackFile | undefined, { signal }: WantedPack): Pack | undefined {
  const stream = file?.read();
  if (!file || !stream) return undefined;
  endWith(signal(), stream);
  return { kind: 'stream', stream, sizeBytes: file.isWhole ? file.sizeBytes : undefined };
}

/** A client that leaves reads no more. */
export function endWith(signal: AbortSignal, stream: Readable): void {
  const leave = () => void stream.destroy();
  signal.addEventListener('abort', leave, { once: true });
  stream.once('close', () => signal.removeEventListener('abort', leave));
  if (signal.aborted) leave();
}
