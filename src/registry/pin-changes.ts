import { type IndexLine, parseIndexFile } from '../index/index-file.ts';
import type { Pin } from '../index/ledger-file.ts';
import type { PinChange } from '../model/finding.ts';

/** Whether a line means what is pinned: the same bytes, and the same requirements as far as they are known. */
export function isSame(line: IndexLine, pin: Pick<Pin, 'checksum' | 'requirements'>): boolean {
  if (line.entry.checksum !== pin.checksum) return false;
  return pin.requirements === undefined || line.entry.requirements === pin.requirements;
}

/** Whether `file` keeps checksum and requirements of every pinned version it lists (rule 2). */
export function agreesWithPins(file: Buffer, pins: readonly Pin[]): boolean {
  const pinned = new Map<string, Pin>(pins.map((pin) => [pin.version, pin]));
  return parseIndexFile(file).lines.every((line) => {
    const pin = pinned.get(line.entry.version);
    return pin === undefined || isSame(line, pin);
  });
}

/** Pinned versions that mean something else to clients of `file`: its last line about them states so. */
export function pinChanges(file: Buffer, pins: readonly Pin[]): PinChange[] {
  const { lines } = parseIndexFile(file);
  return pins.flatMap((pin) => {
    const line = lines.findLast(({ entry }) => entry.version === pin.version);
    return line && !isSame(line, pin) ? [describeChangeOf(line, pin)] : [];
  });
}

export function describeChangeOf(line: IndexLine, pin: Pin): PinChange {
  const offered = line.entry.requirements;
  const requirements =
    pin.requirements !== undefined && pin.requirements !== offered
      ? { requirements: { pinned: pin.requirements, offered } }
      : {};
  return { version: pin.version, pinned: pin.checksum, offered: line.entry.checksum, ...requirements };
}
