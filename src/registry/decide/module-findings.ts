import type { IndexFile, IndexLine } from '../../index/index-file.ts';
import type { Pin } from '../../index/ledger-file.ts';
import type { Finding, PinChange } from '../../model/finding.ts';
import type { ModuleName } from '../../model/module-name.ts';
import { matchesAny } from '../../model/pattern.ts';
import type { Decision, LocatedFacts } from './decide-origin.ts';
import { describeChangeOf } from './pin-changes.ts';
import { claimantOf, type Policy } from './policy.ts';

/**
 * What a decision itself gives cause to report about this module alone. That a contender changes nothing of it is told for all
 * modules together: see `pending-findings.ts`.
 */
export function contentionFindings(
  module: ModuleName,
  { rule, origin, contender }: Decision,
  changes: readonly PinChange[] = [],
): Finding[] {
  if (rule !== 'held' || contender === undefined || changes.length === 0) return [];
  const message = `source "${contender}" lists it too, and ${changes.length === 1 ? 'a served version differs' : `${changes.length} served versions differ`} there; it stays with "${origin}", which it was first served from`;
  return [{ kind: 'origin-conflict', module, source: contender, origin, changes, message }];
}

export function droppedLine(module: ModuleName, source: string, line: number, reason: string): Finding {
  return { kind: 'dropped-line', module, source, line, message: `line ${line} is not passed on: ${reason}` };
}

/** Lines that no client may see, and how many more there are than are told. */
export function droppedLines(module: ModuleName, source: string, file: IndexFile): Finding[] {
  const told = file.malformed.map((line) => droppedLine(module, source, line.number, line.reason));
  const untold = file.malformedCount - file.malformed.length;
  if (untold <= 0) return told;
  const message = `and ${untold.toLocaleString('en')} more lines are not passed on`;
  return [...told, { kind: 'dropped-line', module, source, count: untold, message }];
}

export function brokenFile(module: ModuleName, source: string, reason: string, isServed: boolean): Finding {
  const served = isServed ? 'what was served of it stays' : 'nothing of it is listed';
  return {
    kind: 'broken-file',
    module,
    source,
    message: `its index file cannot be used: ${reason}; ${served}`,
  };
}

/** Upstream means something else by a version that was served. */
export function pinConflict(
  module: ModuleName,
  source: string,
  line: IndexLine,
  pin: Pin,
  isListed: boolean,
): Finding {
  const { pinned, offered, requirements } = describeChangeOf(line, pin);
  const what = pinned === offered ? 'other requirements' : 'another checksum';
  const message = `version ${pin.version} was served with ${what} since ${pin.firstSeen}; ${isListed ? 'it stays as it was' : 'it is withheld'}`;
  const about = { module, version: pin.version, source, line: line.number, pinned, offered, message };
  if (requirements && pinned === offered) return { kind: 'requirements-conflict', ...about, requirements };
  return { kind: 'checksum-conflict', ...about, ...(requirements ? { requirements } : {}) };
}

export function lookAlike(
  module: ModuleName,
  source: string,
  of: { readonly name: string; readonly source: string },
): Finding {
  const message = `it looks like ${of.name} of source "${of.source}" on disks that fold letter case and Unicode form; it is not listed`;
  return { kind: 'look-alike', module, source, message };
}

/**
 * A name that a claim covers only once letter case and Unicode form are folded, and that others list: it would stand beside the
 * claimed one on some clients' disks.
 */
export function claimedByLooks(located: LocatedFacts, decision: Decision, policy: Policy): Finding[] {
  const claimant = claimantOf(policy, located.module);
  if (!claimant || matchesAny(claimant.claims, located.module)) return [];
  return policy.sources
    .filter((source) => source.isEnabled && source !== claimant && source.name !== decision.origin)
    .filter((source) => located.listings.has(source.name))
    .map((source) =>
      lookAlike(located.module, source.name, { name: 'names that are claimed', source: claimant.name }),
    );
}
