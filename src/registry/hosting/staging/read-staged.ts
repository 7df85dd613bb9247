import { createHash } from 'node:crypto';
import type { StagedArchives } from '../../../archives/staged-archives.ts';
import { StorageError } from '../../../errors.ts';
import type { Checksum } from '../../../model/checksum.ts';
import { shellLine } from '../../../support/shell.ts';

/** An archive that waits, exactly as it came. Throws `StorageError` where it is gone, or has other bytes. */
export async function readStaged(
  archives: Pick<StagedArchives, 'read'>,
  { id, module, version, checksum }: Subject,
): Promise<Buffer> {
  const bytes = await archives.read(checksum);
  const actual = bytes && createHash('sha256').update(bytes).digest('hex');
  if (bytes && actual === checksum) return bytes;
  throw new StorageError(
    `the archive of ${module}@${version} that waits for approval is ${bytes ? 'damaged' : 'not there'}`,
    {
      hint: `drop it, and have it sent again: ${shellLine`moonbit-registry staged reject ${id} --reason damaged`}`,
    },
  );
}

interface Subject {
  /** Under which it waits. */
  readonly id: string;
  readonly module: string;
  readonly version: string;
  readonly checksum: Checksum;
}
