import { Readable } from 'node:stream';
import type { HttpBody } from './http-request.ts';

export function jsonBody(value: object): HttpBody {
  const bytes = Buffer.from(JSON.stringify(value));
  return {
    contentType: 'application/json',
    sizeBytes: bytes.length,
    open: () => Readable.from([bytes], { objectMode: false }),
  };
}
