import { IntegrityError } from '../../errors.ts';

/** A file in a tar archive: its name there and its size. */
export interface TarMember {
  /** Path in the archive, at most 100 bytes of ASCII; folders are set off by `/`. */
  readonly name: string;
  readonly sizeBytes: number;
}

export const tarBlockBytes = 512;
/** What ends a tar archive: two blocks of zeros. */
export const tarEnd: Buffer = Buffer.alloc(2 * tarBlockBytes);

const maxNameBytes = 100;
/** Eleven octal digits. */
const maxSizeBytes = 8 ** 11 - 1;

/**
 * The block that stands before a file (POSIX.1-2017, pax, "ustar Interchange Format"): an ordinary file that its owner may
 * read and write, of nobody in particular. `mtime` is in seconds since the epoch.
 */
export function encodeTarHeader({ name, sizeBytes }: TarMember, mtime: number): Buffer {
  if (!/^[!-~]+$/.test(name) || name.length > maxNameBytes)
    throw new Error(`${name} cannot stand in a tar file`);
  if (sizeBytes > maxSizeBytes) throw new Error(`${name} is too large for a tar file: ${sizeBytes} bytes`);
  const block = Buffer.alloc(tarBlockBytes);
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, '0')}\0`;
  block.write(name, 0, 'latin1');
  block.write(octal(0o600, 7), 100, 'latin1');
  block.write(octal(0, 7), 108, 'latin1');
  block.write(octal(0, 7), 116, 'latin1');
  block.write(octal(sizeBytes, 11), 124, 'latin1');
  block.write(octal(mtime, 11), 136, 'latin1');
  block.write('0', 156, 'latin1');
  block.write('ustar\u000000', 257, 'latin1');
  block.write(`${sumOf(block).toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** Zeros that fill the last block of a file. */
export function tarPadding(sizeBytes: number): Buffer {
  return Buffer.alloc((tarBlockBytes - (sizeBytes % tarBlockBytes)) % tarBlockBytes);
}

/**
 * Reads a block that `encodeTarHeader` has written; `undefined` for one of zeros. Anything else is refused: links, folders,
 * devices, extensions, other writers' headers. So what is read is byte for byte what would be written for it.
 */
export function parseTarHeader(block: Buffer): TarMember | undefined {
  if (block.equals(tarEnd.subarray(0, tarBlockBytes))) return undefined;
  const name = block.toString('latin1', 0, block.indexOf(0));
  const sizeBytes = octalAt(block, 124);
  const mtime = octalAt(block, 136);
  const isOurs =
    sizeBytes !== undefined &&
    mtime !== undefined &&
    /^[!-~]{1,100}$/.test(name) &&
    encodeTarHeader({ name, sizeBytes }, mtime).equals(block);
  if (!isOurs) throw new IntegrityError('a header in it is damaged, or of another kind of file');
  return { name, sizeBytes };
}

function octalAt(block: Buffer, offset: number): number | undefined {
  const text = block.toString('latin1', offset, offset + 11);
  return /^[0-7]{11}$/.test(text) ? Number.parseInt(text, 8) : undefined;
}

/** The sum of all bytes, those of the sum itself taken as spaces. */
function sumOf(block: Buffer): number {
  let sum = 8 * 32;
  for (const [offset, byte] of block.entries()) if (offset < 148 || offset >= 156) sum += byte;
  return sum;
}
