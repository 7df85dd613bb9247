import cluster from 'node:cluster';
import type { WorkerMessage } from './workers.ts';

/** What the first of several processes tells one of the others, and that it is gone. */
export interface Parent {
  /** Resolves when it says that this one is to stop, or was killed: what is running is to be finished then, too. */
  readonly stopping: Promise<void>;
  /** Lets go of it; to be called at the end of a worker's work: the channel would keep the process alive. */
  leave(): void;
}

/** In a worker: listens to the process that started it. `hear` is told everything each time. */
export function listenToParent(hear: (message: WorkerMessage) => void): Parent {
  const { worker } = cluster;
  if (worker === undefined) throw new Error('this process was not started as a worker');
  const stopping = new Promise<void>((resolve) => {
    worker.on('message', (message: WorkerMessage) => {
      hear(message);
      if (message.isStopping) resolve();
    });
    worker.on('disconnect', () => {
      // Node would end the process here, whatever is running.
      worker.exitedAfterDisconnect = true;
      resolve();
    });
  });
  // What was said before is lost: we ask for it.
  worker.send('ready', undefined, () => {});
  return {
    stopping,
    leave() {
      if (worker.isConnected()) worker.disconnect();
    },
  };
}
