/** What `serve` does while it runs: it listens, keeps the index fresh, and heeds signals. */
import { statSync } from 'node:fs';
import type { Registry } from '../registry/registry.ts';
import { observationsFile } from '../registry/sync/observations.ts';
import { withOwners } from '../registry/upkeep/owners.ts';
import type { RefreshTrouble } from '../server/health.ts';
import { type BackgroundOptions, createBackground, oldestReading } from '../server/jobs.ts';
import { unsaidReading } from '../server/unsaid-reading.ts';
import { listenToParent } from '../server/worker.ts';
import { startWorkers, type WorkerMessage } from '../server/workers.ts';
import { errorCode } from '../support/error-code.ts';
import { withClosing } from '../support/flow/closing.ts';
import type { Log } from '../support/log.ts';
import { createBackgroundReporter } from './background-reporter.ts';
import type { CommandContext } from './context.ts';
import { exitCodes } from './exit-codes.ts';
import type { CommandIo } from './io.ts';
import { createLateEditReport } from './late-edits.ts';
import { createCommandLog } from './log.ts';
import { tellServing } from './serving-text.ts';

const drainMs = 10_000;

/** What `serve` was told, or `registry.toml` says. */
export interface Address {
  readonly host: string;
  /** 0 asks the system for a free one. */
  readonly port: number;
  /** Whether every request is logged, not only those that fail or are refused. */
  readonly accessLog: boolean;
  /** Whether the parts of requests to publish are logged: names and sizes, no values. */
  readonly recordsPublish: boolean;
}

/** Serves until it is interrupted; with several processes, this one starts and leads them. */
export async function serve(
  context: CommandContext,
  registry: Registry,
  address: Address,
  workerCount: number,
): Promise<void> {
  const unsaid = unsaidReading(registry.config, address.host);
  if (unsaid) throw unsaid;
  const { io, output } = context;
  const log = createCommandLog(context);
  io.waitForNobody();
  const signals = watchSignals(io);
  await applySettings(registry);
  await discardPacks(registry, log);
  try {
    await withClosing(async (onClose) => {
      let trouble: RefreshTrouble | undefined;
      const server =
        workerCount > 1
          ? await startWorkers(workerCount, address, log)
          : await listen(context, registry, address, () => trouble);
      onClose(() => server.stop(drainMs));
      const background = await startBackground(context, registry, {
        leavesItToFirst: false,
        onTrouble(now) {
          trouble = now;
          if ('tellTrouble' in server) server.tellTrouble(now);
        },
      });
      onClose(background.stop);
      tellServing(context, registry, { host: address.host, port: server.port });
      signals.heed({
        hangUp() {
          background.reload();
          if ('tellReload' in server) server.tellReload();
        },
        again() {
          if ('kill' in server) server.kill();
        },
      });
      await signals.interrupted;
      output.note('Stopping: waiting for running requests (again to stop at once)…');
    });
  } finally {
    await discardPacks(registry, log);
  }
}

/**
 * Settings edited while nothing ran count before the first answer (rule 6); on a disk that takes nothing, once it does again,
 * and what was served last is served until then.
 */
async function applySettings(registry: Registry): Promise<void> {
  try {
    await registry.reaggregate();
  } catch (error) {
    if (!registry.disk.refused(error)) throw error;
  }
}

/** What the processes of this run, or one that was killed, have shared. Nobody else needs it, so what cannot be removed may stay. */
async function discardPacks(registry: Registry, log: Log): Promise<void> {
  const { discardSharedPacks } = await import('../packs/pack-disk.ts');
  await discardSharedPacks(registry.sharing.packFolder).catch((error: unknown) => {
    if (!registry.disk.refused(error))
      log.warn('answers of git that processes shared were not removed', { error });
  });
}

/** One of several: answers requests, follows `registry.toml`, and leaves the rest to the process that started it. */
export async function serveAsWorker(
  context: CommandContext,
  registry: Registry,
  address: Address,
): Promise<void> {
  let told: WorkerMessage | undefined;
  let reload = () => {};
  const parent = listenToParent((message) => {
    const isAsked = told !== undefined && message.reloads > told.reloads;
    told = message;
    if (isAsked) reload();
  });
  try {
    await withClosing(async (onClose) => {
      const server = await listen(context, registry, address, () => told?.refreshTrouble);
      onClose(() => server.stop(drainMs));
      const background = await startBackground(context, registry, { leavesItToFirst: true });
      onClose(background.stop);
      reload = background.reload;
      await parent.stopping;
    });
  } finally {
    parent.leave();
  }
}

async function listen(
  context: CommandContext,
  registry: Registry,
  address: Address,
  refreshTrouble: () => RefreshTrouble | undefined,
) {
  const { startServer } = await import('../server/listen.ts');
  const server = await startServer(registry, {
    ...address,
    refreshTrouble,
    log: createCommandLog(context),
  });
  return { port: server.port, stop: server.close };
}

async function startBackground(
  context: CommandContext,
  registry: Registry,
  options: Pick<BackgroundOptions, 'leavesItToFirst' | 'onTrouble'>,
) {
  const { file } = registry.config;
  const times = await registry.readTimes();
  const ageMs = Math.max(0, context.io.now() - oldestReading(times));
  const log = createCommandLog(context);
  const background = createBackground({
    registry,
    log,
    reporter: createBackgroundReporter(log),
    reportLateEdits: createLateEditReport(log, registry.config),
    now: () => performance.now(),
    readFingerprint: () => fingerprintOf(file),
    readReadings: () => fingerprintOf(observationsFile(registry.config)),
    refreshedAt: performance.now() - ageMs,
    refreshedOn: times
      .flatMap(({ readAt }) => readAt ?? [])
      .sort()
      .at(-1),
    date: () => new Date(context.io.now()),
    explain: (error) => withOwners(error, context.directory),
    ...options,
  });
  background.tick();
  const timer = setInterval(() => background.tick(), 1000);
  return {
    reload: background.reload,
    stop(): Promise<void> {
      clearInterval(timer);
      return background.stop();
    },
  };
}

/** What signals ask for, once somebody can do it. */
interface SignalWork {
  /** SIGHUP. */
  hangUp(): void;
  /** A second SIGINT or SIGTERM, which ends the process. */
  again(): void;
}

/** Heard from the beginning on: `interrupted` resolves at the first SIGINT or SIGTERM. */
function watchSignals(io: CommandIo) {
  let work: SignalWork | undefined;
  let isStopping = false;
  io.onHangUp(() => work?.hangUp());
  const interrupted = new Promise<void>((resolve) => {
    io.onInterrupt(() => {
      if (isStopping) {
        work?.again();
        io.exit(exitCodes.failed);
      }
      isStopping = true;
      resolve();
    });
  });
  return {
    interrupted,
    heed(given: SignalWork) {
      work = given;
    },
  };
}

function fingerprintOf(file: string): string {
  try {
    const { ino, size, mtimeMs } = statSync(file);
    return `${ino}:${size}:${mtimeMs}`;
  } catch (error) {
    // Loading the file says what is wrong with it; looking must not end the server.
    return errorCode(error) ?? 'unreadable';
  }
}
