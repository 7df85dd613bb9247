import { type Block, nameOfBlock } from './block.ts';
import type { Checksum } from './checksum.ts';
import { type Finding, identifyFinding, isConflict, versionOf } from './finding.ts';
import type { ModuleName } from './module-name.ts';
import type { Version } from './version.ts';

/** What the operator has decided: about a conflict, or to refuse something. The state keeps every one, in the order in which they were made. */
export type OperatorDecision = {
  readonly module: ModuleName;
  /** ISO 8601, UTC. */
  readonly at: string;
  /** The user of the operating system who typed it. */
  readonly by: string;
} & (
  | {
      /** What is served stays: the finding as it stood then. */
      readonly action: 'keep';
      readonly finding: Finding;
    }
  | {
      /** A pin is replaced. */
      readonly action: 'accept-version';
      readonly version: Version;
      readonly from: Checksum;
      readonly to: Checksum;
      /** Digest of what the new line requires; in data of format 1, not stated. */
      readonly requirements?: string | undefined;
      /** Whose index states the new checksum. */
      readonly source: string;
    }
  | {
      /** What a version requires is replaced; its bytes stay. Digests. */
      readonly action: 'accept-requirements';
      readonly version: Version;
      readonly from: string;
      readonly to: string;
      readonly source: string;
    }
  | {
      /** A name that looks like another one is listed all the same. */
      readonly action: 'accept-name';
    }
  | {
      /** The module moves to another source. */
      readonly action: 'accept-origin';
      /** Absent: it was undecided. */
      readonly from?: string | undefined;
      readonly to: string;
      /** What was mirrored by name from that source, which decided it; as typed. */
      readonly pattern?: string | undefined;
    }
  | {
      /** A version, or with all of them a module, is refused to everybody. */
      readonly action: 'block';
      readonly version?: Version | undefined;
      readonly reason: string;
    }
  | {
      /** A version that is published here is taken back: refused to everybody, and for good. */
      readonly action: 'withdraw';
      readonly version: Version;
      readonly reason: string;
    }
  | {
      /** It is refused no longer. */
      readonly action: 'unblock';
      readonly version?: Version | undefined;
    }
);

/**
 * Findings as they stand now, with what earlier syncs and the operator say about them. Being kept ends with the
 * finding: one that has gone and comes back is a new one.
 */
export function carryFindings(
  findings: readonly Finding[],
  before: readonly Finding[],
  decisions: readonly OperatorDecision[],
  now: string,
): Finding[] {
  const known = new Map(before.map((finding) => [identifyFinding(finding), finding.foundAt]));
  return findings.map((finding) => {
    const identity = identifyFinding(finding);
    const foundAt = known.get(identity) ?? now;
    const keep = decisions.findLast(
      (decision) =>
        decision.action === 'keep' &&
        decision.finding.foundAt === foundAt &&
        identifyFinding(decision.finding) === identity,
    );
    if (!isConflict(finding)) return { ...finding, foundAt };
    const { kept: _, ...rest } = finding;
    return { ...rest, foundAt, ...(keep ? { kept: { at: keep.at, by: keep.by } } : {}) };
  });
}

/** The blocks that stand after a decision: one of the same version, or of the same whole module, replaces the one before. */
export function applyBlockDecision(blocks: readonly Block[], decision: OperatorDecision): readonly Block[] {
  if (decision.action !== 'block' && decision.action !== 'unblock' && decision.action !== 'withdraw')
    return blocks;
  const others = blocks.filter((block) => nameOfBlock(block) !== nameOfBlock(decision));
  if (decision.action === 'unblock') return others;
  const { module, version, reason, at, by } = decision;
  const isWithdrawn = decision.action === 'withdraw' ? { isWithdrawn: true as const } : {};
  const block = { module, ...(version === undefined ? {} : { version }), reason, at, by, ...isWithdrawn };
  return [...others, block].sort((a, b) => (nameOfBlock(a) < nameOfBlock(b) ? -1 : 1));
}

/** One line for the log of the state: who decided what. */
export function describeDecision(decision: OperatorDecision): string {
  const { module, by } = decision;
  switch (decision.action) {
    case 'keep': {
      const { kind, source } = decision.finding;
      const version = versionOf(decision.finding);
      return `keep ${version === undefined ? module : `${module}@${version}`} as it is (${kind}, ${source}), by ${by}`;
    }
    case 'accept-version':
      return `accept ${module}@${decision.version}: ${decision.from} -> ${decision.to} (${decision.source}), by ${by}`;
    case 'accept-requirements':
      return `accept ${module}@${decision.version}: requirements ${decision.from} -> ${decision.to} (${decision.source}), by ${by}`;
    case 'accept-name':
      return `accept ${module} although it looks like another name, by ${by}`;
    case 'accept-origin': {
      const { from = 'undecided', to, pattern } = decision;
      const how = pattern === undefined ? '' : `, since "${pattern}" is mirrored from it`;
      return `accept ${module}: ${from} -> ${to}${how}, by ${by}`;
    }
    case 'block':
      return `block ${nameOfBlock(decision)}: ${decision.reason}, by ${by}`;
    case 'withdraw':
      return `withdraw ${nameOfBlock(decision)}: ${decision.reason}, by ${by}`;
    case 'unblock':
      return `unblock ${nameOfBlock(decision)}, by ${by}`;
  }
}
