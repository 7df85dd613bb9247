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
import type { GoOn } from '../registry/sync/sync.ts';
import type { SyncReport } from '../registry/sync/sync-report.ts';
import type { Log } from '../support/log.ts';
import type { RefreshTrouble } from './health.ts';

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
  /** Only follow `registry.toml`: another process does the work. */
  readonly isFollower?: boolean | undefined;
}

/** Archives are read again once clients have been served, and again soon where that failed. */
const scrubDelayMs = 60_000;
/** Half of what a source gets by default, so that clients whose archives are fetched find room. */
const backgroundJobs = defaultMaxConcurrency / 2;

export function createBackground(options: BackgroundOptions): Background {
  const { registry, log, reporter, now } = options;
  const controller = new AbortController();
  const { signal } = controller;
  setMaxListeners(0, signal); // as many listeners as there are downloads
  const running = new Map<string, Promise<void>>();
  let fingerprint = options.readFingerprint();
  let loaded = registry.config;
  let readings = options.readReadings();
  let refreshedAt = options.refreshedAt;
  let refreshedOn = options.refreshedOn ?? options.date().toISOString();
  let told: RefreshTrouble | undefined;
  let mirroredAt = Number.NEGATIVE_INFINITY;
  let scrubbedAt = now();
  let wasScrubbed = false;
  const probing = createProbing(now());

  // One of a kind at a time; a failure is logged once, until it changes or passes.
  const start = (job: string, work: () => Promise<void>) => {
    // What is wrong with the file is the same for all processes.
    const isToldElsewhere = options.isFollower && job === 'reload';
    const done = work().then(
      () => (isToldElsewhere ? undefined : reporter.recovered(job)),
      async (error: unknown) => {
        if (signal.aborted || isToldElsewhere) return;
        const explained = (await options.explain?.(error).catch(() => error)) ?? error;
        const isTold = registry.disk.refused(error) && explained === error;
        if (!signal.aborted && !isTold) reporter.failed(job, explained);
      },
    );
    running.set(
      job,
      done.finally(() => running.delete(job)),
    );
  };
  const reload = async (isAsked = false) => {
    await registry.reload();
    const changes = describeConfigChanges(loaded, registry.config);
    // Whoever was at work may have loaded it before us.
    const isSame = registry.config === loaded;
    loaded = registry.config;
    if (options.isFollower) return;
    if (isSame && isAsked) log.info('registry.toml was read again: nothing has changed');
    if (isSame) return;
    log.info('registry.toml changed and was loaded', { changes: changes.join('; ') || undefined });
    options.reportLateEdits(loaded);
    await registry.reaggregate();
    refreshedAt = Number.NEGATIVE_INFINITY;
  };
  const reloadNow = () => {
    if (signal.aborted) return;
    const reading = running.get('reload');
    if (reading !== undefined) return void reading.then(reloadNow);
    reporter.askedFor('reload');
    start('reload', () => reload(true));
  };
  const tellTrouble = (trouble: RefreshTrouble | undefined) => {
    if (trouble?.since !== told?.since) options.onTrouble?.(trouble);
    told = trouble;
  };
  // What one source keeps us waiting for keeps nothing that the others have from clients.
  const goOn: GoOn = (job, work) =>
    start(job, async () => {
      const report = await work;
      if (report) reporter.synced(report);
    });
  const refresh = async () => {
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
  };
  // What failed for want of a disk need not wait for the next refresh, nor are sources asked in vain meanwhile.
  const probe = async () => {
    await registry.probeDisk();
    if (options.isFollower) registry.disk.worked();
    refreshedAt = Number.NEGATIVE_INFINITY;
  };
  const mirror = async () => {
    reporter.mirrored(await registry.mirror({ patterns: [], jobs: backgroundJobs, signal }));
  };

  const scrub = async () => {
    await registry.scrub(signal);
    wasScrubbed = true;
  };

  const idle = async () => {
    while (running.size > 0) await Promise.all(running.values());
  };

  return {
    tick() {
      if (signal.aborted) return;
      const seen = options.readFingerprint();
      if (seen !== fingerprint && !running.has('reload')) {
        fingerprint = seen;
        start('reload', () => reload());
      }
      const read = options.readReadings();
      if (read !== readings) registry.forgetAbsences();
      readings = read;
      if (
        registry.disk.isRefusing &&
        !running.has('refresh') &&
        !running.has('probe') &&
        probing.isDue(now())
      )
        start('probe', probe);
      if (options.isFollower) return;
      const { mirror: mirroring, server } = registry.config;
      if (!running.has('refresh') && now() - refreshedAt >= server.refreshIntervalMs) {
        refreshedAt = now();
        start('refresh', refresh);
      }
      const wantsMirror = mirroring.autoSync && mirroring.packages.length > 0;
      if (wantsMirror && !running.has('mirror') && now() - mirroredAt >= mirroring.syncIntervalMs) {
        mirroredAt = now();
        start('mirror', mirror);
      }
      const scrubWaitMs = wasScrubbed ? server.scrubIntervalMs : scrubDelayMs;
      if (!running.has('scrub') && now() - scrubbedAt >= scrubWaitMs) {
        scrubbedAt = now();
        wasScrubbed = false;
        start('scrub', scrub);
      }
    },
    reload: reloadNow,
    idle,
    async stop() {
      controller.abort(new Error('the server is stopping'));
      await idle();
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
