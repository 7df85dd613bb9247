import { isIPv6 } from 'node:net';
import { createFairQueue } from '../support/flow/fair-queue.ts';
import { type GitProcess, startUploadPack } from './git-process.ts';
import type { GitProtocol, UploadInput } from './upload-request.ts';

export interface GitProcessesOptions {
  readonly gitDir: string;
  /** At once. */
  readonly processes: number;
  /** How many requests wait for one. */
  readonly queue: number;
}

interface GitRequest {
  readonly protocol: GitProtocol;
  readonly input: UploadInput | undefined;
}

/** Who waits for a process. */
export interface Asker {
  /** Whose share of the queue it is. */
  readonly share: string;
  /** Ends the waiting, and the process. */
  readonly signal: AbortSignal;
}

/** Bounds how many git processes run, and how many requests wait for one. */
export function createGitProcesses(options: GitProcessesOptions) {
  const places = createFairQueue({ atOnce: options.processes, waiting: options.queue });
  let started = 0;
  return {
    /** Waits for a place, which the process then holds until it is gone. `undefined`: too many wait already. */
    async start(request: GitRequest, asker: Asker, task?: string): Promise<GitProcess | undefined> {
      const leave = await places.enter(asker.share, asker.signal, task);
      if (!leave) return undefined;
      try {
        asker.signal.throwIfAborted();
        started++;
        const child = startUploadPack(options.gitDir, request.protocol, request.input?.bytes);
        asker.signal.addEventListener('abort', child.kill, { once: true });
        void child.ended.then(() => {
          asker.signal.removeEventListener('abort', child.kill);
          leave();
        });
        return child;
      } catch (error) {
        leave();
        throw error;
      }
    },
    join: places.join,
    stats: () => ({ started, ...places.counts() }),
  };
}

/** One host has a whole network of IPv6 addresses (RFC 6177), so that counts as one client. */
export function shareOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [start = '', end = ''] = address.split('::');
  const groups = [start, end].map((part) => part.split(':').filter(Boolean));
  const missing = 8 - groups.flat().length;
  return [groups[0] ?? [], Array(missing).fill('0'), groups[1] ?? []].flat().slice(0, 4).join(':');
}
