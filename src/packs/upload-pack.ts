import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { LRUCache } from 'lru-cache';
import type { ClientAddress } from '../http/client-address.ts';
import type { Log } from '../support/log.ts';
import type { AnswerExchange, OfferedAnswer } from './answer-exchange.ts';
import { createAnswerShelf } from './answer-shelf.ts';
import { collectOutput, relayOutput } from './git-output.ts';
import { type Asker, createGitProcesses, shareOf } from './git-processes.ts';
import { createSharedWork } from './shared-work.ts';
import type { GitProtocol, UploadInput } from './upload-request.ts';

/**
 * Answers of `git upload-pack`. The answer to the same request at the same served commit is the same bytes (all CI
 * jobs send the same cold clone), so it is computed once, however many ask at once, and kept: in memory, or a large
 * one on the disk.
 */
export interface UploadPack {
  /** `input` is a checked request, or `undefined` for the advertisement of `info/refs`. */
  answer(request: PackRequest, caller: Caller): Promise<PackAnswer>;
  stats(): UploadPackStats;
  /** Gives back the disk it takes. */
  close(): void;
}

export interface Caller {
  /** Of those that have to wait, each client has its turn. */
  readonly client: Pick<ClientAddress, 'address'>;
  /** Aborted when the client leaves; asked for only if git is. */
  readonly signal: () => AbortSignal;
}

export interface PackRequest {
  /** The served commit when the request came. */
  readonly commit: string;
  readonly protocol: GitProtocol;
  readonly input: UploadInput | undefined;
}

export type PackAnswer =
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  /** Ends with an error if git fails. */
  | { readonly kind: 'stream'; readonly stream: Readable; readonly sizeBytes: number | undefined }
  | { readonly kind: 'busy' }
  /** git found that nobody can ask this. */
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'failed' };

export interface UploadPackStats {
  readonly started: number;
  readonly running: number;
  readonly waiting: number;
  /** Answers that were there, or on their way. */
  readonly shared: number;
}

export interface UploadPackOptions {
  readonly gitDir: string;
  /** Read afresh, to tell whether an answer belongs to the commit it was asked at. */
  readonly readCommit: () => Promise<string>;
  readonly processes: number;
  readonly queue: number;
  readonly cacheBytes: number;
  /** Larger answers are kept on the disk. */
  readonly answerBytes: number;
  /** Where that is. */
  readonly spoolFolder: string;
  readonly spoolBytes: number;
  readonly timeoutMs: number;
  /** With the other processes that serve the same repository. */
  readonly exchange?: AnswerExchange | undefined;
  /** Told when git fails for no reason of the request's. */
  readonly onFailure?: (() => void) | undefined;
  readonly log: Log;
  /** Whether people have been told already of a disk that refuses. */
  readonly isTold?: ((error: unknown) => boolean) | undefined;
}

/** What `git upload-pack` says of requests that only the repository shows to be wrong (shallow.c, upload-pack.c). */
const refusals = [
  ['fatal: no commits selected for shallow requests', 'No commit is as recent as "deepen-since" wants.'],
] as const;

type Collected = Exclude<PackAnswer, { kind: 'stream' }> | { readonly kind: 'large' };

