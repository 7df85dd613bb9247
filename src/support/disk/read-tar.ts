import { IntegrityError } from '../../errors.ts';
import { parseTarHeader, type TarMember, tarBlockBytes, tarPadding } from './ustar.ts';

export interface TarEntry extends TarMember {
  /** The file's bytes, to be read once. What is not taken is passed over. Throws `IntegrityError` where the file is cut. */
  readonly body: AsyncIterable<Buffer>;
}

/**
 * The files of a tar archive as they come, each of which must be dealt with before the next. Holds one piece of what it
 * reads at a time. Throws `IntegrityError` where anything else stands than `encodeTarHeader` and its kin write, and where
 * the end is missing.
 */
export async function* readTar(pieces: AsyncIterable<Buffer>): AsyncGenerator<TarEntry, void, undefined> {
  const source = createByteSource(pieces);
  for (;;) {
    const member = parseTarHeader(await source.take(tarBlockBytes));
    if (member === undefined) break;
    const section = source.section(member.sizeBytes);
    yield { ...member, body: section.read() };
    await section.skip();
    requireZeros(await source.take(tarPadding(member.sizeBytes).length));
  }
  requireZeros(await source.take(tarBlockBytes));
  // Tapes and some tools fill up with zeros.
  for await (const piece of source.rest()) requireZeros(piece);
}

function createByteSource(pieces: AsyncIterable<Buffer>) {
  const iterator = pieces[Symbol.asyncIterator]();
  let pending: Buffer = Buffer.alloc(0);

  /** At most that many bytes, and at least one; none at the end. */
  async function some(maxBytes: number): Promise<Buffer> {
    while (pending.length === 0) {
      const next = await iterator.next();
      if (next.done) return pending;
      pending = next.value;
    }
    const taken = pending.subarray(0, maxBytes);
    pending = pending.subarray(taken.length);
    return taken;
  }

  function section(sizeBytes: number) {
    let left = sizeBytes;
    async function* read(): AsyncGenerator<Buffer, void, undefined> {
      while (left > 0) {
        const piece = await some(left);
        if (piece.length === 0) throw new IntegrityError('it ends too early');
        left -= piece.length;
        yield piece;
      }
    }
    return {
      read,
      async skip(): Promise<void> {
        for await (const piece of read()) void piece;
      },
    };
  }

  return {
    section,
    async take(sizeBytes: number): Promise<Buffer> {
      const parts: Buffer[] = [];
      for await (const part of section(sizeBytes).read()) parts.push(part);
      return Buffer.concat(parts);
    },
    async *rest(): AsyncGenerator<Buffer, void, undefined> {
      for (let piece = await some(largestRest); piece.length > 0; piece = await some(largestRest))
        yield piece;
    },
  };
}

const largestRest = 64 * 1024;

function requireZeros(bytes: Buffer): void {
  if (bytes.some((byte) => byte !== 0))
    throw new IntegrityError('something stands in it where nothing belongs');
}
