import type { Config } from '../config/config.ts';
import { indexAddress } from '../config/index-address.ts';
import type { GitIndex } from '../index/git-index.ts';
import type { Scratch } from '../index/scratch.ts';
import type { ConnectionTuning } from '../sources/connect.ts';
import { createDiskWatch, type DiskWatch, noDiskWatch } from '../support/disk/disk-watch.ts';
import { type MonotonicClock, systemClock } from '../support/flow/monotonic-clock.ts';
import { type Log, silentLog } from '../support/log.ts';
import { type DataLayout, dataLayout } from './data-layout.ts';
import type { OpenMode } from './open-mode.ts';
import { type Actor, type Audit, openAudit, silentAudit } from './record/audit.ts';
import { createConfiguration } from './sync/configuration.ts';
import type { ReloadingContext } from './sync/reload-settings.ts';
import { openData } from './upkeep/open-data.ts';

export interface OpenOptions {
  /** The folder that holds `registry.toml`. */
  readonly directory: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log?: Log | undefined;
  readonly now?: (() => Date) | undefined;
  readonly connections?: ConnectionTuning | undefined;
  /** For the audit file: whoever opens a registry may write there, if only of an archive that it finds damaged. */
  readonly actor: Actor;
  /** Several processes serve this registry: what one of them fetches or computes is so for all of them. */
  readonly isOneOfSeveral?: boolean | undefined;
  /** What may be done to the data: `write` unless it is said. */
  readonly mode?: OpenMode | undefined;
  /** One of several workers but the first, which tells for all of new settings and of a disk that takes nothing. */
  readonly leavesItToFirst?: boolean | undefined;
}

/** What all parts of a registry rest on. */
export interface Ground extends Pick<OpenOptions, 'directory' | 'env' | 'actor'> {
  readonly log: Log;
  readonly now: () => Date;
  readonly mode: OpenMode;
  readonly clock: MonotonicClock;
  readonly configuration: ReloadingContext['configuration'];
  /** `registry.toml` as it was last loaded. */
  readonly settings: () => Config;
  /** Absolute path of the data folder; it stays the same while the registry is open. */
  readonly dataDir: string;
  readonly layout: DataLayout;
  readonly disk: DiskWatch;
  /** Whether people have been told of this failure: the disk takes nothing, and what is there is served. */
  readonly isTold: (error: unknown) => boolean;
  readonly index: GitIndex;
  /** Where whoever only looks writes what git has to write; `undefined` where the data may be written. */
  readonly scratch: Scratch | undefined;
  readonly audit: Audit;
}

/** Settings, data and who is told of what: opened as the mode says, with nothing fetched. */
export async function openGround(options: OpenOptions): Promise<Ground> {
  const { directory, actor, log = silentLog, now = () => new Date(), mode = 'write' } = options;
  const configuration = await createConfiguration(directory);
  const { dataDir } = configuration.current().registry;
  const layout = dataLayout(dataDir);
  const clock = options.connections?.clock ?? systemClock;
  const diskLog = options.leavesItToFirst ? silentLog : log;
  const disk = mode === 'serve' ? createDiskWatch(diskLog, clock) : noDiskWatch;
  const isTold = (error: unknown) => disk.refused(error);
  const addressOf = (name: string) => {
    const source = configuration.current().sources.find((candidate) => candidate.name === name);
    return source && indexAddress(source);
  };
  const { index, scratch } = await openData(
    { directory, dataDir, layout },
    { mode, now, log, addressOf, isTold },
  );
  const audit = mode === 'read' ? silentAudit : openAudit({ dataDir, actor, log, now, isTold });
  return {
    ...{ ...options, log, now, mode, clock, configuration, settings: configuration.current },
    ...{ dataDir, layout, disk, isTold, index, scratch, audit },
  };
}
