import { ExcessError } from '../errors.ts';

/** Whose bytes are on their way, and how much of the free disk they may take. */
export interface Supplier {
  readonly name: string;
  /** More than 0, at most 1: a source's `limits.diskShare`. */
  readonly diskShare: number;
}

/**
 * What is on its way to the disk from each source takes no more than that source's share of the space that would be free
 * without it: the disk never fills up with what nobody has verified yet, and what others send still finds room.
 */
export interface DiskShares {
  /** For one body. */
  open(supplier: Supplier): DiskTicket;
}

export interface DiskTicket {
  /** Before anything is written of so many bytes. Throws `ExcessError` if they would be too many. */
  expect(sizeBytes: number): Promise<void>;
  /** Before so many more bytes are written. Throws `ExcessError` if they would be too many. */
  add(sizeBytes: number): Promise<void>;
  /** What was added has come to rest, or is gone. */
  end(): void;
}

/** Whether `more` bytes fit in the share; what is on its way is on the disk already, and so not free. */
export function fitsShare(onItsWay: number, more: number, freeBytes: number, share: number): boolean {
  return onItsWay + more <= share * (freeBytes + onItsWay);
}

/** How much the files of one source may grow, and for how long, until the disk is looked at again. */
const bytesBetweenLooks = 4 * 1024 * 1024;
const msBetweenLooks = 1000;

export function createDiskShares(readFreeBytes: () => Promise<number>): DiskShares {
  const accounts = new Map<string, Account>();
  return {
    open({ name, diskShare }) {
      const account = accounts.get(name) ?? createAccount(name, readFreeBytes);
      accounts.set(name, account);
      let added = 0;
      return {
        async expect(sizeBytes) {
          await account.look();
          account.check(sizeBytes, diskShare);
        },
        async add(sizeBytes) {
          if (account.needsLook()) await account.look();
          account.check(sizeBytes, diskShare);
          added += sizeBytes;
          account.grow(sizeBytes);
        },
        end() {
          account.grow(-added);
          added = 0;
        },
      };
    },
  };
}

type Account = ReturnType<typeof createAccount>;

function createAccount(name: string, readFreeBytes: () => Promise<number>) {
  let onItsWay = 0;
  /** Of the disk when it was last looked at, and what was on its way then. */
  let freeBytes = 0;
  let seenAt = 0;
  let lookedAt = Number.NEGATIVE_INFINITY;
  return {
    async look(): Promise<void> {
      freeBytes = await readFreeBytes();
      seenAt = onItsWay;
      lookedAt = performance.now();
    },
    needsLook: () =>
      Math.abs(onItsWay - seenAt) >= bytesBetweenLooks || performance.now() - lookedAt >= msBetweenLooks,
    check(more: number, share: number): void {
      const freeNow = freeBytes - (onItsWay - seenAt);
      if (fitsShare(onItsWay, more, freeNow, share)) return;
      throw new ExcessError(
        `what is on its way from source "${name}" would take more than ${Math.round(share * 100)} % of the free disk`,
      );
    },
    grow(sizeBytes: number): void {
      onItsWay += sizeBytes;
    },
  };
}
