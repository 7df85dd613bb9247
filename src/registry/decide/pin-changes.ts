import type { IndexFile, IndexLine } from '../../index/index-file.ts';
import type { Pin } from '../../index/ledger-file.ts';
import type { PinChange } from '../../model/finding.ts';
import type { OperatorDecision } from '../../model/operator-decision.ts';

/** Whether a line means what is pinned: the same bytes, and the same requirements as far as they are known. */
export function isSame(line: IndexLine, pin: Pick<Pin, 'checksum' | 'requirements'>): boolean {
  if (line.entry.checksum !== pin.checksum) return false;
  return pin.requirements === undefined || line.entry.requirements === pin.requirements;
}

/** Whether `file` keeps checksum and requirements of every pinned version it lists (rule 2). */
export function agreesWithPins(file: IndexFile, pins: readonly Pin[]): boolean {
  const { lines, unreadable, unidentifiedCount, malformedVersions } = file;
  if (unreadable !== undefined) return false;
  const stated = new Set<string>(lines.map(({ entry }) => entry.version));
  const isHidden = ({ version }: Pin) =>
    !stated.has(version) && (unidentifiedCount > 0 || malformedVersions.has(version));
  if (pins.some(isHidden)) return false;
  const pinned = new Map<string, Pin>(pins.map((pin) => [pin.version, pin]));
  return lines.every((line) => {
    const pin = pinned.get(line.entry.version);
    return pin === undefined || isSame(line, pin);
  });
}

/** Pinned versions that mean something else to clients of `file`: its last line about them states so. */
export function pinChanges({ lines }: Pick<IndexFile, 'lines'>, pins: readonly Pin[]): PinChange[] {
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

/** The one way in which a pin ever changes: the operator has accepted something else for it. */
export function replacePins(
  pins: readonly Pin[],
  taken: readonly OperatorDecision[],
  now: string,
): readonly Pin[] {
  return pins.map((pin) => taken.reduce((current, decision) => replacePin(current, decision, now), pin));
}

function replacePin(pin: Pin, decision: OperatorDecision, now: string): Pin {
  if (decision.action === 'accept-version') {
    if (decision.version !== pin.version || decision.from !== pin.checksum) return pin;
    const { version, source, to: checksum } = decision;
    return { ...pin, version, checksum, firstSeen: now, source, requirements: decision.requirements };
  }
  if (decision.action === 'accept-requirements') {
    if (decision.version !== pin.version || decision.from !== pin.requirements) return pin;
    return { ...pin, requirements: decision.to };
  }
  return pin;
}
