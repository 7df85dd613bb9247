import { join } from 'node:path';
import type { Config, SourceConfig } from '../../config/config.ts';
import type { GitIndex } from '../../index/git-index.ts';
import type { Scratch } from '../../index/scratch.ts';
import { type ConnectedSources, type ConnectionTuning, connectSources } from '../../sources/connect.ts';
import type { InTurn } from '../../sources/git-context.ts';
import type { ReadingSteps } from '../../sources/read-snapshot.ts';
import { withProcessLock } from '../../support/disk/process-lock.ts';
import type { Environment } from '../../support/environment.ts';
import type { Log } from '../../support/log.ts';
import type { DataLayout } from '../data-layout.ts';
import { lockWaitMs } from './read-sources.ts';

/** How long fetches that began under an older configuration may go on. */
const drainMs = 15 * 60_000;

interface Place {
  readonly layout: DataLayout;
  /** Where whoever only looks has what is read; nobody else writes there. */
  readonly scratch: Scratch | undefined;
}

/** The sources of the current configuration; those of an older one end what they are doing. */
export function createConnections(
  { layout, scratch }: Place,
  { treeOf }: GitIndex,
  tuning: ConnectionTuning | undefined,
  env: Environment,
  log: Log,
) {
  // A source need not answer two fetches of ours at once.
  const inTurn =
    (source: string): InTurn =>
    (signal, work) =>
      withProcessLock(join(layout.locks, `source-${source}`), work, {
        signal,
        waitMs: lockWaitMs,
        onWait: (holder) => log.info('waiting for another process to read the source', { source, holder }),
      });

  const places = scratch
    ? { objectDirectory: scratch.objectDirectory, workDirectory: join(scratch.directory, 'sources') }
    : { objectDirectory: join(layout.index, 'objects'), workDirectory: layout.sources };
  let connected:
    | { readonly config: Config; readonly key: string; readonly sources: ConnectedSources }
    | undefined;
  const draining = new Set<ConnectedSources>();
  return {
    of(config: Config): ConnectedSources['sources'] {
      if (connected?.config === config) return connected.sources.sources;
      const key = JSON.stringify(config.sources);
      if (connected?.key === key) {
        connected = { ...connected, config };
        return connected.sources.sources;
      }
      const old = connected?.sources;
      if (old) {
        draining.add(old);
        setTimeout(() => {
          draining.delete(old);
          void old.close();
        }, drainMs).unref();
      }
      const place = { ...places, treeOf, env, ...(scratch ? {} : { inTurn }) };
      const sources = connectSources(config.sources, { ...tuning, ...place });
      connected = { config, key, sources };
      return sources.sources;
    },
    /** One source once more, beside the others, for a short look: it is asked once, and not in turn. The caller closes it. */
    aside(source: SourceConfig, steps: Partial<ReadingSteps>): ConnectedSources {
      return connectSources([source], {
        ...tuning,
        http: { ...tuning?.http, retry: { ...tuning?.http?.retry, retries: 0 } },
        steps: (name) => ({ ...tuning?.steps?.(name), ...steps }),
        ...places,
        treeOf,
        env,
      });
    },
    async close(): Promise<void> {
      await Promise.all([connected?.sources, ...draining].map((sources) => sources?.close()));
    },
  };
}
