import { gitBlobId } from '../../index/blob-id.ts';
import type { IndexFile } from '../../index/index-file.ts';
import { formatLedgerFile, type Pin, parseLedgerFile } from '../../index/ledger-file.ts';
import type { ModuleName } from '../../model/module-name.ts';
import type { Version } from '../../model/version.ts';
import type { LocatedFacts } from './decide-origin.ts';
import type { ModulePlan, PlannedFile } from './plan-module.ts';
import type { Policy } from './policy.ts';

export interface ModuleChange {
  readonly module: ModuleName;
  readonly kind: 'added' | 'changed' | 'moved' | 'removed';
  readonly origin: string;
  /** For `moved`. */
  readonly previousOrigin?: string | undefined;
  readonly versionsAdded: readonly Version[];
  readonly versionsRemoved: readonly Version[];
}

/** What becomes of a file: an existing object, new bytes, or none. */
export type FileChange = { readonly object: string } | { readonly bytes: Buffer } | 'remove';

/** What changes for one module; absent parts stay as they are. */
export interface PlannedChange {
  readonly module: ModuleName;
  /** The new index file. */
  readonly served?: FileChange;
  /** What would be served if nothing were blocked, where that is something else. */
  readonly unblocked?: FileChange;
  /** How the number of listed modules changes: 1, 0 or -1. */
  readonly listed: number;
  readonly ledger?: LedgerChange;
  /** For the report; absent when only the ledger changes. */
  readonly change?: ModuleChange;
}

/** The module's ledger file: an existing object in another place, or new bytes, with those of before. */
type LedgerChange = { readonly origin: string; readonly previousOrigin: string | undefined } & (
  | { readonly object: string }
  | { readonly bytes: Buffer; readonly before: Buffer | undefined }
);

/**
 * The pins that a change adds to the ledger. They are read from its bytes when they are asked for: a first sync plans
 * them by the hundred thousand, and bytes are all it needs of them till then.
 */
export function newPins({ ledger }: PlannedChange): readonly Pin[] {
  if (!ledger || 'object' in ledger) return [];
  const nameOf = (pin: Pin) => `${pin.version} ${pin.checksum} ${pin.requirements}`;
  const known = new Set((ledger.before ? parseLedgerFile(ledger.before) : []).map(nameOf));
  return parseLedgerFile(ledger.bytes).filter((pin) => !known.has(nameOf(pin)));
}

/** What `plan` changes of what is served and recorded now. `undefined`: nothing. */
export function describeChange(
  plan: ModulePlan,
  located: LocatedFacts,
  servedFile: IndexFile | undefined,
  ledger: Buffer | undefined,
  policy: Policy,
): PlannedChange | undefined {
  const served = fileChange(plan.served, plan, located.served);
  const unblocked = fileChange(plan.unblocked, plan, located.unblocked);
  // A claim by a source that has never been read takes the name, but what was served of it is not that source's yet:
  // the ledger stays where it can be found again.
  const { origin } = plan.decision;
  const isKnown = policy.sources.some(({ name, hasBeenRead }) => name === origin && hasBeenRead);
  const ledgerChange =
    isKnown || origin === plan.recorded ? describeLedger(plan, located, ledger) : undefined;
  if (!served && !ledgerChange && !unblocked) return undefined;
  return {
    module: plan.module,
    listed: Number(plan.served.kind !== 'none') - Number(located.served !== undefined),
    ...(served ? { served } : {}),
    ...(unblocked ? { unblocked } : {}),
    ...(ledgerChange ? { ledger: ledgerChange } : {}),
    ...(served || isMove(plan) ? { change: reportChange(plan, servedFile) } : {}),
  };
}

/** `undefined` where the file `now` is what is planned. */
function fileChange(
  planned: PlannedFile,
  { decision }: ModulePlan,
  now: string | undefined,
): FileChange | undefined {
  switch (planned.kind) {
    case 'none':
      return now === undefined ? undefined : 'remove';
    case 'source-file':
      return decision.file === undefined || decision.file === now ? undefined : { object: decision.file };
    case 'lines':
      return gitBlobId(planned.bytes) === now ? undefined : { bytes: planned.bytes };
  }
}

function describeLedger(
  plan: ModulePlan,
  located: LocatedFacts,
  ledger: Buffer | undefined,
): PlannedChange['ledger'] {
  const origin = plan.decision.origin;
  if (origin === undefined) return undefined;
  // A claim alone records nothing: the operator may yet list the name although it only looks like a claimed one.
  if (ledger === undefined && plan.pins.length === 0 && plan.decision.file === undefined) return undefined;
  const bytes = Buffer.from(formatLedgerFile(plan.pins));
  const isSame = ledger?.equals(bytes);
  if (isSame && origin === located.recorded) return undefined;
  const place = { origin, previousOrigin: located.recorded };
  return isSame && located.ledger !== undefined
    ? { ...place, object: located.ledger }
    : { ...place, bytes, before: ledger };
}

function isMove(plan: ModulePlan): boolean {
  return plan.recorded !== undefined && plan.decision.origin !== plan.recorded;
}

function reportChange(plan: ModulePlan, servedFile: IndexFile | undefined): ModuleChange {
  const before = new Set(servedFile?.lines.map((line) => line.entry.version));
  const after = new Set(plan.entries.map(({ version }) => version));
  const without = (from: Set<Version>, other: Set<Version>) =>
    [...from].filter((version) => !other.has(version));
  const previousOrigin = isMove(plan) ? plan.recorded : undefined;
  return {
    module: plan.module,
    kind: kindOfChange(plan, before.size),
    origin: plan.decision.origin ?? plan.recorded ?? '',
    ...(previousOrigin === undefined ? {} : { previousOrigin }),
    versionsAdded: without(after, before),
    versionsRemoved: without(before, after),
  };
}

function kindOfChange(plan: ModulePlan, versionsBefore: number): ModuleChange['kind'] {
  if (isMove(plan)) return 'moved';
  if (plan.served.kind === 'none') return 'removed';
  return versionsBefore === 0 ? 'added' : 'changed';
}
