import { Readable } from 'node:stream';
import type { StagingRecord } from '../../../index/staged-file.ts';
import type { Checksum } from '../../../model/checksum.ts';
import { bytesInMemory } from '../byte-source.ts';
import { checkBytes, rulesOf } from '../check-upload.ts';
import { lookUpHosted } from '../hosted-modules.ts';
import { judgeTogether } from '../judge-together.ts';
import { notAllowed } from '../judge-upload.ts';
import { type Approver, type CheckedUpload, nameOfApprover, type Publication } from '../publication.ts';
import type { Judgement, PublishOutcome } from '../publish-outcome.ts';
import { decisionOf, notApprovable } from './approval-edits.ts';
import { readStaged } from './read-staged.ts';
import { readStagings } from './read-stagings.ts';
import { changeStagings } from './staged-changes.ts';
import type { StagingParts } from './staging-parts.ts';
import { decideStaging, findWaiting, isOfSame, namesOf, settleStagings } from './stagings.ts';

/** See `Staging.approve`: the usual checks anew, and the usual way of publishing. */
export async function approveStaged(
  parts: StagingParts,
  id: Checksum,
  by: Approver,
): Promise<PublishOutcome> {
  const { index, now, currentConfig } = parts.context();
  const { hosting } = await currentConfig();
  const records = settleStagings(await readStagings(index, await index.state()), hosting, now());
  const staging = findWaiting(records, id);
  if (!staging) return notApprovable(records, id);
  if (by.kind === 'token' && isOfSame(by.owner, staging.owner))
    return notAllowed(
      `${namesOf(staging).join(', ')} was sent with a token of ${staging.owner}: somebody else has to approve it`,
    );
  const publication = await checkAgain(parts, staging, by);
  if ('kind' in publication) return publication;
  const foreseen = await judgeNow(parts, publication);
  const outcome = foreseen.kind === 'published' ? await publish(parts, staging, publication) : foreseen;
  if (outcome.kind === 'needs-approval') throw new Error('what was approved is said to need approval');
  const isPublished = outcome.kind === 'published';
  if (isPublished || outcome.kind === 'already-published') await close(parts, staging, by, isPublished);
  return outcome;
}

/** The settings may be others than they were when it came. */
async function checkAgain(
  { context, staged }: StagingParts,
  { id, versions, token, owner, oidc, at }: StagingRecord,
  by: Approver,
): Promise<Publication | PublishOutcome> {
  const rules = rulesOf(await context().currentConfig());
  const uploads: CheckedUpload[] = [];
  for (const version of versions) {
    const bytes = bytesInMemory(await readStaged(staged, { id, ...version }));
    const checked = await checkBytes(bytes, version.checksum, rules);
    if ('kind' in checked) return checked;
    uploads.push(checked);
  }
  return { uploads, by: { token, owner, oidc }, approval: { id, stagedAt: at, by } };
}

async function judgeNow({ context }: StagingParts, publication: Publication): Promise<Judgement> {
  const { index, currentConfig } = context();
  const config = await currentConfig();
  const modules = lookUpHosted(index, await index.state(), config);
  const [judged] = await judgeTogether([publication], modules, config.hosting);
  if (!judged) throw new Error('nobody has judged the publication');
  return judged.outcome;
}

async function publish(
  { staged, archives, publish: publishNow }: StagingParts,
  { id, versions }: StagingRecord,
  publication: Publication,
): Promise<Judgement> {
  for (const version of versions) {
    const bytes = await readStaged(staged, { id, ...version });
    await archives.store(version.checksum, Readable.from([bytes]), { announcedBytes: bytes.length });
  }
  return publishNow(publication);
}

/** What is published waits no more, also where it was published in another way; its archive here is removed. */
async function close(
  { context, staged }: StagingParts,
  staging: StagingRecord,
  by: Approver,
  isPublished: boolean,
): Promise<void> {
  const versions = namesOf(staging);
  let isNews = isPublished;
  await changeStagings(context(), staged, async (records, _, now) => {
    const after = decideStaging(records, staging.id, decisionOf('approved', by, now.toISOString()));
    if (after === records) return undefined;
    isNews = true;
    return {
      records: after,
      message: `Approve ${versions.join(', ')}\n\napproved by ${nameOfApprover(by)}`,
    };
  });
  if (!isNews) return;
  const token = by.kind === 'token' ? { token: by.token } : {};
  await context().audit.record([
    { event: 'staged-approved', id: staging.id, versions, by: nameOfApprover(by), ...token },
  ]);
}
