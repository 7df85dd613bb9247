import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import type { Config } from '../../config/config.ts';
import { writeFileAtomic } from '../../support/disk/atomic-file.ts';
import { ifExists, onDisk } from '../../support/disk/disk-errors.ts';
import { toVisibleJson } from '../../support/visible-text.ts';
import type { FailureClass, SourceRefresh } from './source-refresh.ts';

/**
 * When each source was last read and tried: advice for people and for the background refresh. Nothing rests on
 * it, so it lives in a plain file beside the index, and a damaged one counts as empty.
 */
interface Observation {
  /** ISO 8601, UTC. */
  readonly readAt?: string | undefined;
  readonly triedAt: string;
  readonly failure?: string | undefined;
  readonly failureClass?: FailureClass | undefined;
  /** When `failure` was first recorded, of those in a row. */
  readonly failingSince?: string | undefined;
  /** A commit that was read and is held back: without it, that is read once more before it is taken. */
  readonly held?: string | undefined;
  /** It was read, and said itself that it is not up to date. */
  readonly isStaleUpstream?: boolean | undefined;
  /** Commits of earlier snapshots that were taken, newest first. */
  readonly earlier?: readonly string[] | undefined;
}

export type Observations = Readonly<Record<string, Observation>>;

const text = v.optional(v.string());
const observationsSchema = v.record(
  v.string(),
  v.looseObject({
    ...{
      readAt: text,
      triedAt: v.string(),
      failure: text,
      failureClass: text,
      failingSince: text,
      held: text,
    },
    ...{ isStaleUpstream: v.optional(v.boolean()), earlier: v.optional(v.array(v.string())) },
  }),
);

const maxEarlier = 50;

/** Replaced whenever any process has tried to read sources. */
export function observationsFile(config: Config): string {
  return join(config.registry.dataDir, 'observations.json');
}

export async function readObservations(file: string): Promise<Observations> {
  try {
    const text = await onDisk(`read ${file}`, () => ifExists(readFile(file, 'utf8')));
    const value: unknown = JSON.parse(text ?? '{}');
    return v.is(observationsSchema, value) ? (value as Observations) : {};
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}

/** What is known of a source goes along when it gets another name. `renames`: old names by new ones. */
export function renameObservations(before: Observations, renames: ReadonlyMap<string, string>): Observations {
  const after: Record<string, Observation> = { ...before };
  for (const old of renames.values()) delete after[old];
  for (const [name, old] of renames) {
    const known = before[old];
    if (known !== undefined) after[name] = known;
  }
  return after;
}

/** With what these readings say of their sources. */
export function observeReadings(
  before: Observations,
  refreshes: readonly SourceRefresh[],
  now: string,
): Observations {
  const after: Record<string, Observation> = { ...before };
  for (const refresh of refreshes) after[refresh.source] = observe(before[refresh.source], refresh, now);
  return after;
}

export async function writeObservations(file: string, observations: Observations): Promise<void> {
  await writeFileAtomic(file, `${toVisibleJson(observations, 2)}\n`);
}

function observe(before: Observation | undefined, refresh: SourceRefresh, now: string): Observation {
  const { outcome, detail, reason, commit, heldCommit, isStaleUpstream } = refresh;
  const earlier = before?.earlier ?? [];
  const failing = {
    readAt: before?.readAt,
    triedAt: now,
    failure: detail,
    failureClass: outcome === 'held' ? outcome : reason,
    failingSince: before?.failure === undefined ? now : (before.failingSince ?? before.triedAt),
    earlier,
  };
  switch (outcome) {
    case 'fresh':
      return {
        ...{ readAt: now, triedAt: now, isStaleUpstream },
        earlier: [commit ?? '', ...earlier].slice(0, maxEarlier),
      };
    case 'unchanged':
      return { readAt: now, triedAt: now, isStaleUpstream, earlier };
    case 'held':
      return { ...failing, held: heldCommit };
    case 'stale':
    case 'never-read':
      // A reading that failed says nothing against the one before it.
      return { ...failing, held: before?.held };
  }
}
