import { Readable } from 'node:stream';
import type { HttpBody } from './http-request.ts';

export function formBody(form: Readonly<Record<string, string>>): HttpBody {
  const bytes = Buffer.from(new URLSearchParams(form).toString());
  return {
    contentType: 'application/x-www-form-urlencoded',
    sizeBytes: bytes.length,
    open: () => Readable.from([bytes], { objectMode: false }),
  };
}
