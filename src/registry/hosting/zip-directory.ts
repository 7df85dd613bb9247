import type { ByteSource } from './byte-source.ts';
import type { ProblemList } from './publish-problem.ts';
import type { ZipEntry } from './zip-entry.ts';

/** The list of entries at the end of a zip file, and where it begins: everything before it is entries. */
export interface ZipDirectory {
  readonly entries: readonly ZipEntry[];
  readonly at: number;
}

const endRecord = { signature: 0x06054b50, sizeBytes: 22, longestComment: 0xffff };
const zip64Locator = { signature: 0x07064b50, sizeBytes: 20 };
const header = { signature: 0x02014b50, sizeBytes: 46 };
/** Of the whole list. It is read into memory: 10,000 entries with long names are 2 MB. */
const longestDirectory = 16 * 1024 * 1024;

/**
 * Reads the list of entries of a zip file that can be read in one way only: its last bytes are its end record, the list
 * ends where that begins, and nothing in either is of another kind (zip64, several disks). `undefined` where it is not;
 * why stands in `problems`. Reads at most 16 MiB.
 */
export async function readZipDirectory(
  bytes: ByteSource,
  maxEntries: number,
  problems: ProblemList,
): Promise<ZipDirectory | undefined> {
  const end = await findEnd(bytes, problems);
  if (!end) return undefined;
  if (end.entryCount > maxEntries) {
    problems.error(
      'too-many-entries',
      `it has ${end.entryCount} entries, and ${maxEntries} may be published`,
    );
    return undefined;
  }
  if (end.directoryBytes > longestDirectory) {
    problems.error(
      'directory-damaged',
      `its list of entries has ${end.directoryBytes} bytes, more than any real one`,
    );
    return undefined;
  }
  const list = await bytes.read(end.directoryAt, end.directoryBytes);
  const entries = readEntries(list, end.entryCount);
  if (entries) return { entries, at: end.directoryAt };
  problems.error('directory-damaged', 'its list of entries is damaged: it does not hold what it states');
  return undefined;
}

interface End {
  readonly entryCount: number;
  readonly directoryAt: number;
  readonly directoryBytes: number;
}

async function findEnd(bytes: ByteSource, problems: ProblemList): Promise<End | undefined> {
  const tailAt = Math.max(0, bytes.sizeBytes - endRecord.sizeBytes - endRecord.longestComment);
  const tail = await bytes.read(tailAt, bytes.sizeBytes - tailAt);
  // The last one, as all readers look for it: an earlier one may belong to a zip file that is stored in this one.
  const at = tail.lastIndexOf('PK\x05\x06', Math.max(0, tail.length - endRecord.sizeBytes), 'latin1');
  if (at < 0 || tail.length < endRecord.sizeBytes) {
    problems.error(
      'not-a-zip',
      'it is no zip file: it has no end record, so it is something else or was cut off',
    );
    return undefined;
  }
  if (tail.length !== at + endRecord.sizeBytes + tail.readUInt16LE(at + 20)) {
    problems.error('trailing-data', 'something stands behind the end of the zip file');
    return undefined;
  }
  return readEnd(tail, at, tailAt, problems);
}

function readEnd(tail: Buffer, at: number, tailAt: number, problems: ProblemList): End | undefined {
  const [disk, directoryDisk, onThisDisk, entryCount] = [4, 6, 8, 10].map((offset) =>
    tail.readUInt16LE(at + offset),
  );
  const directoryBytes = tail.readUInt32LE(at + 12);
  const directoryAt = tail.readUInt32LE(at + 16);
  const locatorAt = at - zip64Locator.sizeBytes;
  const hasLocator = locatorAt >= 0 && tail.readUInt32LE(locatorAt) === zip64Locator.signature;
  if (hasLocator || entryCount === 0xffff || directoryBytes === 0xffffffff || directoryAt === 0xffffffff) {
    problems.error(
      'zip64',
      'it is a zip64 file, which no archive of a module has to be: pack it without zip64',
    );
    return undefined;
  }
  if (disk !== 0 || directoryDisk !== 0 || onThisDisk !== entryCount || entryCount === undefined) {
    problems.error('directory-damaged', 'it is a part of a zip file that spans several disks');
    return undefined;
  }
  const listEnd = directoryAt + directoryBytes;
  if (listEnd === tailAt + at) return { entryCount, directoryAt, directoryBytes };
  if (listEnd < tailAt + at)
    problems.error(
      'prepended-data',
      `${tailAt + at - listEnd} bytes stand before the zip file, or between its list of entries and its end`,
    );
  else
    problems.error(
      'directory-damaged',
      'its list of entries is damaged: it would end behind the end of the file',
    );
  return undefined;
}

function readEntries(list: Buffer, count: number): ZipEntry[] | undefined {
  const entries: ZipEntry[] = [];
  let at = 0;
  for (let index = 0; index < count; index++) {
    if (at + header.sizeBytes > list.length || list.readUInt32LE(at) !== header.signature) return undefined;
    const nameAt = at + header.sizeBytes;
    const extraAt = nameAt + list.readUInt16LE(at + 28);
    const commentAt = extraAt + list.readUInt16LE(at + 30);
    const next = commentAt + list.readUInt16LE(at + 32);
    if (next > list.length) return undefined;
    entries.push({
      rawName: list.subarray(nameAt, extraAt),
      flags: list.readUInt16LE(at + 8),
      method: list.readUInt16LE(at + 10),
      crc: list.readUInt32LE(at + 16),
      packedBytes: list.readUInt32LE(at + 20),
      unpackedBytes: list.readUInt32LE(at + 24),
      // Whatever system is said to have made it: some readers look at that, some do not.
      mode: list.readUInt16LE(at + 40),
      disk: list.readUInt16LE(at + 34),
      at: list.readUInt32LE(at + 42),
      extra: list.subarray(extraAt, commentAt),
    });
    at = next;
  }
  return at === list.length ? entries : undefined;
}
