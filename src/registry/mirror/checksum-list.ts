import type { ArchiveStore } from '../../archives/archive-store.ts';
import { type Checksum, isChecksum } from '../../model/checksum.ts';

/**
 * Checksums in ascending order, each with a newline behind it: a file as it is written. There may be a million of them, which take
 * half as much memory in one string, and are looked up without being taken apart.
 */
export type ChecksumList = string;

const lineLength = 65;
/** Beyond this many, listing the whole store is cheaper than looking for each archive. */
const manyArchives = 500;

export function addChecksums(list: ChecksumList, added: Iterable<Checksum>): ChecksumList {
  const pieces: string[] = [];
  let taken = 0;
  for (const checksum of [...new Set(added)].sort()) {
    const at = findPlace(list, checksum);
    if (checksumAt(list, at) === checksum) continue;
    pieces.push(list.slice(taken, at * lineLength), `${checksum}\n`);
    taken = at * lineLength;
  }
  return [...pieces, list.slice(taken)].join('');
}

/** Whether each of them is in the store; no for a list that is none. */
export async function areAllHere(list: ChecksumList, archives: ArchiveStore): Promise<boolean> {
  const count = list.length / lineLength;
  if (count < manyArchives) {
    const checksums = list.split('\n');
    if (checksums.pop() !== '' || !checksums.every(isChecksum)) return false;
    for (const checksum of checksums) if (!(await archives.has(checksum))) return false;
    return true;
  }
  let found = 0;
  for await (const names of archives.names()) {
    const sorted = [...names].sort();
    let place = findPlace(list, sorted[0] ?? '');
    for (const name of sorted) {
      while (checksumAt(list, place) < name && place < count) place += 1;
      if (checksumAt(list, place) === name) found += 1;
    }
  }
  return found === count;
}

function checksumAt(list: ChecksumList, place: number): string {
  return list.slice(place * lineLength, (place + 1) * lineLength - 1);
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
