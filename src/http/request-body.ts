import { finished, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { AppRequest, ProblemAnswer } from './answer.ts';
import { problem } from './answer.ts';

export type RequestBody = { readonly kind: 'body'; readonly bytes: Buffer } | ProblemAnswer;

/**
 * Reads a request body, inflating gzip (git compresses beyond 1 KiB). Neither the sent nor the inflated form may
 * exceed `maxBytes`: a problem 413 then, 415 for another encoding, 400 for broken gzip. Rejects if the client leaves.
 */
export async function readRequestBody(request: AppRequest, maxBytes: number): Promise<RequestBody> {
  const encoding = request.headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) return tooLarge(maxBytes);
  if (encoding === 'identity') return (await readBounded(request.body, maxBytes)) ?? tooLarge(maxBytes);
  if (encoding !== 'gzip' && encoding !== 'x-gzip')
    return problem(415, `The encoding ${JSON.stringify(encoding)} is not supported; gzip is.`);
  const inflated = request.body.pipe(createGunzip());
  const stopWatching = finished(request.body, (error) => error && inflated.destroy(error));
  try {
    return (await readBounded(inflated, maxBytes)) ?? tooLarge(maxBytes);
  } catch (error) {
    if (!isZlibError(error)) throw error;
    return problem(400, 'The body says that it is gzip, but does not inflate.');
  } finally {
    stopWatching();
    request.body.unpipe(inflated);
    inflated.destroy();
  }
}

/** Leaves the rest unread when there is too much. */
async function readBounded(stream: Readable, maxBytes: number): Promise<RequestBody | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return { kind: 'body', bytes: Buffer.concat(chunks) };
}

function tooLarge(maxBytes: number): ProblemAnswer {
  return problem(413, `The request body is larger than ${maxBytes} bytes.`, {
    headers: { Connection: 'close' },
  });
}

function isZlibError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && /^Z_/.test(String(error.code));
}
