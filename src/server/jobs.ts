/**
 * What a running server does by itself: reloads `registry.toml` when it changes, keeps the index fresh, mirrors
 * `[mirror] packages`, and reads all archives again now and then. Everything hangs on one tick per second, so a changed interval counts at once.
 */
import { setMaxListeners } from 'node:events';
import type { Config } from '../config/config.ts';
import { defaultMaxConcurrency } from '../config/max-concurrency.ts';
import type { MirrorReport } from '../registry/mirror/mirror-report.ts';
import type { Operating, Serving } from '../registry/registry.ts';
import { describeConfigChanges } from '../registry/sync/config-changes.ts';
import type { GoOn } from '../registry/sync/sync-context.ts';
import type { SyncReport } from '../registry/sync/sync-report.ts';
import type { Log } from '../support/log.ts';
import type { RefreshTrouble } from './health.ts';
import { createJobRunner, createRepeated, type JobRunner } from './job-runner.ts';

export interface Background {
  /** Starts what is due; call it every second. Returns at once. */
  tick(): void;
  /** Reads `registry.toml` at once, and says what came of it, even if that is nothing or was said before. */
  reload(): void;
  /** Resolves when nothing that was started is running any more. */
  idle(): Promise<void>;
  /** Aborts what is running and starts nothing more. */
  stop(): Promise<void>;
}

/** Tells people what came of the work; nothing that was said before is said again. */
export interface BackgroundReporter {
  synced(report: SyncReport): void;
  mirrored(report: MirrorReport): void;
  failed(job: string, error: unknown): void;
  recovered(job: string): void;
  /** Whoever asked for a job is told how it fails, also if others were before. */
  askedFor(job: string): void;
}

export interface BackgroundOptions {
  /** Beside what is served, what moves it on. */
  readonly registry: Pick<Serving, 'config' | 'reload' | 'disk' | 'forgetAbsences'> &
    Pick<Operating, 'sync' | 'reaggregate' | 'mirror' | 'scrub' | 'probeDisk'>;
  readonly log: Log;
  readonly reporter: BackgroundReporter;
  /** Tells of edited settings that count only from the next start. */
  readonly reportLateEdits: (now: Config) => void;
  /** Milliseconds of a clock that never jumps: an interval must not become a year with the date. */
  readonly now: () => number;
  /** Something that differs whenever `registry.toml` does. */
  readonly readFingerprint: () => string;
  /** Something that differs whenever any process has read the sources. */
  readonly readReadings: () => string;
  /** When the sources were last read, by the same clock. */
  readonly refreshedAt: number;
  /** The same by the calendar; ISO 8601, UTC. `undefined` if they never were. */
  readonly refreshedOn?: string | undefined;
  readonly date: () => Date;
  /** Told when refreshing begins to fail for a reason of our own, and with `undefined` when it works again. */
  readonly onTrouble?: ((trouble: RefreshTrouble | undefined) => void) | undefined;
  /** What is behind a failure, where more can be found out than the failure itself says. */
  readonly explain?: ((error: unknown) => Promise<unknown>) | undefined;
  /** One of several workers but the first, which does the work for all: this one only loads `registry.toml` when it is edited. */
  readonly leavesItToFirst?: boolean | undefined;
}

/** Archives are read again once clients have been served, and again soon where that failed. */
const scrubDelayMs = 60_000;
/** Half of what a source gets by default, so that clients whose archives are fetched find room. */
const backgroundJobs = defaultMaxConcurrency / 2;

export function createBackground(options: BackgroundOptions): Background {
  const { registry, now } = options;
  const controller = new AbortController();
  const { signal } = controller;
  setMaxListeners(0, signal); // as many listeners as there are downloads
  const runner = createJobRunner({ ...options, signal, isTold: (error) => registry.disk.refused(error) });
  const refreshing = createRefreshing(options, runner, signal);
  const reloading = createReloads(options, runner, signal, refreshing.hurry);
  const mirroring = createRepeated(runner, now, 'mirror', Number.NEGATIVE_INFINITY, async () => {
    options.reporter.mirrored(await registry.mirror({ patterns: [], jobs: backgroundJobs, signal }));
  });
  let wasScrubbed = false;
  const scrubbing = createRepeated(runner, now, 'scrub', now(), async () => {
    wasScrubbed = false;
    await registry.scrub(signal);
    wasScrubbed = true;
  });
  let readings = options.readReadings();

  return {
    tick() {
      if (signal.aborted) return;
      reloading.tick();
      const read = options.readReadings();
      if (read !== readings) registry.forgetAbsences();
      readings = read;
      refreshing.probe();
      if (options.leavesItToFirst) return;
      const { mirror, server } = registry.config;
      refreshing.startAfter(server.refreshIntervalMs);
      if (mirror.autoSync && mirror.packages.length > 0) mirroring.startAfter(mirror.syncIntervalMs);
      scrubbing.startAfter(wasScrubbed ? server.scrubIntervalMs : scrubDelayMs);
    },
    reload: reloading.reload,
    idle: runner.idle,
    async stop() {
      controller.abort(new Error('the server is stopping'));
      await runner.idle();
    },
  };
}

