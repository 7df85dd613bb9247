import { findDamage, findDamageIn } from '../../archives/archive-check.ts';
import type { ArchiveStore } from '../../archives/archive-store.ts';
import { beginsAsZip } from '../../archives/zip-start.ts';
import type { Checksum } from '../../model/checksum.ts';
import type { Content } from './compose-backup.ts';

/** Why something that should be in a backup is not. */
export interface LeftOut {
  readonly checksum: Checksum;
  /** As the end of "archive X …". */
  readonly reason: string;
}

/** What is larger is read twice: to see that it is right, and to put it into the backup. */
const largestAtOnce = 4 * 1024 * 1024;
const gone = 'was removed while the backup was made';

/** A stored archive or asset whose bytes have just been found right, or why it cannot be in a backup. */
export async function storedContent(
  store: ArchiveStore,
  kind: 'archive' | 'asset',
  checksum: Checksum,
  signal?: AbortSignal,
): Promise<Content | LeftOut> {
  const sizeBytes = await store.size(checksum);
  if (sizeBytes === undefined) return { checksum, reason: gone };
  const read = sizeBytes <= largestAtOnce ? readSmall : readLarge;
  const found = await read(store, checksum, signal);
  if ('reason' in found) return found;
  // The store takes nothing else, and so could nobody restore it.
  if (kind === 'archive' && !(await beginsAsZip(store, checksum)))
    return { checksum, reason: 'does not begin as a zip file does' };
  return { member: { kind, checksum }, ...found };
}

type Bytes = Pick<Content, 'sizeBytes' | 'read'>;

async function readSmall(store: ArchiveStore, checksum: Checksum): Promise<Bytes | LeftOut> {
  const bytes = await store.read(checksum);
  if (!bytes) return { checksum, reason: gone };
  const damage = findDamageIn(checksum, bytes);
  return damage === undefined
    ? { sizeBytes: bytes.length, read: () => [bytes] }
    : { checksum, reason: damage };
}

async function readLarge(
  store: ArchiveStore,
  checksum: Checksum,
  signal: AbortSignal | undefined,
): Promise<Bytes | LeftOut> {
  const damage = await findDamage(checksum, () => store.open(checksum), { signal });
  if (damage !== undefined) return { checksum, reason: damage };
  const sizeBytes = await store.size(checksum);
  // Open from here on, it can no longer vanish.
  const stream = await store.open(checksum);
  if (stream && sizeBytes !== undefined) return { sizeBytes, read: () => stream };
  stream?.destroy();
  return { checksum, reason: gone };
}
