import { processEnvironment } from './environment.ts';

/** Set for processes that `serve --workers` has started, and for nobody else whom a program manager starts with a channel. */
export const workerVariable = 'MOONBIT_REGISTRY_WORKER';

/** Whether this is one of several processes that serve, started by the first of them. */
export function isWorker(): boolean {
  return process.send !== undefined && processEnvironment[workerVariable] !== undefined;
}
