import { createHash } from 'node:crypto';
import { StorageError } from '../../errors.ts';
import { encodeTarHeader, tarEnd, tarPadding } from '../../support/disk/ustar.ts';
import { type Member, nameOfMember } from './members.ts';

/** One file of a backup. */
export interface Content {
  readonly member: Member;
  readonly sizeBytes: number;
  /** Exactly that many bytes, of what they are said to be. */
  read(): AsyncIterable<Buffer> | Iterable<Buffer>;
}

/**
 * The bytes of a backup: a tar archive of what is given, and last of all the checksum of each file in it, as `sha256sum`
 * writes and checks them. Throws `StorageError` where a file is not what it was said to be.
 */
export async function* composeBackup(
  contents: AsyncIterable<Content> | Iterable<Content>,
  madeAt: Date,
): AsyncGenerator<Buffer, void, undefined> {
  const mtime = Math.floor(madeAt.getTime() / 1000);
  const checksums: string[] = [];

  async function* add({ member, sizeBytes, read }: Content) {
    const name = nameOfMember(member);
    const hash = createHash('sha256');
    let written = 0;
    yield encodeTarHeader({ name, sizeBytes }, mtime);
    for await (const piece of read()) {
      hash.update(piece);
      written += piece.length;
      yield piece;
    }
    const checksum = hash.digest('hex');
    const isAsSaid = !('checksum' in member) || member.checksum === checksum;
    if (written !== sizeBytes || !isAsSaid)
      throw new StorageError(`${name} changed while it was read`, { hint: 'run the same command again' });
    yield tarPadding(sizeBytes);
    checksums.push(checksumLine(checksum, name));
  }

  for await (const content of contents) yield* add(content);
  const last = Buffer.from(checksums.join(''));
  yield* add({ member: { kind: 'checksums' }, sizeBytes: last.length, read: () => [last] });
  yield tarEnd;
}

/** As `sha256sum` writes it. */
export function checksumLine(checksum: string, name: string): string {
  return `${checksum}  ${name}\n`;
}
