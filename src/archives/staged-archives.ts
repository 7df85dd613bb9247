import { rm, stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import type { Checksum } from '../model/checksum.ts';
import { ifExists, onDisk } from '../support/disk/disk-errors.ts';
import type { AbandonedUpload, ArchiveStore } from './archive-store.ts';
import { openFileArchiveStore } from './file-archive-store.ts';

/** Archives that wait to be published, apart from those that may be given out: these are removed when nothing needs them. */
export interface StagedArchives {
  has(checksum: Checksum): Promise<boolean>;
  /** As `ArchiveStore.store`: durable when it resolves. */
  store(checksum: Checksum, body: Readable, sizeBytes: number): Promise<void>;
  /** The whole archive; `undefined` if it is not here. As it lies on the disk: whoever reads it verifies it. */
  read(checksum: Checksum): Promise<Buffer | undefined>;
  /** What is here and nowhere else. */
  readonly stored: ArchiveStore;
  /** Everything here, in no order, and since when: milliseconds since 1970. */
  list(): Promise<readonly { readonly checksum: Checksum; readonly since: number }[]>;
  /** Harmless where it is not here. */
  remove(checksum: Checksum): Promise<void>;
  /** Where people find it, to be shown. */
  locate(checksum: Checksum): string;
  /** What interrupted `store` calls left. */
  findAbandoned(): Promise<readonly AbandonedUpload[]>;
}

/** `restored`: a backup brings them back among all other archives. */
export function openStagedArchives(
  folder: string,
  restored: Pick<ArchiveStore, 'has' | 'read' | 'locate'>,
): StagedArchives {
  const store: ArchiveStore & Pick<StagedArchives, 'findAbandoned'> = { ...openFileArchiveStore(folder) };
  const { locate } = store;
  return {
    has: async (checksum) => (await store.has(checksum)) || restored.has(checksum),
    async store(checksum, body, sizeBytes) {
      await store.store(checksum, body, { announcedBytes: sizeBytes });
    },
    read: async (checksum) => (await store.read(checksum)) ?? restored.read(checksum),
    async list() {
      const found: { checksum: Checksum; since: number }[] = [];
      for await (const names of store.names())
        for (const checksum of names) {
          const facts = await onDisk(`look at ${locate(checksum)}`, () => ifExists(stat(locate(checksum))));
          if (facts) found.push({ checksum, since: facts.mtimeMs });
        }
      return found;
    },
    remove: (checksum) => onDisk(`remove ${locate(checksum)}`, () => rm(locate(checksum), { force: true })),
    locate,
    stored: store,
    findAbandoned: store.findAbandoned,
  };
}
