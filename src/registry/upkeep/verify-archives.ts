import pLimit from 'p-limit';
import { findDamage } from '../../archives/archive-check.ts';
import type { StoredArchives } from '../../archives/archive-store.ts';
import type { VerifyingStore } from '../../archives/verifying-store.ts';
import { beginsAsZip } from '../../archives/zip-start.ts';
import type { Checksum } from '../../model/checksum.ts';
import type { ModuleName } from '../../model/module-name.ts';
import type { WantedArchive } from '../deliver/find-suppliers.ts';
import type { VerifiedContents } from './verify-contents.ts';
import type { VerifyOptions } from './verify-options.ts';
import type { VerifyFinding, VerifyStep } from './verify-report.ts';
import { defect, stepOf } from './verify-repository.ts';

export interface ArchiveChecks {
  /** As they are on the disk. */
  readonly files: StoredArchives;
  readonly archives: VerifyingStore;
  readonly contents: Pick<VerifiedContents, 'served' | 'named'>;
  /** Whether the module is published here, so that no source has its archives. */
  readonly isHosted: (module: ModuleName) => Promise<boolean>;
  /** Whether clients may cause the module's archives to be fetched: then one that is not here was merely not asked for. */
  readonly isFetchedOnDemand: (module: ModuleName) => Promise<boolean>;
  /** Fetches an archive against its pin; what went wrong, or `undefined`. */
  readonly refetch: (archive: WantedArchive) => Promise<string | undefined>;
}

const checksAtOnce = 4;
const repairsAtOnce = 8;

/** Looks at every stored archive, and for every one that should be there. Changes something only with `repair`. */
export async function verifyArchives(
  checks: ArchiveChecks,
  { deep = false, repair = false, signal, onProgress }: VerifyOptions,
): Promise<VerifyStep> {
  const stored: Checksum[] = [];
  for await (const { checksum } of checks.files.list()) stored.push(checksum);
  const limit = pLimit(checksAtOnce);
  const damaged = new Map<Checksum, string>();
  let done = 0;
  await Promise.all(
    stored.map((checksum) =>
      limit(async () => {
        signal?.throwIfAborted();
        const damage = await inspect(checks.files, checksum, deep, signal);
        if (damage !== undefined) damaged.set(checksum, damage);
        onProgress?.({ step: 'archives', done: ++done, total: stored.length });
      }),
    ),
  );
  const findings = [
    ...(await settleDamaged(checks, damaged, repair)),
    ...(await settleMissing(checks, new Set(stored), repair)),
    ...stored
      .filter((checksum) => !checks.contents.named.has(checksum))
      .map((checksum): VerifyFinding => {
        const detail = 'is stored, but nothing names it; it may be deleted';
        return { severity: 'note', subject: checks.files.locate(checksum), detail, isRepaired: false };
      }),
  ];
  return stepOf('archives', stored.length, findings);
}

/** What is wrong with an archive; at a glance unless `deep`, but a suspicion is always followed up. */
async function inspect(
  files: StoredArchives,
  checksum: Checksum,
  deep: boolean,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  // Where that cannot be read, reading it as a whole says why.
  if (!deep && (await beginsAsZip(files, checksum).catch(() => false))) return undefined;
  return findDamage(checksum, () => files.open(checksum), { signal });
}

async function settleDamaged(
  checks: ArchiveChecks,
  damaged: ReadonlyMap<Checksum, string>,
  repair: boolean,
): Promise<VerifyFinding[]> {
  const limit = pLimit(repairsAtOnce);
  const byChecksum = new Map(checks.contents.served.map((archive) => [archive.checksum, archive]));
  return Promise.all(
    [...damaged].map(([checksum, damage]) =>
      limit(async () => {
        const subject = checks.files.locate(checksum);
        if (!repair) return defect(subject, `${damage}: --repair fetches it again`);
        await checks.archives.verify(checksum);
        const named = byChecksum.get(checksum);
        // It is out of the way, and no client can ask for it.
        if (!named) {
          const { place } = await checks.files.quarantined();
          return defect(subject, `${damage}: it was moved to ${place}`, true);
        }
        const failure = await checks.refetch(named);
        const outcome =
          failure === undefined ? 'it was fetched again' : `it could not be fetched again: ${failure}`;
        return defect(subject, `${damage}: ${outcome}`, failure === undefined);
      }),
    ),
  );
}

const onlyItsPublisher =
  'nobody but who published it has these bytes; publish the same ones again, or take them out of a backup';

async function settleMissing(
  checks: ArchiveChecks,
  stored: ReadonlySet<Checksum>,
  repair: boolean,
): Promise<VerifyFinding[]> {
  const limit = pLimit(repairsAtOnce);
  const { checksums: quarantined } = await checks.files.quarantined();
  const absent = new Map(
    checks.contents.served
      .filter(({ checksum }) => !stored.has(checksum))
      .map((archive) => [archive.checksum, archive]),
  );
  const findings = [...absent.values()].map((archive) =>
    limit(async () => {
      const wasHere = quarantined.has(archive.checksum);
      const isHosted = await checks.isHosted(archive.module);
      if (!wasHere && !isHosted && (await checks.isFetchedOnDemand(archive.module))) return [];
      const subject = `${archive.module}@${archive.version}`;
      const detail = wasHere ? 'was moved to quarantine' : 'is listed, but its archive is missing';
      if (isHosted) return [defect(subject, `${detail}: ${onlyItsPublisher}`)];
      if (!repair) return [defect(subject, `${detail}: --repair fetches it again`)];
      const failure = await checks.refetch(archive);
      const outcome = failure === undefined ? 'it was fetched again' : `it could not be fetched: ${failure}`;
      return [defect(subject, `${detail}: ${outcome}`, failure === undefined)];
    }),
  );
  return (await Promise.all(findings)).flat();
}
