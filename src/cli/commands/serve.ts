import { statSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import type { Command } from 'commander';
import { registryVariable } from '../../model/moon-client.ts';
import type { Registry } from '../../registry/registry.ts';
import { observationsFile } from '../../registry/sync/observations.ts';
import { withOwners } from '../../registry/upkeep/owners.ts';
import type { RefreshTrouble } from '../../server/health.ts';
import { type BackgroundOptions, createBackground, oldestReading } from '../../server/jobs.ts';
import { listenToParent } from '../../server/worker.ts';
import { startWorkers, type WorkerMessage } from '../../server/workers.ts';
import { errorCode } from '../../support/error-code.ts';
import { withClosing } from '../../support/flow/closing.ts';
import type { Log } from '../../support/log.ts';
import { shellLine } from '../../support/shell.ts';
import { isWorker } from '../../support/worker.ts';
import { parseWholeNumber } from '../arguments.ts';
import { createBackgroundReporter } from '../background-reporter.ts';
import { addExamples, type CommandContext, type Run, withRegistry } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import type { CommandIo } from '../io.ts';
import { createLateEditReport } from '../late-edits.ts';
import { createCommandLog } from '../log.ts';
import {
  type ClientConfig,
  formatClientConfig,
  localUrl,
  type MachineAddress,
  readClientConfig,
  sharedUrl,
} from '../moon-client.ts';

const drainMs = 10_000;

export function defineServe(parent: Command, run: Run): void {
  const command = parent
    .command('serve')
    .summary('serve the registry to moon and git')
    .description(
      'Serves the index, archives and the API, and keeps the index fresh in the background. ' +
        'Edits of registry.toml count at once, except data_dir, host, port, max_connections and [limits]. Ctrl-C or SIGTERM ends it after running requests; SIGHUP reads registry.toml again.',
    )
    .option('--host <address>', 'the address to listen on (default: server.host)')
    .option('--port <number>', 'the port to listen on, 0 for a free one (default: server.port)')
    .option('--access-log', 'log every request, not only those that fail or are refused')
    .option('--workers <number>', 'processes that answer requests (default: 1)');
  addExamples(command, [
    ['moonbit-registry serve', 'Serve as registry.toml says, by default on http://localhost:8080.'],
    ['moonbit-registry serve --host 0.0.0.0 --port 80', 'Serve to other machines.'],
    ['moonbit-registry --log-format json serve --access-log', 'Log every request as a JSON object a line.'],
    ['moonbit-registry serve --workers 2', 'Use two processors.'],
  ]);
  command.action((flags: { host?: string; port?: string; workers?: string; accessLog?: true }) =>
    run((context) => {
      const port = flags.port === undefined ? undefined : parseWholeNumber('--port', flags.port, 0, 65_535);
      const workers = flags.workers === undefined ? 1 : parseWholeNumber('--workers', flags.workers, 1, 256);
      const isShared = workers > 1;
      // It is no reason to end, also before it can be heeded.
      context.io.onHangUp(() => {});
      return withRegistry(
        context,
        async (registry) => {
          const { server } = registry.config;
          const address = {
            host: flags.host ?? server.host,
            port: port ?? server.port,
            accessLog: flags.accessLog ?? false,
          };
          if (isShared && isWorker()) await serveAsWorker(context, registry, address);
          else await serve(context, registry, address, workers);
          return exitCodes.done;
        },
        { isOneOfSeveral: isShared, isFollower: isShared && isWorker() },
      );
    }),
  );
}

interface Address {
  readonly host: string;
  readonly port: number;
  readonly accessLog: boolean;
}

async function serve(
  context: CommandContext,
  registry: Registry,
  address: Address,
  workerCount: number,
): Promise<void> {
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
        isFollower: false,
        onTrouble(now) {
          trouble = now;
          if ('tellTrouble' in server) server.tellTrouble(now);
        },
      });
      onClose(background.stop);
      await tellServing(context, registry, { host: address.host, port: server.port });
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

/** The result: where it serves. */
async function tellServing(
  { io, output }: CommandContext,
  registry: Registry,
  listening: { readonly host: string; readonly port: number },
): Promise<void> {
  const { lacksAllowedHosts } = await import('../../server/allowed-hosts.ts');
  const { server, registry: own, directory } = registry.config;
  const reached = addressesOf({ ...listening, baseUrl: server.baseUrl }, machineAddresses());
  const { url } = reached;
  if (lacksAllowedHosts(server, { host: listening.host, address: listening.host }))
    output.warn(
      'server.base_url and server.allowed_hosts are not set, so requests for whatever host are answered; ' +
        `set the address that clients use, e.g. ${shellLine`moonbit-registry config server.base_url ${url}`}`,
    );
  output.result({
    text: formatServing(own.name, reached, readClientConfig(io, url)),
    json: { url, index: `${url}/git/index`, port: listening.port, directory },
  });
  // Clients are served all the same.
  output.delivered().catch((error: Error) => output.warn(`it serves at ${url}, but ${error.message}`));
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
  const { discardSharedPacks } = await import('../../packs/pack-disk.ts');
  await discardSharedPacks(registry.sharing.packFolder).catch((error: unknown) => {
    if (!registry.disk.refused(error))
      log.warn('answers of git that processes shared were not removed', { error });
  });
}

/** One of several: answers requests, follows `registry.toml`, and leaves the rest to the process that started it. */
async function serveAsWorker(context: CommandContext, registry: Registry, address: Address): Promise<void> {
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
      const background = await startBackground(context, registry, { isFollower: true });
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
  const { startServer } = await import('../../server/listen.ts');
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
  options: Pick<BackgroundOptions, 'isFollower' | 'onTrouble'>,
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

/** Where a server is reached. */
interface Reached {
  /** What clients are to be given. */
  readonly url: string;
  /** What works on this machine alone, where that is another one. */
  readonly localUrl?: string;
  /** It listens for other machines, and no address is known at which they could ask. */
  readonly isHidden: boolean;
}

export function addressesOf(
  {
    host,
    port,
    baseUrl,
  }: { readonly host: string; readonly port: number; readonly baseUrl: string | undefined },
  addresses: readonly MachineAddress[],
): Reached {
  if (baseUrl !== undefined) return { url: baseUrl, isHidden: false };
  const own = localUrl(host, port);
  const shared = sharedUrl(host, port, addresses);
  if (shared === undefined) return { url: own, isHidden: true };
  return { url: shared, isHidden: false, ...(shared === own ? {} : { localUrl: own }) };
}

function machineAddresses(): MachineAddress[] {
  return Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
}

/** What people are told when it serves: its address, and how to point moon there in spite of what `config.json` says. */
export function formatServing(
  name: string,
  { url, localUrl: own, isHidden }: Reached,
  config: ClientConfig,
): string {
  const lines = [
    `Serving "${name}" at ${url}${own === undefined ? '' : ` (on this machine also at ${own})`}`,
    ...(isHidden
      ? [
          'No address was found at which other machines could ask; if there is one, set server.base_url to it.',
        ]
      : []),
    '',
    own === undefined
      ? 'Point moon at it:'
      : 'Point moon at it, everywhere at this same address (moon clones anew for another):',
    `  ${registryVariable}=${url} moon update`,
  ];
  if (config.verdict === 'absent') return lines.join('\n');
  if (config.verdict === 'this-registry')
    return [...lines, '', `Here moon does so already: ${config.file} names this registry.`].join('\n');
  return [
    ...lines,
    '',
    `${config.file} exists, so moon ignores that variable. Put this into it instead:`,
    formatClientConfig(url),
  ].join('\n');
}
