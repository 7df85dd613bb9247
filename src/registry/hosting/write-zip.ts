import { crc32 } from 'node:zlib';
import { deflateSync } from 'fflate';

export interface ZipFile {
  readonly path: string;
  readonly content: Uint8Array;
  readonly isExecutable: boolean;
}

/** 1 January 1980, 0:00: the least that a zip file can state. Nothing here asks what time it is, nor where. */
const date = 0x0021;
const flags = { plain: 0, utf8: 0x0800 };
const methods = { stored: 0, deflated: 8 };
const versionNeeded = 20;
const madeOnUnix = (3 << 8) | versionNeeded;

/**
 * A zip file of these files in this order, as `checkArchive` wants one. The same files give the same bytes on every machine:
 * fflate deflates in JavaScript, where zlib differs between builds of Node.js. For less than 4 GiB and 65,535 files.
 */
export function writeZip(files: readonly ZipFile[]): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const file of files) {
    const name = Buffer.from(file.path);
    const packed = pack(file.content);
    const shared = sharedFields(file, name, packed);
    const local = Buffer.concat([
      fields([4, 0x04034b50], [2, versionNeeded]),
      shared,
      fields([2, 0]),
      name,
      packed.bytes,
    ]);
    const mode = file.isExecutable ? 0o100755 : 0o100644;
    directory.push(
      ...[fields([4, 0x02014b50], [2, madeOnUnix], [2, versionNeeded]), shared],
      ...[fields([2, 0], [2, 0], [2, 0], [2, 0], [2, 0], [2, mode], [4, at]), name],
    );
    locals.push(local);
    at += local.length;
  }
  const list = Buffer.concat(directory);
  const end = fields(
    [4, 0x06054b50],
    [4, 0],
    [2, files.length],
    [2, files.length],
    [4, list.length],
    [4, at],
    [2, 0],
  );
  return Buffer.concat([...locals, list, end]);
}

interface Packed {
  readonly method: number;
  readonly bytes: Uint8Array;
}

/** Stored where deflating does not make it smaller. */
function pack(content: Uint8Array): Packed {
  const bytes = deflateSync(content, { level: 6 });
  return bytes.length < content.length
    ? { method: methods.deflated, bytes }
    : { method: methods.stored, bytes: content };
}

/** What the local header and the list of entries both have, from the flags to the length of the name. */
function sharedFields({ content }: ZipFile, name: Buffer, { method, bytes }: Packed): Buffer {
  const isAscii = name.every((byte) => byte < 0x80);
  return fields(
    ...([
      [2, isAscii ? flags.plain : flags.utf8],
      [2, method],
      [2, 0],
      [2, date],
    ] as const),
    ...([
      [4, crc32(content)],
      [4, bytes.length],
      [4, content.length],
      [2, name.length],
    ] as const),
  );
}

function fields(...values: readonly (readonly [size: 2 | 4, value: number])[]): Buffer {
  const bytes = Buffer.alloc(values.reduce((sum, [size]) => sum + size, 0));
  let at = 0;
  for (const [size, value] of values) at = bytes.writeUIntLE(value, at, size);
  return bytes;
}
