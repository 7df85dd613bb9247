/** What waits to be approved, as values: each function gives the list that is to be written. */
import { createHash } from 'node:crypto';
import type { StagingDecision, StagingRecord } from '../../../index/staged-file.ts';
import type { Checksum } from '../../../model/checksum.ts';
import { foldName } from '../../../model/fold-name.ts';

/** What may wait at a time; `expiryMs`: for how long. */
export interface StagingLimits {
  readonly maxStagedBytes: number;
  readonly stagedExpiryMs: number;
}

/** So many versions that nobody would look through more of them, and that the state stays small. */
export const mostWaiting = 500;
/** Of versions that are decided, so that whoever sent them, or approves them a second time, hears what became of them. */
const mostDecided = 500;

export type Added =
  | { readonly kind: 'added'; readonly records: readonly StagingRecord[]; readonly staging: StagingRecord }
  /** These bytes wait already. */
  | { readonly kind: 'waits'; readonly staging: StagingRecord }
  | { readonly kind: 'full' };

/** By which bytes are meant: of one archive its checksum, of several one that is made of all of them, in any order. */
export function stagingId(checksums: readonly Checksum[]): Checksum {
  const [first] = checksums;
  if (first !== undefined && checksums.length === 1) return first;
  const text = [...checksums]
    .sort()
    .map((one) => `${one}\n`)
    .join('');
  return createHash('sha256').update(text).digest('hex') as Checksum;
}

/** Until when it waits: milliseconds since 1970. */
export function expiryOf({ at }: Pick<StagingRecord, 'at'>, { stagedExpiryMs }: StagingLimits): number {
  return Date.parse(at) + stagedExpiryMs;
}

/** Marks what has waited too long, and forgets what was decided long ago. The same list where there is nothing to do. */
export function settleStagings(
  records: readonly StagingRecord[],
  limits: StagingLimits,
  now: Date,
): readonly StagingRecord[] {
  const marked = records.map((one) =>
    one.decision === undefined && expiryOf(one, limits) <= now.getTime()
      ? decided(one, { kind: 'expired', at: now.toISOString() })
      : one,
  );
  let surplus = countVersions(marked.filter((one) => !isWaiting(one))) - mostDecided;
  const kept = marked.filter((one) => {
    if (isWaiting(one) || surplus <= 0) return true;
    surplus -= one.versions.length;
    return false;
  });
  return kept.length === records.length && kept.every((one, at) => one === records[at]) ? records : kept;
}

/**
 * With one more that waits. It replaces what the same person sent of the same versions before; what others sent of them stands beside,
 * and whoever approves chooses by the bytes.
 */
export function addStaging(
  records: readonly StagingRecord[],
  staging: StagingRecord,
  limits: StagingLimits,
  now: Date,
): Added {
  const settled = settleStagings(records, limits, now);
  const same = settled.find(({ id, decision }) => id === staging.id && decision === undefined);
  if (same) return { kind: 'waits', staging: same };
  const replaced = settled.map((one) =>
    isWaiting(one) && isOfSame(one.owner, staging.owner) && overlap(one, staging)
      ? decided(one, { kind: 'replaced', at: staging.at, by: staging.owner, token: staging.token })
      : one,
  );
  const waiting = replaced.filter(isWaiting);
  const all = [...waiting, staging];
  if (countVersions(all) > mostWaiting || sizeOf(all) > limits.maxStagedBytes) return { kind: 'full' };
  return { kind: 'added', records: [...replaced, staging], staging };
}

/** With one decided; of an approved one, what else waits for the same versions has no use any more. */
export function decideStaging(
  records: readonly StagingRecord[],
  id: Checksum,
  decision: StagingDecision,
): readonly StagingRecord[] {
  const subject = findWaiting(records, id);
  if (!subject) return records;
  const overtaken: StagingDecision = { ...decision, kind: 'replaced' };
  return records.map((one) => {
    if (one === subject) return decided(one, decision);
    const isOvertaken = decision.kind === 'approved' && isWaiting(one) && overlap(one, subject);
    return isOvertaken ? decided(one, overtaken) : one;
  });
}

export function findWaiting<T extends StagingRecord>(records: readonly T[], id: Checksum): T | undefined {
  return records.find((one) => one.id === id && isWaiting(one));
}

export function isWaiting({ decision }: Pick<StagingRecord, 'decision'>): boolean {
  return decision === undefined;
}

/** Whether two names of people are one: what differs in letter case only is not somebody else. */
export function isOfSame(one: string, other: string): boolean {
  return foldName(one.trim()) === foldName(other.trim());
}

export function sizeOf(records: readonly StagingRecord[]): number {
  return records.flatMap(({ versions }) => versions).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

function countVersions(records: readonly StagingRecord[]): number {
  return records.reduce((sum, { versions }) => sum + versions.length, 0);
}

/** `company/core@1.2.0`, of each. */
export function namesOf({ versions }: Pick<StagingRecord, 'versions'>): string[] {
  return versions.map(({ module, version }) => `${module}@${version}`);
}

function decided(one: StagingRecord, decision: StagingDecision): StagingRecord {
  return { ...one, decision };
}

function overlap(one: StagingRecord, other: StagingRecord): boolean {
  const names = namesOf(other);
  return namesOf(one).some((name) => names.includes(name));
}
