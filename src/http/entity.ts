import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import type { ByteRange } from '../archives/archive-store.ts';
import { type Answer, type AppRequest, content, type Headers, problem } from './answer.ts';
import { chooseRange, matchesEtag } from './conditional.ts';

export interface EntityFacts {
  /** Without quotes. */
  readonly etag: string;
  readonly headers: Headers;
  readonly sizeBytes: number;
}

/** Bytes that have an identity, whole in memory or readable in parts. */
export interface Entity extends EntityFacts {
  /** A Buffer is sent with one write. */
  readonly source: Buffer | ((range: ByteRange | undefined) => Promise<Readable>);
}

/** Request headers that make the answer to a GET another than all of the bytes. */
const selectiveHeaders = ['if-none-match', 'range'] as const;

export function wantsAll({ method, headers }: Pick<IncomingMessage, 'method' | 'headers'>): boolean {
  return method === 'GET' && selectiveHeaders.every((name) => headers[name] === undefined);
}

/** The headers of an answer with all of the bytes. */
export function wholeHeaders({ etag, headers }: EntityFacts): Headers {
  return { ...headers, ETag: `"${etag}"`, 'Accept-Ranges': 'bytes' };
}

/** Answers GET and HEAD for `entity`: validators, single ranges, and never another encoding of the bytes. */
export function answerEntity(request: AppRequest, entity: Entity): Answer {
  const etag = `"${entity.etag}"`;
  const headers = wholeHeaders(entity);
  if (matchesEtag(request.headers['if-none-match'], etag)) {
    const { 'Content-Type': _, ...kept } = headers as Record<string, string>;
    return content('unchanged', kept);
  }
  const { range, 'if-range': ifRange } = request.headers;
  const choice =
    request.method === 'GET' ? chooseRange(range, singleValue(ifRange), etag, entity.sizeBytes) : 'whole';
  if (choice === 'unsatisfiable')
    return problem(
      'no-such-range',
      `These are ${entity.sizeBytes} bytes; the range ${range} is none of them.`,
      {
        headers: { 'Content-Range': `bytes */${entity.sizeBytes}` },
      },
    );
  if (choice === 'whole') return content('whole', headers, bodyOf(entity, undefined));
  const { start, end } = choice;
  const partHeaders = { ...headers, 'Content-Range': `bytes ${start}-${end}/${entity.sizeBytes}` };
  return content('part', partHeaders, bodyOf(entity, choice));
}

function bodyOf(entity: Entity, range: ByteRange | undefined) {
  const { source } = entity;
  if (Buffer.isBuffer(source)) return range ? source.subarray(range.start, range.end + 1) : source;
  const sizeBytes = range ? range.end - range.start + 1 : entity.sizeBytes;
  return { sizeBytes, open: () => source(range) };
}

function singleValue(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
