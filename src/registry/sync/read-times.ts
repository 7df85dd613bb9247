import type { Config } from '../../config/config.ts';
import type { StateView } from '../../index/git-index.ts';
import type { Registry } from '../registry.ts';
import { observationsFile, readObservations } from './observations.ts';

/** See `Registry.readTimes`. */
export async function listReadTimes(config: Config): ReturnType<Registry['readTimes']> {
  const observations = await readObservations(observationsFile(config));
  return config.sources
    .filter(({ enabled }) => enabled)
    .map(({ name }) => ({ source: name, readAt: observations[name]?.readAt }));
}

/** See `Registry.staleSources`. */
export async function findStaleSources(
  config: Config,
  { snapshots }: StateView,
): ReturnType<Registry['staleSources']> {
  const observations = await readObservations(observationsFile(config));
  const read = new Set(snapshots.map((snapshot) => snapshot.source));
  return config.sources
    .filter(({ name, enabled }) => enabled && (!read.has(name) || observations[name]?.failure !== undefined))
    .map(({ name }) => {
      const { readAt, failure, failureClass, failingSince } = observations[name] ?? {};
      return { source: name, readAt, failure, failureClass, failingSince };
    });
}

/** See `Registry.isReady`. */
export function hasAnythingToServe({ sources }: Config, { snapshots, modules }: StateView): boolean {
  const read = new Set(snapshots.map((snapshot) => snapshot.source));
  return modules > 0 || sources.some(({ name, enabled }) => enabled && read.has(name));
}
