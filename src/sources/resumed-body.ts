import { Readable } from 'node:stream';
import type { MonotonicClock } from '../support/flow/monotonic-clock.ts';
import { timeoutError, transportFailure } from '../support/net/http-failure.ts';
import type { HttpResponse } from '../support/net/http-request.ts';
import type { HttpAnswer } from './http-answer.ts';
import type { BodyProgress } from './source.ts';

export interface ResumedBodyOptions {
  /** Asks for the same file again, with other headers. */
  readonly askAgain: (headers: Readonly<Record<string, string>>) => Promise<HttpAnswer>;
  readonly clock: Pick<MonotonicClock, 'now'>;
}

export interface ResumedBody {
  readonly body: Readable;
  progress(): BodyProgress;
}

/** A part that brings less than this is no progress. */
const progressBytes = 64 * 1024;
/** How many parts in a row may bring no progress. */
const partsWithoutProgress = 3;
/** Who sends less than `slowestBytesPerSecond` for so long is not waited for: a place at the source is not held for ever. */
const slowestWindowMs = 60_000;
const slowestBytesPerSecond = 1024;

/**
 * The body of `first` as one stream that survives broken connections: the rest is asked for by a range (RFC 9110 §14),
 * and taken where validators say that it is the rest of the same. An answer with everything is read up to where the first broke
 * off; one that is another thing ends the stream with `BODY_CHANGED`, and whoever reads begins anew. It may take as long
 * as it arrives at a bearable speed. Nothing is verified here: the checksum is that of all parts together.
 */
export function resumeBody(first: HttpResponse, { askAgain, clock }: ResumedBodyOptions): ResumedBody {
  const entity = describeEntity(first);
  const meter = createMeter(clock);
  let current = first.body;
  let passedOn = 0;
  /** Of the current part, what was passed on already. */
  let toSkip = 0;
  const patience = createPatience();

  const body = new Readable({
    read() {
      meter.start();
      current.resume();
    },
    destroy(error, callback) {
      current.destroy();
      callback(error);
    },
  });
  // Destroying a body that nobody reads must not end the process: readers add listeners of their own.
  body.on('error', () => {});

  function take(chunk: Buffer): void {
    meter.count(chunk.length);
    if (meter.isTooSlow()) return void body.destroy(timeoutError('pace'));
    const fresh = chunk.subarray(Math.min(toSkip, chunk.length));
    toSkip -= chunk.length - fresh.length;
    if (fresh.length === 0) return;
    passedOn += fresh.length;
    if (body.push(fresh)) return;
    meter.stop();
    current.pause();
  }

  function listen(part: Readable): void {
    current = part;
    const isCurrent = () => current === part && !body.destroyed;
    part.on('data', (chunk: Buffer) => isCurrent() && take(chunk));
    part.on('end', () => {
      if (!isCurrent()) return;
      if (passedOn === (entity.sizeBytes ?? passedOn)) body.push(null);
      else goOn(brokenOff());
    });
    part.on('error', (error) => isCurrent() && goOn(error));
    part.pause();
  }

  function goOn(error: Error): void {
    if (!patience.mayGoOn(error, passedOn)) return void body.destroy(error);
    meter.start();
    askForRest(error).catch((failure: Error) => body.destroy(failure));
  }

  async function askForRest(error: Error): Promise<void> {
    const answer = await askAgain(entity.headersFor(passedOn));
    if (answer.kind !== 'ok') return void body.destroy(error);
    const { response } = answer;
    const start = entity.startOf(response, passedOn);
    if (body.destroyed || start === undefined) {
      response.discard();
      body.destroy(changed());
      return;
    }
    toSkip = passedOn - start;
    listen(response.body);
    response.body.resume();
  }

  listen(first.body);
  return { body, progress: meter.progress };
}

/** Whether it is worth asking for the rest once more. */
function createPatience() {
  let passedOnBefore = 0;
  let idleParts = 0;
  return {
    mayGoOn(error: Error, passedOn: number): boolean {
      const hasProgressed = passedOn - passedOnBefore >= progressBytes;
      idleParts = hasProgressed ? 0 : idleParts + 1;
      passedOnBefore = passedOn;
      const reason = transportFailure(error)?.reason;
      return (reason === 'connection' || reason === 'timeout') && idleParts <= partsWithoutProgress;
    },
  };
}

/** What is known of a file by its first answer, and which later answers are of the same. */
function describeEntity(first: HttpResponse) {
  const sizeBytes = lengthOf(first);
  const etag = strongEtag(first);
  const isKnown = etag !== undefined || sizeBytes !== undefined;
  const givesRanges = first.headers['accept-ranges']?.trim().toLowerCase() !== 'none';

  return {
    sizeBytes,
    headersFor(start: number): Record<string, string> {
      if (start === 0 || !isKnown || !givesRanges) return {};
      return { range: `bytes=${start}-`, ...(etag === undefined ? {} : { 'if-range': etag }) };
    },
    /** The position in the file at which the answer begins, at most `wanted`; nothing where it is of another file. */
    startOf(response: HttpResponse, wanted: number): number | undefined {
      const itsEtag = strongEtag(response);
      if (itsEtag !== undefined && itsEtag !== etag) return undefined;
      if (response.status === 200) {
        const isSame = lengthOf(response) === sizeBytes && (isKnown || wanted === 0);
        return isSame ? 0 : undefined;
      }
      const [, start, total] =
        /^bytes (\d{1,15})-\d{1,15}\/(\d{1,15}|\*)$/.exec(contentRange(response)) ?? [];
      const isSameSize = total === '*' ? etag !== undefined : Number(total) === (sizeBytes ?? Number(total));
      return Number(start) === wanted && isSameSize ? wanted : undefined;
    },
  };
}

function contentRange(response: HttpResponse): string {
  return response.headers['content-range']?.trim() ?? '';
}

/** A `Content-Length` of an answer with everything. */
export function lengthOf({ headers }: HttpResponse): number | undefined {
  const length = headers['content-length'];
  return length !== undefined && /^\d{1,15}$/.test(length) ? Number(length) : undefined;
}

function strongEtag({ headers }: HttpResponse): string | undefined {
  return headers.etag !== undefined && /^"[^"]*"$/.test(headers.etag) ? headers.etag : undefined;
}

/** How much came, and how long it was waited for. */
function createMeter(clock: Pick<MonotonicClock, 'now'>) {
  let receivedBytes = 0;
  let waitedMs = 0;
  let waitingSince: number | undefined;
  let window = { receivedBytes: 0, waitedMs: 0 };
  const waited = () => waitedMs + (waitingSince === undefined ? 0 : clock.now() - waitingSince);

  return {
    start() {
      waitingSince ??= clock.now();
    },
    stop() {
      waitedMs = waited();
      waitingSince = undefined;
    },
    count(bytes: number) {
      receivedBytes += bytes;
    },
    progress: (): BodyProgress => ({ receivedBytes, waitedMs: waited() }),
    isTooSlow(): boolean {
      const ms = waited() - window.waitedMs;
      if (ms < slowestWindowMs) return false;
      const bytes = receivedBytes - window.receivedBytes;
      window = { receivedBytes, waitedMs: waited() };
      return bytes < (slowestBytesPerSecond * ms) / 1000;
    },
  };
}

function brokenOff(): Error {
  return Object.assign(new Error('the answer is shorter than it says'), { code: 'UND_ERR_SOCKET' });
}

function changed(): Error {
  return Object.assign(new Error('the file has changed on the way'), { code: 'BODY_CHANGED' });
}
