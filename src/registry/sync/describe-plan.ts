import { type Finding, identifyFinding, isConflict } from '../../model/finding.ts';
import type { OperatorDecision } from '../../model/operator-decision.ts';
import { newPins, type PlannedChange } from '../decide/planned-change.ts';
import type { AuditEvent, ConflictFacts } from '../record/audit.ts';
import type { SyncPlan } from './sync-plan.ts';

/** What carrying out a plan did; one event for a module's origin and new pins together. */
export function* describePlan(
  plan: SyncPlan,
  findingsBefore: readonly Finding[],
): Generator<AuditEvent, void, undefined> {
  yield* plan.taken.map(describeTaken);
  for (const change of plan.modules) yield* describeModule(change);
  yield* describeConflicts(findingsBefore, plan.findings);
}

function describeModule(change: PlannedChange): AuditEvent[] {
  const { module, ledger } = change;
  if (!ledger) return [];
  const pinned = newPins(change);
  const { origin, previousOrigin } = ledger;
  const facts = {
    module,
    origin,
    pinned: Object.fromEntries(pinned.map(({ version, checksum }) => [version, checksum])),
  };
  if (previousOrigin === undefined) return [{ event: 'origin-decided', ...facts }];
  if (previousOrigin !== origin) return [{ event: 'origin-moved', from: previousOrigin, ...facts }];
  return pinned.length > 0 ? [{ event: 'versions-pinned', ...facts }] : [];
}

function describeConflicts(before: readonly Finding[], after: readonly Finding[]): AuditEvent[] {
  const conflicts = (findings: readonly Finding[]) =>
    new Map(findings.filter(isConflict).map((finding) => [identifyFinding(finding), finding]));
  const [old, standing] = [conflicts(before), conflicts(after)];
  const only = (these: typeof old, others: typeof old) =>
    [...these].flatMap(([identity, finding]) => (others.has(identity) ? [] : [finding]));
  return [
    ...only(standing, old).map((finding) => ({
      event: 'conflict-found' as const,
      ...conflictFacts(finding),
    })),
    ...only(old, standing).map((finding) => ({
      event: 'conflict-resolved' as const,
      ...conflictFacts(finding),
    })),
  ];
}

function describeTaken(decision: OperatorDecision): AuditEvent {
  switch (decision.action) {
    case 'keep':
      return { event: 'conflict-kept', ...conflictFacts(decision.finding) };
    case 'accept-version': {
      const { module, version, source, from, to } = decision;
      return { event: 'conflict-accepted', module, version, source, from, to };
    }
    case 'accept-requirements': {
      const { module, version, source, from, to } = decision;
      return { event: 'requirements-accepted', module, version, source, from, to };
    }
    case 'accept-name':
      return { event: 'name-accepted', module: decision.module };
    case 'accept-origin':
      if (decision.pattern !== undefined)
        return {
          event: 'name-decided',
          module: decision.module,
          origin: decision.to,
          pattern: decision.pattern,
        };
      return {
        event: 'conflict-accepted',
        module: decision.module,
        from: decision.from ?? '',
        to: decision.to,
      };
    case 'block': {
      const { module, version, reason } = decision;
      return { event: 'blocked', module, version, reason };
    }
    case 'withdraw': {
      const { module, version, reason } = decision;
      return { event: 'withdrawn', module, version, reason };
    }
    case 'unblock':
      return { event: 'unblocked', module: decision.module, version: decision.version };
  }
}

function conflictFacts({
  kind,
  module,
  version,
  source,
  pinned,
  offered,
  changes,
}: ConflictFacts): ConflictFacts {
  return { kind, module, version, source, pinned, offered, changes };
}
