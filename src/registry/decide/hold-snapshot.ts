import type { ModuleName } from '../../model/module-name.ts';

/** What a commit says about its place in history. */
export interface CommitFacts {
  /** 40 hex digits. */
  readonly id: string;
  readonly parents: readonly string[];
  /** Seconds since 1970, as the committer's clock had it; `undefined` where no calendar has such a day. */
  readonly committedAt: number | undefined;
}

/** How a source's index changed since a reading that was good. */
export interface SnapshotChange {
  readonly before: CommitFacts;
  readonly after: CommitFacts;
  /** Commits that were good before, newest first. */
  readonly earlier: readonly string[];
  /** Listed before and no longer. */
  readonly lost: readonly ModuleName[];
}

const named = 3;

/**
 * What speaks against taking a reading at once, in words that end a sentence; `undefined` if nothing does. An index
 * that lost modules or is older than it was may be a replica that lags, a restored backup or a broken publication:
 * what is taken from it would be taken from clients. Versions that go from within a module are none of this.
 */
export function findObjection(change: SnapshotChange): string | undefined {
  const { before, after, lost } = change;
  const objections: string[] = [];
  if (isOlder(change)) objections.push(`went back in history from ${short(before)} to ${short(after)}`);
  if (lost.length > 0) objections.push(`no longer lists ${describeLost(lost)}`);
  return objections.length === 0 ? undefined : objections.join(' and ');
}

/**
 * Snapshots come without their history, so it is told from what the two commits say: whose parent is whose, then
 * their dates, and where those are equal whether the commit was there before.
 */
function isOlder({ before, after, earlier }: SnapshotChange): boolean {
  if (after.parents.includes(before.id)) return false;
  if (before.parents.includes(after.id)) return true;
  if (before.committedAt === undefined || after.committedAt === undefined) return earlier.includes(after.id);
  return before.committedAt === after.committedAt
    ? earlier.includes(after.id)
    : after.committedAt < before.committedAt;
}

/** The last that a `Date` can be (ECMA-262, "Time Values and Time Range"). */
const latestSecond = 8.64e12;

/** Reads a commit object; what cannot be read is left out. */
export function parseCommit(id: string, content: Buffer | undefined): CommitFacts {
  const [header = ''] = (content?.toString('latin1') ?? '').split('\n\n', 1);
  const parents = [...header.matchAll(/^parent ([0-9a-f]{40})$/gm)].map(([, parent = '']) => parent);
  const seconds = Number(/^committer .* (\d+) [+-]\d{4}$/m.exec(header)?.[1]);
  return { id, parents, committedAt: seconds <= latestSecond ? seconds : undefined };
}

function describeLost(lost: readonly ModuleName[]): string {
  const names = lost.slice(0, named).join(', ');
  const more = lost.length > named ? ` and ${lost.length - named} more` : '';
  const modules = lost.length === 1 ? 'module' : 'modules';
  return `${lost.length} ${modules} that it listed before (${names}${more})`;
}

function short({ id }: CommitFacts): string {
  return id.slice(0, 10);
}
