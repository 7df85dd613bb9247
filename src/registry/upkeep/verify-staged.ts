import type { StagedArchives } from '../../archives/staged-archives.ts';
import { StorageError } from '../../errors.ts';
import type { StagingRecord } from '../../index/staged-file.ts';
import { readStaged } from '../hosting/staging/read-staged.ts';
import type { VerifyFinding } from './verify-report.ts';
import { defect } from './verify-repository.ts';

/** Reads each archive that waits for approval: they are few, and nobody can fetch one anew. */
export async function verifyStaged(
  waiting: readonly StagingRecord[],
  archives: Pick<StagedArchives, 'read'>,
  signal: AbortSignal | undefined,
): Promise<VerifyFinding[]> {
  const findings: VerifyFinding[] = [];
  for (const { id, versions } of waiting)
    for (const version of versions) {
      signal?.throwIfAborted();
      const failure = await readStaged(archives, { id, ...version }).then(
        () => undefined,
        (error: unknown) => {
          if (error instanceof StorageError) return error;
          throw error;
        },
      );
      const subject = `${version.module}@${version.version}`;
      if (failure)
        findings.push(
          defect(subject, `waits for approval, and its archive is damaged or gone: ${failure.hint}`),
        );
    }
  return findings;
}
