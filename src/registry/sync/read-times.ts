import type { Config } from '../../config/config.ts';
import type { StateView } from '../../index/state-view.ts';
import { observationsFile, readObservations } from './observations.ts';
import type { FailureClass } from './source-refresh.ts';

/** An enabled source that was never read, or whose last reading is not in use. */
export interface StaleSource {
  readonly source: string;
  readonly readAt: string | undefined;
  /** For the operator; `undefined` while nobody has tried to read it. */
  readonly failure: string | undefined;
  readonly failureClass: FailureClass | undefined;
  /** The first of the readings in a row that were no use; ISO 8601, UTC. */
  readonly failingSince: string | undefined;
}

/** When an index was last read well, by whichever process; ISO 8601, UTC. */
export interface ReadTime {
  readonly source: string;
  readonly readAt: string | undefined;
}

/** When each enabled source's index was last read well. */
export async function listReadTimes(config: Config): Promise<readonly ReadTime[]> {
  const observations = await readObservations(observationsFile(config));
  return config.sources
    .filter(({ enabled }) => enabled)
    .map(({ name }) => ({ source: name, readAt: observations[name]?.readAt }));
}

/** The enabled sources whose last reading failed, or that were never read. */
export async function findStaleSources(
  config: Config,
  { snapshots }: StateView,
): Promise<readonly StaleSource[]> {
  const observations = await readObservations(observationsFile(config));
  const read = new Set(snapshots.map((snapshot) => snapshot.source));
  return config.sources
    .filter(({ name, enabled }) => enabled && (!read.has(name) || observations[name]?.failure !== undefined))
    .map(({ name }) => {
      const { readAt, failure, failureClass, failingSince } = observations[name] ?? {};
      return { source: name, readAt, failure, failureClass, failingSince };
    });
}

/** Whether a client would be told more than that there is nothing: modules are listed, or a source that is enabled was read. */
export function hasAnythingToServe({ sources }: Config, { snapshots, modules }: StateView): boolean {
  // Nothing is published yet, and that is all there is.
  if (sources.length === 0) return true;
  const read = new Set(snapshots.map((snapshot) => snapshot.source));
  return modules > 0 || sources.some(({ name, enabled }) => enabled && read.has(name));
}
