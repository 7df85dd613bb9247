import { readFile } from 'node:fs/promises';
import { writeFileAtomic } from '../support/atomic-file.ts';
import type { SourceRefresh } from './reports.ts';

/**
 * When each source was last read and tried: advice for people and for the background refresh. Nothing rests on
 * it, so it lives in a plain file beside the index, and a damaged one counts as empty.
 */
interface Observation {
  /** ISO 8601, UTC. */
  readonly readAt?: string | undefined;
  readonly triedAt: string;
  readonly failure?: string | undefined;
}

export type Observations = Readonly<Record<string, Observation>>;

export async function readObservations(file: string): Promise<Observations> {
  try {
    const value: unknown = JSON.parse(await readFile(file, 'utf8'));
    return typeof value === 'object' && value !== null ? (value as Observations) : {};
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
}

export async function writeObservations(
  file: string,
  before: Observations,
  refreshes: readonly SourceRefresh[],
  now: string,
): Promise<void> {
  const after: Record<string, Observation> = { ...before };
  for (const { source, outcome, detail } of refreshes) {
    const wasRead = outcome === 'fresh' || outcome === 'unchanged';
    after[source] = wasRead
      ? { readAt: now, triedAt: now }
      : { readAt: before[source]?.readAt, triedAt: now, failure: detail };
  }
  await writeFileAtomic(file, `${JSON.stringify(after, undefined, 2)}\n`);
}
