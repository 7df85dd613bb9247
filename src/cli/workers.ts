import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { UsageError } from '../errors.ts';
import type { RefreshTrouble } from '../http/health.ts';
import type { Log } from '../support/log.ts';

/**
 * Several processes on one port: this one accepts connections and does the background work, the workers run the
 * same command line again and answer requests. A worker that dies is replaced.
 */
export interface Workers {
  /** The port they listen on. */
  readonly port: number;
  /** Sends all of them, and those that replace them, what they are to know; the last message counts. */
  tell(message: WorkerMessage): void;
  /** Lets each end its running requests; kills what is left after `drainMs`. */
  stop(drainMs: number): Promise<void>;
}

export interface WorkerMessage {
  readonly refreshTrouble: RefreshTrouble | undefined;
}

const restartPauseMs = 1000;

export function isWorker(): boolean {
  return cluster.isWorker;
}

/** In a worker: what the process that started it tells. */
export function onTold(listener: (message: WorkerMessage) => void): void {
  cluster.worker?.on('message', listener);
}

/** To be called at the end of a worker's work: its channel would keep the process alive. */
export function leave(): void {
  cluster.worker?.disconnect();
}

/**
 * Starts them, and waits until all of them listen. Throws `UsageError` when one ends before it listens, having said why
 * on stderr itself.
 */
export async function startWorkers(
  count: number,
  address: { readonly host: string; readonly port: number },
  log: Log,
): Promise<Workers> {
  let isStopping = false;
  if (address.port === 0) await choosePort(address.host);
  const listening = new Promise<number>((resolve, reject) => {
    let missing = count;
    cluster.on('listening', (_, address) => {
      missing--;
      if (missing === 0) resolve(address.port);
    });
    cluster.once('exit', () => reject(new UsageError('a worker could not start; its own message says why')));
  });
  const started = Array.from({ length: count }, () => cluster.fork());
  const port = await listening.catch(async (error: unknown) => {
    await Promise.all(started.map((worker) => end(worker, 0)));
    throw error;
  });
  cluster.on('listening', (worker) => log.info('a worker serves again', { worker: worker.id }));
  cluster.on('exit', (worker, code, signal) => {
    if (isStopping) return;
    log.error('a worker ended and is replaced', { worker: worker.id, code, signal });
    setTimeout(() => {
      if (!isStopping) cluster.fork();
    }, restartPauseMs);
  });
  let last: WorkerMessage | undefined;
  cluster.on('online', (worker) => {
    if (last) worker.send(last);
  });
  return {
    port,
    tell(message) {
      last = message;
      for (const worker of Object.values(cluster.workers ?? {}))
        if (worker?.isConnected()) worker.send(message);
    },
    async stop(drainMs) {
      isStopping = true;
      const running = Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
      await Promise.all(running.map((worker) => end(worker, drainMs)));
    },
  };
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

function end(worker: Worker, drainMs: number): Promise<void> {
  return new Promise((resolve) => {
    if (worker.isDead()) return resolve();
    // Longer than the worker's own draining, which this only backs up.
    const timer = setTimeout(() => worker.process.kill('SIGKILL'), drainMs + 2000);
    worker.once('exit', () => {
      clearTimeout(timer);
      resolve();
    });
    worker.process.kill('SIGTERM');
  });
}