/** Reads `registry.toml` again when it changes, or when somebody asks for it. */
function createReloads(
  { registry, log, reporter, leavesItToFirst, readFingerprint, reportLateEdits }: BackgroundOptions,
  runner: JobRunner,
  signal: AbortSignal,
  refreshSoon: () => void,
) {
  let fingerprint = readFingerprint();
  let loaded = registry.config;

  async function load(isAsked: boolean): Promise<void> {
    await registry.reload();
    const changes = describeConfigChanges(loaded, registry.config);
    // Whoever was at work may have loaded it before us.
    const isSame = registry.config === loaded;
    loaded = registry.config;
    if (leavesItToFirst) return;
    if (isSame && isAsked) log.info('registry.toml was read again: nothing has changed');
    if (isSame) return;
    log.info('registry.toml changed and was loaded', { changes: changes.join('; ') || undefined });
    reportLateEdits(loaded);
    await registry.reaggregate();
    refreshSoon();
  }

  function reload(): void {
    if (signal.aborted) return;
    const reading = runner.ending('reload');
    if (reading !== undefined) return void reading.then(reload);
    reporter.askedFor('reload');
    runner.start('reload', () => load(true));
  }

  return {
    reload,
    tick(): void {
      const seen = readFingerprint();
      if (seen === fingerprint || runner.isRunning('reload')) return;
      fingerprint = seen;
      runner.start('reload', () => load(false));
    },
  };
}

/** Keeps the index fresh, and looks whether a disk that refused takes something again. */
function createRefreshing(options: BackgroundOptions, runner: JobRunner, signal: AbortSignal) {
  const { registry, reporter, now } = options;
  let refreshedOn = options.refreshedOn ?? options.date().toISOString();
  let told: RefreshTrouble | undefined;
  const probing = createProbing(now());

  function tellTrouble(trouble: RefreshTrouble | undefined): void {
    if (trouble?.since !== told?.since) options.onTrouble?.(trouble);
    told = trouble;
  }

  // What one source keeps us waiting for keeps nothing that the others have from clients.
  const goOn: GoOn = (job, work) =>
    runner.start(job, async () => {
      const report = await work;
      if (report) reporter.synced(report);
    });

  const { startAfter, hurry } = createRepeated(runner, now, 'refresh', options.refreshedAt, async () => {
    try {
      reporter.synced(await registry.sync({ signal, goOn }));
    } catch (error) {
      if (!signal.aborted) tellTrouble({ since: refreshedOn });
      throw error;
    }
    refreshedOn = options.date().toISOString();
    registry.disk.worked();
    probing.reset();
    tellTrouble(undefined);
  });

  return {
    ...{ startAfter, hurry },
    /** What failed for want of a disk need not wait for the next refresh, nor are sources asked in vain meanwhile. */
    probe(): void {
      const isBusy = runner.isRunning('refresh') || runner.isRunning('probe');
      if (!registry.disk.isRefusing || isBusy || !probing.isDue(now())) return;
      runner.start('probe', async () => {
        await registry.probeDisk();
        if (options.leavesItToFirst) registry.disk.worked();
        hurry();
      });
    },
  };
}

const firstProbeMs = 10_000;
const longestProbeMs = 10 * 60_000;

/** When a disk that refused is tried again: less and less often, as one that takes a little may still refuse more. */
function createProbing(begunAt: number) {
  let pauseMs = firstProbeMs;
  let dueAt = begunAt + pauseMs;
  return {
    isDue(now: number): boolean {
      if (now < dueAt) return false;
      pauseMs = Math.min(pauseMs * 2, longestProbeMs);
      dueAt = now + pauseMs;
      return true;
    },
    reset(): void {
      pauseMs = firstProbeMs;
      dueAt = Number.NEGATIVE_INFINITY;
    },
  };
}

/** The time of the oldest of the enabled sources' last readings; long ago if one was never read. */
export function oldestReading(sources: readonly { readonly readAt: string | undefined }[]): number {
  const times = sources.map(({ readAt }) =>
    readAt === undefined ? Number.NEGATIVE_INFINITY : Date.parse(readAt),
  );
  return times.length === 0 ? Number.NEGATIVE_INFINITY : Math.min(...times);
}
