import { Readable } from 'node:stream';
import type { ClientAddress } from '../http/client-address.ts';
import { collectOutput, relayOutput } from './git-output.ts';
import { type Asker, createGitProcesses, type GitProcessesOptions, shareOf } from './git-processes.ts';
import {
  type ComputedPack,
  createPackStore,
  endWith,
  type Pack,
  type PackFailure,
  type PackStoreOptions,
} from './pack-store.ts';
import type { GitProtocol, UploadInput } from './upload-request.ts';

/**
 * Packs: what `git upload-pack` puts out. For the same request at the same served commit that is the same bytes (all CI jobs
 * send the same cold clone), so it is computed once, however many ask at once, and kept.
 */
export interface UploadPack {
  /** `input` is a checked request, or `undefined` for the advertisement of `info/refs`. */
  packFor(request: PackRequest, caller: Caller): Promise<Pack | PackFailure>;
  stats(): UploadPackStats;
  /** Gives back the disk it takes. */
  close(): void;
}

export interface Caller {
  /** Of those that have to wait, each client has its turn. */
  readonly client: Pick<ClientAddress, 'address'>;
  /** Aborted when the client leaves; asked for only if git or the disk is. */
  readonly signal: () => AbortSignal;
}

export interface PackRequest {
  /** The served commit when the request came. */
  readonly commit: string;
  readonly protocol: GitProtocol;
  readonly input: UploadInput | undefined;
}

export interface UploadPackStats {
  readonly started: number;
  readonly running: number;
  readonly waiting: number;
  /** Packs that were there, or on their way. */
  readonly shared: number;
}

export interface UploadPackOptions extends GitProcessesOptions, PackStoreOptions {
  /** Told when git fails for no reason of the request's. */
  readonly onFailure?: (() => void) | undefined;
}

/** What `git upload-pack` says of requests that only the repository shows to be wrong (shallow.c, upload-pack.c). */
const refusals = [
  ['fatal: no commits selected for shallow requests', 'No commit is as recent as "deepen-since" wants.'],
] as const;

export function createUploadPack(options: UploadPackOptions): UploadPack {
  const { smallBytes, timeoutMs } = options;
  const store = createPackStore(options);
  const processes = createGitProcesses(options);

  async function compute(
    key: string,
    request: PackRequest,
    asker: Asker,
  ): Promise<ComputedPack | PackFailure> {
    const child = await processes.start(request, asker, key);
    if (!child) return { kind: 'busy' };
    const output = await collectOutput(child, smallBytes, timeoutMs, asker.signal);
    if (output.kind === 'large') return { ...output, rest: relayOutput(child, timeoutMs, tellFailure) };
    return output.kind === 'failed' ? explainFailure(output.detail) : output;
  }

  function explainFailure(detail: string): PackFailure {
    const reason = refusals.find(([said]) => detail.includes(said))?.[1];
    if (reason !== undefined) return { kind: 'refused', reason };
    tellFailure(detail);
    return { kind: 'failed' };
  }

  function tellFailure(detail: string): void {
    options.log.warn('git upload-pack failed', { detail });
    options.onFailure?.();
  }

  /** By a git of the client's own. */
  async function relay(request: PackRequest, asker: Asker): Promise<Pack | PackFailure> {
    const child = await processes.start(request, asker);
    if (!child) return { kind: 'busy' };
    const stream = Readable.from(relayOutput(child, timeoutMs, tellFailure), { objectMode: false });
    endWith(asker.signal, stream);
    return { kind: 'stream', stream, sizeBytes: undefined };
  }

  return {
    async packFor(request, { client, signal }) {
      const key = keyOf(request);
      const share = () => shareOf(client.address);
      const found = await store.get(key, {
        signal,
        onWait: () => processes.join(key, share()),
        compute: (abandoned) => compute(key, request, { share: share(), signal: abandoned }),
      });
      return found.kind === 'unkept' ? relay(request, { share: share(), signal: signal() }) : found;
    },
    stats: () => ({ ...processes.stats(), shared: store.shared() }),
    close: store.close,
  };
}

/** It begins with the commit, and is a name that a file can have. */
function keyOf({ commit, protocol, input }: PackRequest): string {
  return `${commit}-${protocol}-${input?.digest ?? 'advertisement'}`;
}
