import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { LRUCache } from 'lru-cache';
import pLimit from 'p-limit';
import { type GitProcess, startUploadPack } from './git-process.ts';
import type { Log } from './log.ts';
import type { GitProtocol } from './upload-request.ts';

/**
 * Answers of `git upload-pack`. The answer to the same request at the same served commit is the same bytes (all CI
 * jobs send the same cold clone), so it is computed once, however many ask at once, and kept in memory.
 */
export interface UploadPack {
  /** `input` is a checked request, or `undefined` for the advertisement of `info/refs`. */
  answer(request: PackRequest, signal: AbortSignal): Promise<PackAnswer>;
  stats(): UploadPackStats;
}

export interface PackRequest {
  /** The served commit when the request came. */
  readonly commit: string;
  readonly protocol: GitProtocol;
  readonly input: Buffer | undefined;
}

export type PackAnswer =
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  /** Too large to keep. Ends with an error if git fails. */
  | { readonly kind: 'stream'; readonly stream: Readable }
  | { readonly kind: 'busy' }
  | { readonly kind: 'failed' };

export interface UploadPackStats {
  readonly started: number;
  readonly running: number;
  readonly waiting: number;
  readonly servedFromMemory: number;
}

export interface UploadPackOptions {
  readonly gitDir: string;
  /** Read afresh, to tell whether an answer belongs to the commit it was asked at. */
  readonly readCommit: () => Promise<string>;
  readonly processes: number;
  readonly queue: number;
  readonly cacheBytes: number;
  /** Larger answers are streamed. */
  readonly answerBytes: number;
  readonly timeoutMs: number;
  readonly log: Log;
}

type Collected = Exclude<PackAnswer, { kind: 'stream' }> | { readonly kind: 'too-large' };

interface Flight {
  readonly result: Promise<Collected>;
  readonly abandon: AbortController;
  waiters: number;
}

export function createUploadPack(options: UploadPackOptions): UploadPack {
  const cache = new LRUCache<string, Buffer>({
    maxSize: options.cacheBytes,
    sizeCalculation: (bytes, key) => bytes.length + key.length,
  });
  const tooLarge = new LRUCache<string, true>({ max: 1000 });
  const flights = new Map<string, Flight>();
  const limit = pLimit(options.processes);
  let started = 0;
  let servedFromMemory = 0;

  /** Waits for a slot, which the process then holds until it is gone. */
  async function start(request: PackRequest, signal: AbortSignal): Promise<GitProcess | undefined> {
    if (limit.activeCount + limit.pendingCount >= options.processes + options.queue) return undefined;
    return new Promise<GitProcess>((resolve, reject) => {
      const run = async () => {
        signal.throwIfAborted();
        started++;
        const child = startUploadPack(options.gitDir, request.protocol, request.input);
        resolve(child);
        await child.ended;
      };
      limit(run).catch(reject);
    });
  }

  async function collect(key: string, request: PackRequest, signal: AbortSignal): Promise<Collected> {
    const child = await start(request, signal);
    if (!child) return { kind: 'busy' };
    const kill = () => child.kill();
    signal.addEventListener('abort', kill, { once: true });
    try {
      const bytes = await readOutput(child, options.answerBytes);
      if (bytes === undefined) {
        tooLarge.set(key, true);
        return { kind: 'too-large' };
      }
      const { isOk, detail } = await child.ended;
      signal.throwIfAborted();
      if (!isOk) return reportFailure(detail);
      if ((await options.readCommit()) === request.commit) cache.set(key, bytes);
      return { kind: 'bytes', bytes };
    } finally {
      signal.removeEventListener('abort', kill);
      child.kill();
    }
  }

  function reportFailure(detail: string): Collected {
    options.log({ level: 'warn', message: 'git upload-pack failed', fields: { detail } });
    return { kind: 'failed' };
  }

  function takeOff(key: string, request: PackRequest): Flight {
    const abandon = new AbortController();
    const lateness = new Error(`it took longer than ${options.timeoutMs} ms`);
    const timer = setTimeout(() => abandon.abort(lateness), options.timeoutMs);
    const result = collect(key, request, abandon.signal)
      .catch((error: unknown) => {
        if (abandon.signal.reason === lateness) return reportFailure(lateness.message);
        throw error;
      })
      .finally(() => {
        clearTimeout(timer);
        if (flights.get(key) === flight) flights.delete(key);
      });
    const flight: Flight = { result, abandon, waiters: 0 };
    flights.set(key, flight);
    return flight;
  }

  /** Whoever waits last for an answer takes its process along. */
  async function board(key: string, flight: Flight, signal: AbortSignal): Promise<Collected> {
    flight.waiters++;
    const leave = () => {
      flight.waiters--;
      if (flight.waiters > 0) return;
      flight.abandon.abort();
      if (flights.get(key) === flight) flights.delete(key);
    };
    signal.addEventListener('abort', leave, { once: true });
    try {
      return await flight.result;
    } finally {
      signal.removeEventListener('abort', leave);
    }
  }

  async function stream(request: PackRequest, signal: AbortSignal): Promise<PackAnswer> {
    const child = await start(request, signal);
    if (!child) return { kind: 'busy' };
    const kill = () => child.kill();
    signal.addEventListener('abort', kill, { once: true });
    if (signal.aborted) kill();
    return { kind: 'stream', stream: Readable.from(relay(child, options.log), { objectMode: false }) };
  }

  return {
    async answer(request, signal) {
      signal.throwIfAborted();
      const key = keyOf(request);
      const known = cache.get(key);
      if (known) {
        servedFromMemory++;
        return { kind: 'bytes', bytes: known };
      }
      if (tooLarge.has(key)) return stream(request, signal);
      const joined = flights.get(key);
      if (joined) servedFromMemory++;
      const collected = await board(key, joined ?? takeOff(key, request), signal);
      return collected.kind === 'too-large' ? stream(request, signal) : collected;
    },
    stats: () => ({
      started,
      running: limit.activeCount,
      waiting: limit.pendingCount,
      servedFromMemory,
    }),
  };
}

function keyOf({ commit, protocol, input }: PackRequest): string {
  if (!input) return `${commit} ${protocol} advertisement`;
  return `${commit} ${protocol} ${createHash('sha256').update(input).digest('hex')}`;
}

/** `undefined`: more than `maxBytes`. */
async function readOutput(child: GitProcess, maxBytes: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function* relay(child: GitProcess, log: Log): AsyncGenerator<Buffer> {
  try {
    yield* child.stdout as AsyncIterable<Buffer>;
    const { isOk, detail } = await child.ended;
    if (isOk) return;
    log({ level: 'warn', message: 'git upload-pack failed', fields: { detail } });
    throw new Error(`git upload-pack ${detail}`);
  } finally {
    child.kill();
  }
}
