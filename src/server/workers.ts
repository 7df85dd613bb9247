import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { UsageError } from '../errors.ts';
import type { Log } from '../support/log.ts';
import { workerVariable } from '../support/worker.ts';
import type { RefreshTrouble } from './health.ts';

/**
 * Several processes on one port: this one accepts connections and does the background work, the workers run the
 * same command line again and answer requests. A worker that dies is replaced. Signals are for this one alone, however many
 * of them a terminal or systemd sends to: it tells the workers over the channel they have in common.
 */
export interface Workers {
  /** The port they listen on. */
  readonly port: number;
  /** What all of them, and those that replace them, are to know of refreshing. */
  tellTrouble(trouble: RefreshTrouble | undefined): void;
  /** All of them read `registry.toml` now. */
  tellReload(): void;
  /** Lets each end its running requests; kills what is left after `drainMs`. */
  stop(drainMs: number): Promise<void>;
  /** Ends them at once. */
  kill(): void;
}

/** All that a worker is to know, sent whenever it changes, and to a worker when it begins to listen for it. */
export interface WorkerMessage {
  readonly refreshTrouble: RefreshTrouble | undefined;
  /** How often this was asked for. */
  readonly reloads: number;
  readonly isStopping: boolean;
}

const restartPauseMs = 1000;

/**
 * Starts them, and waits until all of them listen. Throws `UsageError` when one ends before it listens, having said why
 * on stderr itself.
 */
export async function startWorkers(
  count: number,
  address: { readonly host: string; readonly port: number },
  log: Log,
): Promise<Workers> {
  let known: WorkerMessage = { refreshTrouble: undefined, reloads: 0, isStopping: false };
  const running = () => Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
  const tell = (news: Partial<WorkerMessage>) => {
    known = { ...known, ...news };
    for (const worker of running()) send(worker, known);
  };
  if (address.port === 0) await choosePort(address.host);
  cluster.on('message', (worker) => send(worker, known));
  const start = () => cluster.fork({ [workerVariable]: '1' });
  const port = await startAll(count, start);
  cluster.on('listening', (worker) => log.info('a worker serves again', { worker: worker.id }));
  cluster.on('exit', (worker, code, signal) => {
    if (known.isStopping) return;
    log.error('a worker ended and is replaced', { worker: worker.id, code, signal });
    setTimeout(() => {
      if (!known.isStopping) start();
    }, restartPauseMs);
  });
  return {
    port,
    tellTrouble: (refreshTrouble) => tell({ refreshTrouble }),
    tellReload: () => tell({ reloads: known.reloads + 1 }),
    async stop(drainMs) {
      tell({ isStopping: true });
      await Promise.all(running().map((worker) => ended(worker, drainMs)));
    },
    kill() {
      for (const worker of running()) worker.process.kill('SIGKILL');
    },
  };
}

/** Resolves with the port that all of them listen on. */
async function startAll(count: number, start: () => Worker): Promise<number> {
  const started = Array.from({ length: count }, start);
  let stopWatching = () => {};
  try {
    return await new Promise<number>((resolve, reject) => {
      let missing = count;
      const onListening = (_: Worker, { port }: { readonly port: number }) => {
        missing--;
        if (missing === 0) resolve(port);
      };
      const onExit = (_: Worker, _code: number, signal: string) => {
        // It had the signal, with its group, before it could leave that to us: we stop them once all have started.
        if (['SIGHUP', 'SIGINT', 'SIGTERM'].includes(signal)) started.push(start());
        else reject(new UsageError('a worker could not start; its own message says why'));
      };
      cluster.on('listening', onListening).on('exit', onExit);
      stopWatching = () => void cluster.off('listening', onListening).off('exit', onExit);
    });
  } catch (error) {
    await Promise.all(
      started.map((worker) => {
        worker.process.kill('SIGKILL');
        return ended(worker, 0);
      }),
    );
    throw error;
  } finally {
    stopWatching();
  }
}

function send(worker: Worker, message: WorkerMessage): void {
  // Its channel may break meanwhile; whether it is gone, its exit says.
  if (worker.isConnected()) worker.send(message, undefined, () => {});
}

/** Resolves when it has ended. */
function ended(worker: Worker, drainMs: number): Promise<void> {
  return new Promise((resolve) => {
    if (worker.isDead()) return resolve();
    // Longer than the worker's own draining, which this only backs up.
    const timer = setTimeout(() => worker.process.kill('SIGKILL'), drainMs + 2000);
    worker.once('exit', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** Once all workers have died, those that replace them would get another free port, which no client knows. */
async function choosePort(host: string): Promise<void> {
  const server = createServer().listen({ host, port: 0 });
  try {
    await once(server, 'listening');
  } catch {
    return; // What is wrong with the address, the first worker says better.
  }
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') return;
  cluster.setupPrimary();
  cluster.setupPrimary({ args: [...(cluster.settings.args ?? []), '--port', String(address.port)] });
}