export function createUploadPack(options: UploadPackOptions): UploadPack {
  const { answerBytes, timeoutMs, exchange, log } = options;
  const cache = new LRUCache<string, Buffer>({
    maxSize: options.cacheBytes,
    sizeCalculation: (bytes, key) => bytes.length + key.length,
  });
  const shelf = createAnswerShelf({
    folder: options.spoolFolder,
    maxBytes: options.spoolBytes,
    readCommit: options.readCommit,
    log,
    isTold: options.isTold,
  });
  const sharing = createSharedWork<Collected>();
  const processes = createGitProcesses(options);
  let shared = 0;

  async function compute(key: string, request: PackRequest, asker: Asker): Promise<Collected> {
    const child = await processes.start(request, asker, key);
    if (!child) return { kind: 'busy' };
    const collected = await collectOutput(child, answerBytes, timeoutMs, asker.signal);
    if (collected.kind === 'large') {
      const { begun } = collected;
      const rest = relayOutput(child, timeoutMs, tellFailure);
      const spool = await shelf.keep(key, request.commit, { begun, rest, giveUp: child.kill });
      if (!spool) child.kill();
      return { kind: 'large' };
    }
    if (collected.kind === 'failed') return explainFailure(collected.detail);
    if ((await options.readCommit()) === request.commit) cache.set(key, collected.bytes);
    return collected;
  }

  /** The first process computes, and holds the lock until the others can read what it found. */
  function computeInTurn(
    { inTurn, find, offer }: AnswerExchange,
    key: string,
    request: PackRequest,
    asker: Asker,
  ): Promise<Collected> {
    return inTurn<Collected>(key, asker.signal, async (answer) => {
      const offered = await find(key);
      const theirs = offered && (await take(key, request.commit, offered));
      if (theirs) return answer(theirs);
      const collected = await compute(key, request, asker);
      const kept = collected.kind === 'bytes' ? cache.get(key) : shelf.find(key)?.read();
      answer(collected);
      if (kept) await offer(key, request.commit, kept);
    });
  }

  /** What another process has computed. */
  async function take(
    key: string,
    commit: string,
    { sizeBytes, bytes }: OfferedAnswer,
  ): Promise<Collected | undefined> {
    shared++;
    if (sizeBytes > answerBytes) {
      const giveUp = () => bytes.destroy();
      if (!(await shelf.keep(key, commit, { begun: [], rest: bytes, giveUp }))) giveUp();
      return { kind: 'large' };
    }
    const whole = await buffer(bytes).catch(() => undefined);
    if (whole?.length !== sizeBytes) return undefined;
    cache.set(key, whole);
    return { kind: 'bytes', bytes: whole };
  }

  function explainFailure(detail: string): Collected {
    const reason = refusals.find(([said]) => detail.includes(said))?.[1];
    if (reason !== undefined) return { kind: 'refused', reason };
    tellFailure(detail);
    return { kind: 'failed' };
  }

  function tellFailure(detail: string): void {
    log.warn('git upload-pack failed', { detail });
    options.onFailure?.();
  }

  /** From the disk; where it is not there, from a git of the client's own. */
  async function stream(key: string, request: PackRequest, asker: Asker): Promise<PackAnswer> {
    const { signal } = asker;
    const spool = shelf.find(key);
    const kept = spool?.read();
    if (spool && kept) {
      endWith(signal, kept);
      return { kind: 'stream', stream: kept, sizeBytes: spool.isWhole ? spool.sizeBytes : undefined };
    }
    const child = await processes.start(request, asker);
    if (!child) return { kind: 'busy' };
    const own = Readable.from(relayOutput(child, timeoutMs, tellFailure), { objectMode: false });
    endWith(signal, own, () => child.kill());
    return { kind: 'stream', stream: own, sizeBytes: undefined };
  }

  return {
    async answer(request, caller) {
      const key = keyOf(request);
      const known = cache.get(key);
      const isKept = known !== undefined || shelf.find(key) !== undefined;
      if (isKept || sharing.has(key)) shared++;
      if (known) return { kind: 'bytes', bytes: known };
      const asker: Asker = { share: shareOf(caller.client.address), signal: caller.signal() };
      if (isKept || shelf.refuses(key)) return stream(key, request, asker);
      processes.join(key, asker.share);
      const collected = await sharing.run(key, asker.signal, (signal) => {
        const first = { ...asker, signal };
        return exchange ? computeInTurn(exchange, key, request, first) : compute(key, request, first);
      });
      return collected.kind === 'large' ? stream(key, request, asker) : collected;
    },
    stats: () => ({ ...processes.stats(), shared }),
    close: shelf.close,
  };
}

/** A client that leaves reads no more. */
function endWith(signal: AbortSignal, stream: Readable, alsoEnd = () => {}): void {
  const leave = () => {
    stream.destroy();
    alsoEnd();
  };
  signal.addEventListener('abort', leave, { once: true });
  stream.once('close', () => signal.removeEventListener('abort', leave));
  if (signal.aborted) leave();
}

function keyOf({ commit, protocol, input }: PackRequest): string {
  if (!input) return `${commit} ${protocol} advertisement`;
  return `${commit} ${protocol} ${input.digest}`;
}
