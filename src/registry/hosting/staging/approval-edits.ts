import { stagedFile } from '../../../index/layout.ts';
import { formatStagings, type StagingDecision, type StagingRecord } from '../../../index/staged-file.ts';
import type { TreeEdit } from '../../../support/git/git-import.ts';
import { type Approver, nameOfApprover, type Publication } from '../publication.ts';
import type { PublishOutcome } from '../publish-outcome.ts';
import { decideStaging, findWaiting, namesOf, type StagingLimits, settleStagings } from './stagings.ts';

/** Why what somebody approved cannot be published as such any more: it was decided, or waited too long, meanwhile. */
export function approvalProblem(
  { approval }: Publication,
  records: readonly StagingRecord[],
  limits: StagingLimits,
  now: Date,
): PublishOutcome | undefined {
  if (!approval) return undefined;
  const settled = settleStagings(records, limits, now);
  return findWaiting(settled, approval.id) ? undefined : notApprovable(settled, approval.id);
}

/** What to answer to whoever approves what waits no more, or never did. */
export function notApprovable(records: readonly StagingRecord[], id: string): PublishOutcome {
  const isApproved = records.findLast((one) => one.id === id)?.decision?.kind === 'approved';
  return isApproved ? { kind: 'already-published' } : notWaiting(records, id);
}

/** What to say of one that waits no more, or never did. */
export function notWaiting(records: readonly StagingRecord[], id: string): PublishOutcome {
  const last = records.findLast((one) => one.id === id);
  if (!last?.decision) return { kind: 'not-waiting', reason: `Nothing with the id ${id} waits for approval` };
  const { kind, by, token, at, reason } = last.decision;
  // No user of this machine is named to whoever asks.
  const who = by === undefined ? '' : ` by ${token === undefined ? 'the operator' : by}`;
  const why = reason === undefined ? '' : `: ${reason}`;
  return {
    kind: 'not-waiting',
    reason: `${namesOf(last).join(', ')} waits no more: it was ${described[kind]}${who} at ${at}${why}`,
  };
}

const described = {
  approved: 'approved',
  rejected: 'rejected',
  replaced: 'replaced by other bytes of the same version',
  expired: 'dropped, as nobody had decided about it in time,',
} as const;

export function decisionOf(
  kind: 'approved' | 'rejected',
  by: Approver,
  at: string,
  reason?: string,
): StagingDecision {
  return {
    ...{ kind, at, by: nameOfApprover(by) },
    ...(by.kind === 'token' ? { token: by.token } : {}),
    ...(reason === undefined ? {} : { reason }),
  };
}

/** What the state has of those whose publication was approved; none where none was. */
export function stagedEdits(
  accepted: readonly { readonly publication: Publication }[],
  records: readonly StagingRecord[],
  at: string,
): TreeEdit[] {
  const approvals = accepted.flatMap(({ publication: { approval } }) => (approval ? [approval] : []));
  if (approvals.length === 0) return [];
  const after = approvals.reduce<readonly StagingRecord[]>(
    (before, { id, by }) => decideStaging(before, id, decisionOf('approved', by, at)),
    records,
  );
  return [{ path: stagedFile, content: formatStagings(after) }];
}
