import { finished, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { errorCode } from '../support/error-code.ts';
import { type Answer, type AppRequest, type ProblemAnswer, problem } from './answer.ts';

export interface BodyLimits {
  readonly bodyBytes: number;
  /** Of all bodies together, the first `smallBodyBytes` of each aside. */
  readonly allBodiesBytes: number;
}

type RequestBody = { readonly kind: 'body'; readonly bytes: Buffer } | ProblemAnswer;

/** Bodies in memory, from their first byte until `use` has settled. */
export interface BodyReader {
  /**
   * Reads a request body, inflating gzip (git compresses beyond 1 KiB), and answers with what `use` makes of it.
   * Neither the sent nor the inflated form may exceed the limit, as something long may inflate to nothing: a problem 413 then, 503 when too much is in memory,
   * 415 for another encoding, 400 for broken gzip. Rejects if the client leaves.
   */
  withBody(request: AppRequest, use: (bytes: Buffer) => Promise<Answer>): Promise<Answer>;
}

/** Nearly all requests of git are smaller: they are read even while larger ones fill the memory set aside for them. */
const smallBodyBytes = 64 * 1024;

export function createBodyReader(limits: BodyLimits): BodyReader {
  let taken = 0;
  return {
    async withBody(request, use) {
      let size = 0;
      const beyondSmall = () => Math.max(size - smallBodyBytes, 0);
      const admit = (length: number): Refusal | undefined => {
        if (size + length > limits.bodyBytes) return 'too large';
        taken -= beyondSmall();
        size += length;
        taken += beyondSmall();
        return taken > limits.allBodiesBytes && size > smallBodyBytes ? 'too busy' : undefined;
      };
      try {
        const body = await readRequestBody(request, limits.bodyBytes, admit);
        return body.kind === 'body' ? await use(body.bytes) : body;
      } finally {
        taken -= beyondSmall();
      }
    },
  };
}

type Refusal = 'too large' | 'too busy';
/** Counts bytes that have come. */
type Admit = (length: number) => Refusal | undefined;

async function readRequestBody(request: AppRequest, maxBytes: number, admit: Admit): Promise<RequestBody> {
  const encoding = request.headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) return tooLarge(maxBytes);
  if (encoding === 'identity') return readAdmitted(request.body, maxBytes, admit);
  if (encoding !== 'gzip' && encoding !== 'x-gzip')
    return problem('unsupported-type', `The encoding ${JSON.stringify(encoding)} is not supported; gzip is.`);
  const inflated = request.body.pipe(createGunzip());
  const stopWatching = finished(request.body, (error) => error && inflated.destroy(error));
  let isTooLong = false;
  const stopCounting = countBytes(request.body, maxBytes, () => {
    isTooLong = true;
    inflated.destroy();
  });
  try {
    const body = await readAdmitted(inflated, maxBytes, admit);
    return isTooLong ? tooLarge(maxBytes) : body;
  } catch (error) {
    if (isTooLong) return tooLarge(maxBytes);
    if (!errorCode(error)?.startsWith('Z_')) throw error;
    return problem('malformed', 'The body says that it is gzip, but does not inflate.', {
      headers: { Connection: 'close' },
    });
  } finally {
    stopWatching();
    stopCounting();
    request.body.unpipe(inflated);
    inflated.destroy();
  }
}

function countBytes(stream: Readable, maxBytes: number, onExcess: () => void): () => void {
  let size = 0;
  const count = (chunk: Buffer) => {
    size += chunk.length;
    if (size > maxBytes) onExcess();
  };
  stream.on('data', count);
  return () => void stream.off('data', count);
}

/** Leaves the rest unread when there is too much. By events: for a small body an iterator costs several times as much. */
function readAdmitted(stream: Readable, maxBytes: number, admit: Admit): Promise<RequestBody> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const take = (chunk: Buffer) => {
      const refusal = admit(chunk.length);
      if (refusal === undefined) return void chunks.push(chunk);
      stream.off('data', take).pause();
      resolve(refusal === 'too large' ? tooLarge(maxBytes) : tooBusy());
    };
    stream
      .on('data', take)
      .once('end', () => resolve({ kind: 'body', bytes: join(chunks) }))
      .once('error', reject)
      .once('close', () => {
        if (!stream.readableEnded) reject(new Error('the body broke off'));
      });
  });
}

function join(chunks: readonly Buffer[]): Buffer {
  const [first, ...others] = chunks;
  return first && others.length === 0 ? first : Buffer.concat(chunks);
}

function tooBusy(): ProblemAnswer {
  return problem('busy', 'Too many large requests are being read at once.', {
    retryAfterMs: 2000,
    headers: { Connection: 'close' },
  });
}

function tooLarge(maxBytes: number): ProblemAnswer {
  return problem('too-large', `The request body is larger than ${maxBytes} bytes.`, {
    headers: { Connection: 'close' },
  });
}
