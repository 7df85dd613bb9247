/** The form in which modules are published (moon-protocol §14): `token`, perhaps `dry_run` and `stage`, and a `file` for each module. */
import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import type { HttpBody } from '../support/net/http-request.ts';

export interface ArchiveToSend {
  readonly module: string;
  readonly version: string;
  readonly bytes: Uint8Array;
}

export interface PublishForm {
  readonly token: string;
  readonly dryRun: boolean;
  /** Whether it is to wait until somebody approves it. */
  readonly stage: boolean;
  readonly archives: readonly ArchiveToSend[];
}

const pieceBytes = 64 * 1024;

/** `onSent` hears how many of the bytes have been taken, from 0 on with each attempt. */
export function createPublishForm(
  { token, dryRun, stage, archives }: PublishForm,
  onSent: (bytes: number) => void = () => {},
): HttpBody {
  const boundary = `moonbit-registry-${randomUUID()}`;
  const marks = [...(dryRun ? ['dry_run'] : []), ...(stage ? ['stage'] : [])];
  const texts = [{ name: 'token', text: token }, ...marks.map((name) => ({ name, text: 'true' }))];
  const parts = [
    ...texts.map(({ name, text }) => [head(boundary, `name="${name}"`), Buffer.from(text)]),
    ...archives.map((archive) => [
      head(boundary, `name="file"; filename="${fileNameOf(archive)}"`, 'Content-Type: application/zip'),
      archive.bytes,
    ]),
  ].flatMap(([before = empty, content = empty]) => [before, content, lineEnd]);
  const bytes = [...parts, Buffer.from(`--${boundary}--\r\n`)];
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    sizeBytes: bytes.reduce((sum, { length }) => sum + length, 0),
    open: () => Readable.from(inPieces(bytes, onSent), { objectMode: false }),
  };
}

const empty = Buffer.alloc(0);
const lineEnd = Buffer.from('\r\n');

function head(boundary: string, disposition: string, ...more: readonly string[]): Buffer {
  const lines = [`--${boundary}`, `Content-Disposition: form-data; ${disposition}`, ...more, '', ''];
  return Buffer.from(lines.join('\r\n'));
}

function* inPieces(parts: readonly Uint8Array[], onSent: (bytes: number) => void): Generator<Uint8Array> {
  let sent = 0;
  for (const part of parts)
    for (let at = 0; at < part.length; at += pieceBytes) {
      onSent(sent);
      const piece = part.subarray(at, at + pieceBytes);
      yield piece;
      sent += piece.length;
    }
  onSent(sent);
}

/** As the client names it; nothing rests on it. */
function fileNameOf({ module, version }: ArchiveToSend): string {
  return `${module}-${version}.zip`.replace(/[^\w.+-]/g, '-');
}
