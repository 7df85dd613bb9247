import type { Checksum } from '../../../model/checksum.ts';
import { type Approver, nameOfApprover } from '../publication.ts';
import type { PublishOutcome } from '../publish-outcome.ts';
import { decisionOf, notWaiting } from './approval-edits.ts';
import { changeStagings } from './staged-changes.ts';
import type { StagingParts } from './staging-parts.ts';
import { decideStaging, findWaiting, namesOf, settleStagings } from './stagings.ts';

/** See `Staging.reject`. */
export async function rejectStaged(
  { context, staged }: Pick<StagingParts, 'context' | 'staged'>,
  id: Checksum,
  by: Approver,
  reason: string,
): Promise<PublishOutcome | undefined> {
  let failure: PublishOutcome | undefined;
  let versions: readonly string[] = [];
  await changeStagings(context(), staged, async (records, { hosting }, now) => {
    const settled = settleStagings(records, hosting, now);
    const staging = findWaiting(settled, id);
    failure = staging ? undefined : notWaiting(settled, id);
    if (!staging) return undefined;
    versions = namesOf(staging);
    const decision = decisionOf('rejected', by, now.toISOString(), reason);
    const message = `Reject ${versions.join(', ')}\n\nrejected by ${nameOfApprover(by)}: ${reason}`;
    return { records: decideStaging(settled, id, decision), message };
  });
  if (failure) return failure;
  const token = by.kind === 'token' ? { token: by.token } : {};
  await context().audit.record([
    { event: 'staged-rejected', id, versions, by: nameOfApprover(by), ...token, reason },
  ]);
  return undefined;
}
