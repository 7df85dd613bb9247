import type { Pending, PendingNames } from '../../index/pending-names.ts';
import { type Finding, identifyFinding, type OriginConflict } from '../../model/finding.ts';
import type { ModuleName } from '../../model/module-name.ts';
import type { OperatorDecision } from '../../model/operator-decision.ts';
import type { Decision } from './decide-origin.ts';

/** How many of the modules that one finding counts are named in it. */
const named = 10;

/** What a decision leaves waiting; `undefined` where nothing waits. `since` is kept while the reason stays the same. */
export function pendingOf(
  decision: Decision,
  hasChanges: boolean,
  before: Pending | undefined,
  now: string,
): Pending | undefined {
  const reason = reasonOf(decision, hasChanges);
  if (!reason) return undefined;
  const since = before && isSameReason({ ...before }, reason) ? before.since : now;
  return { ...reason, since };
}

type Reason = Pending extends infer P ? (P extends Pending ? Omit<P, 'since'> : never) : never;

function reasonOf(decision: Decision, hasChanges: boolean): Reason | undefined {
  if (decision.rule === 'undecided') return { kind: 'undecided', waitsFor: decision.waitsFor } as Reason;
  // Where versions differ, the module has a finding of its own.
  if (decision.rule !== 'held' || hasChanges) return undefined;
  return { kind: 'contended', source: decision.contender ?? '', origin: decision.origin ?? '' } as Reason;
}

function isSameReason({ since: _, ...before }: Pending, reason: Reason): boolean {
  return JSON.stringify(before) === JSON.stringify(reason);
}

/** The finding of one name that another source contends for. */
export function contendedFinding(module: ModuleName, pending: Contended): OriginConflict {
  const { source, origin, since: foundAt } = pending;
  const message = contendedMessage(source, origin);
  return { kind: 'origin-conflict', module, source, origin, message, foundAt };
}

type Contended = Extract<Pending, { kind: 'contended' }>;

function contendedMessage(source: string, origin: string): string {
  return `source "${source}" lists or claims it too; it stays with "${origin}", which it was first served from`;
}

/**
 * All contended names as findings: those about one source and origin together, with their number, since a source that begins to
 * aggregate others concerns a whole index at once. What the operator keeps stands apart. Names that only wait for a source to be
 * read are none: see `held-back.ts`.
 */
export function pendingFindings(
  pending: PendingNames,
  decisions: readonly OperatorDecision[],
  isAwaited: (source: string) => boolean,
): Finding[] {
  const keeps = new Map(
    decisions.flatMap((decision) =>
      decision.action === 'keep'
        ? [[`${decision.finding.foundAt} ${identifyFinding(decision.finding)}`, decision] as const]
        : [],
    ),
  );
  const groups = new Map<string, { readonly first: OriginConflict; readonly modules: string[] }>();
  for (const [module, reason] of pending) {
    if (reason.kind === 'undecided' || isAwaited(reason.source)) continue;
    const finding = contendedFinding(module, reason);
    const keep = keeps.get(`${finding.foundAt} ${identifyFinding(finding)}`);
    const kept = keep ? { kept: { at: keep.at, by: keep.by } } : {};
    const key = JSON.stringify([finding.source, finding.origin, kept]);
    const group = groups.get(key);
    if (group) group.modules.push(module);
    else groups.set(key, { first: { ...finding, ...kept }, modules: [module] });
    if (group && (finding.foundAt ?? '') < (group.first.foundAt ?? ''))
      groups.set(key, { ...group, first: { ...group.first, foundAt: finding.foundAt } });
  }
  return [...groups.values()].map(({ first, modules }) => summarise(first, modules.sort()));
}

function summarise(first: OriginConflict, modules: readonly string[]): OriginConflict {
  const [module = first.module] = modules;
  if (modules.length === 1) return first;
  const count = modules.length;
  const message = `source "${first.source}" lists or claims ${count} modules too; they stay with "${first.origin}", which they were first served from`;
  return { ...first, module, changes: undefined, count, modules: modules.slice(0, named), message };
}
