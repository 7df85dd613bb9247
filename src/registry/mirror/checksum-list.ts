import type { ArchiveStore } from '../../archives/archive-store.ts';
import { type Checksum, isChecksum } from '../../model/checksum.ts';

/**
 * Checksums in ascending order, each with a newline behind it: bytes of a file as it is written. There may be a million of them,
 * which are looked up without being taken apart: as strings they would fill the memory.
 */
export type ChecksumList = Buffer;

const lineLength = 65;
/** Of what is written at once, where nothing stood before. */
const pieceLength = 1024 * lineLength;
/** Beyond this many, listing the whole store is cheaper than looking for each archive. */
const manyArchives = 500;

/** The list with these among them, in pieces to be written one after the other. */
export function* addChecksums(list: ChecksumList, added: Iterable<Checksum>): Generator<Buffer> {
  let taken = 0;
  let lines = '';
  for (const checksum of [...new Set(added)].sort()) {
    const place = findPlace(list, checksum);
    if (checksumAt(list, place) === checksum) continue;
    const start = place * lineLength;
    if (start > taken || lines.length >= pieceLength) {
      yield Buffer.from(lines, 'latin1');
      yield list.subarray(taken, start);
      lines = '';
    }
    lines += `${checksum}\n`;
    taken = start;
  }
  yield Buffer.from(lines, 'latin1');
  yield list.subarray(taken);
}

/** Whether each of them is in the store; no for a list that is none. */
export async function areAllHere(list: ChecksumList, archives: ArchiveStore): Promise<boolean> {
  const count = list.length / lineLength;
  if (count < manyArchives) {
    const checksums = list.toString('latin1').split('\n');
    if (checksums.pop() !== '' || !checksums.every(isChecksum)) return false;
    for (const checksum of checksums) if (!(await archives.has(checksum))) return false;
    return true;
  }
  let found = 0;
  for await (const names of archives.names()) {
    const sorted = [...names].sort();
    let place = findPlace(list, sorted[0] ?? '');
    let next = checksumAt(list, place);
    for (const name of sorted) {
      while (next < name && place < count) next = checksumAt(list, ++place);
      if (next === name) found += 1;
    }
  }
  return found === count;
}

/** Empty beyond the last one. */
function checksumAt(list: ChecksumList, place: number): string {
  return list.toString('latin1', place * lineLength, (place + 1) * lineLength - 1);
}

/** The number of checksums in the list that come before this one. */
function findPlace(list: ChecksumList, checksum: string): number {
  let [from, to] = [0, Math.floor(list.length / lineLength)];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (checksumAt(list, middle) < checksum) from = middle + 1;
    else to = middle;
  }
  return from;
}
