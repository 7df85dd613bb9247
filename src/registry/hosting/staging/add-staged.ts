import type { StagedArchives } from '../../../archives/staged-archives.ts';
import type { StagingRecord } from '../../../index/staged-file.ts';
import type { SyncContext } from '../../sync/sync-context.ts';
import type { CheckedUpload, Publisher } from '../publication.ts';
import type { PublishOutcome } from '../publish-outcome.ts';
import type { Upload } from '../upload.ts';
import { readStagings } from './read-stagings.ts';
import { changeStagings } from './staged-changes.ts';
import { type Added, addStaging, namesOf, stagingId } from './stagings.ts';

export interface ToStage extends CheckedUpload {
  readonly upload: Upload;
}

/** Somebody else may drop the same bytes while they come. */
const attempts = 5;

/** Keeps uploads until somebody approves them: whoever is told `staged` finds them durable, all or none. */
export async function addStaged(
  context: SyncContext,
  archives: StagedArchives,
  uploads: readonly ToStage[],
  by: Publisher,
): Promise<PublishOutcome> {
  const { config, index, now, audit, log } = context;
  const staging = recordOf(uploads, by, now());
  const foreseen = addStaging(await readStagings(index, await index.state()), staging, config.hosting, now());
  // What is refused leaves no bytes here.
  if (foreseen.kind === 'full') return { kind: 'staging-full' };
  for (let attempt = 0; attempt < attempts; attempt++) {
    for (const { upload } of uploads) await archives.store(upload.checksum, upload.open(), upload.sizeBytes);
    const added = await tryAdd(context, archives, staging);
    if (!added) continue;
    if (added.kind === 'full') return { kind: 'staging-full' };
    const versions = namesOf(staging);
    if (added.kind === 'added') {
      const { token, owner } = by;
      await audit.record([{ event: 'staged', id: staging.id, versions, token, owner }]);
      log.info('waits for approval', { id: staging.id, versions: versions.join(' '), token });
    }
    return { kind: 'staged', id: staging.id, versions };
  }
  throw new Error('archives that were just stored are not there');
}

function recordOf(uploads: readonly ToStage[], by: Publisher, now: Date): StagingRecord {
  const { token, owner, oidc } = by;
  return {
    id: stagingId(uploads.map(({ checksum }) => checksum)),
    versions: uploads.map(({ manifest: { name, version }, checksum, upload: { sizeBytes } }) => ({
      ...{ module: name, version, checksum, sizeBytes },
    })),
    ...{ token, owner },
    ...(oidc ? { oidc } : {}),
    at: now.toISOString(),
  };
}

/** `undefined` where the archives are gone by the time that nobody can remove them any more. */
async function tryAdd(
  context: SyncContext,
  archives: StagedArchives,
  staging: StagingRecord,
): Promise<Added | undefined> {
  let added: Added | undefined;
  await changeStagings(context, archives, async (records, { hosting }, now) => {
    for (const { checksum } of staging.versions) if (!(await archives.has(checksum))) return undefined;
    added = addStaging(records, staging, hosting, now);
    const message = `Stage ${namesOf(staging).join(', ')}\n\nsent by token ${staging.token}`;
    return added.kind === 'added' ? { records: added.records, message } : undefined;
  });
  return added;
}
