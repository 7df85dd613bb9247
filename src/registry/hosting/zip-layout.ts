import { shortJson } from '../../model/short-json.ts';
import type { ByteSource } from './byte-source.ts';
import type { ProblemList } from './publish-problem.ts';
import type { ZipDirectory } from './zip-directory.ts';
import { checkExtras } from './zip-entries.ts';
import { type ZipEntry, zipFlags } from './zip-entry.ts';
import type { NamedEntry } from './zip-names.ts';

/** An entry whose local header says what the list of entries says. */
export interface PlacedEntry extends NamedEntry {
  /** Where its bytes begin. */
  readonly dataAt: number;
}

const localHeader = { signature: 0x04034b50, sizeBytes: 30 };
const descriptorSignature = 0x08074b50;

/**
 * Looks at the local header of every entry, and whether the entries fill the file from its first byte to the list of
 * entries, each beginning where another ends: so there is nothing in the file that some reader sees and another does not.
 */
export async function placeEntries(
  bytes: ByteSource,
  directory: ZipDirectory,
  named: readonly NamedEntry[],
  problems: ProblemList,
): Promise<PlacedEntry[]> {
  const inOrder = [...named].sort((left, right) => left.entry.at - right.entry.at);
  const placed: PlacedEntry[] = [];
  let filledTo = 0;
  for (const [index, one] of inOrder.entries()) {
    const { entry, path } = one;
    if (entry.at !== filledTo) {
      reportPlace(filledTo, entry.at, `before ${shortJson(path)}`, problems);
      return placed;
    }
    const next = inOrder[index + 1]?.entry.at ?? directory.at;
    const dataAt = await readLocalHeader(bytes, one, problems);
    if (dataAt === undefined) return placed;
    const dataEnd = dataAt + entry.packedBytes;
    filledTo = dataEnd + (await descriptorBytes(bytes, entry, dataEnd, next - dataEnd));
    placed.push({ ...one, dataAt });
  }
  if (filledTo !== directory.at) reportPlace(filledTo, directory.at, 'before the list of entries', problems);
  return placed;
}

function reportPlace(filledTo: number, next: number, where: string, problems: ProblemList): void {
  const size = next - filledTo;
  if (size < 0) problems.error('overlapping-entries', `entries overlap by ${-size} bytes ${where}`);
  else if (filledTo === 0)
    problems.error('prepended-data', `${size} bytes stand ${where}, which no entry holds`);
  else problems.error('hidden-data', `${size} bytes stand ${where}, which no entry holds`);
}

async function readLocalHeader(
  bytes: ByteSource,
  { entry, path }: NamedEntry,
  problems: ProblemList,
): Promise<number | undefined> {
  const shown = shortJson(path);
  const fixed = await bytes.read(entry.at, localHeader.sizeBytes);
  if (fixed.length < localHeader.sizeBytes || fixed.readUInt32LE(0) !== localHeader.signature) {
    problems.error('entry-damaged', `where ${shown} should begin, no entry begins`);
    return undefined;
  }
  const nameBytes = fixed.readUInt16LE(26);
  const extraBytes = fixed.readUInt16LE(28);
  const rest = await bytes.read(entry.at + localHeader.sizeBytes, nameBytes + extraBytes);
  if (rest.length < nameBytes + extraBytes || !rest.subarray(0, nameBytes).equals(entry.rawName)) {
    problems.error('entry-damaged', `${shown} has another name where its bytes are`);
    return undefined;
  }
  checkExtras(rest.subarray(nameBytes), shown, problems);
  if (!agrees(fixed, entry)) {
    problems.error(
      'entry-damaged',
      `${shown} has another size, checksum, flag or method where its bytes are`,
    );
    return undefined;
  }
  return entry.at + localHeader.sizeBytes + nameBytes + extraBytes;
}

function agrees(fixed: Buffer, entry: ZipEntry): boolean {
  const stated = [14, 18, 22].map((offset) => fixed.readUInt32LE(offset));
  const expected = [entry.crc, entry.packedBytes, entry.unpackedBytes];
  const isLater = (entry.flags & zipFlags.descriptor) !== 0;
  return (
    fixed.readUInt16LE(6) === entry.flags &&
    fixed.readUInt16LE(8) === entry.method &&
    stated.every((value, index) => value === expected[index] || (isLater && value === 0))
  );
}

/** How long the descriptor behind the bytes is, if there is one that says what the list of entries says; else 0. */
async function descriptorBytes(
  bytes: ByteSource,
  entry: ZipEntry,
  at: number,
  room: number,
): Promise<number> {
  if ((entry.flags & zipFlags.descriptor) === 0 || (room !== 12 && room !== 16)) return 0;
  const found = await bytes.read(at, room);
  if (found.length < room || (room === 16 && found.readUInt32LE(0) !== descriptorSignature)) return 0;
  const stated = [0, 4, 8].map((offset) => found.readUInt32LE(room - 12 + offset));
  const expected = [entry.crc, entry.packedBytes, entry.unpackedBytes];
  return stated.every((value, index) => value === expected[index]) ? room : 0;
}
