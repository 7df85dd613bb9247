import { LRUCache } from 'lru-cache';
import type { ArchiveStore } from '../../archives/archive-store.ts';
import type { GitIndex } from '../../index/git-index.ts';
import { findEntry } from '../../index/index-file.ts';
import { type Pin, parseLedgerFile } from '../../index/ledger-file.ts';
import type { SnapshotRecord } from '../../index/registry-state.ts';
import type { StateView } from '../../index/state-view.ts';
import type { IndexEntry } from '../../model/index-entry.ts';
import type { ModuleName } from '../../model/module-name.ts';
import { createByteBudget } from '../../support/flow/byte-budget.ts';
import { createSingleFlight } from '../../support/flow/single-flight.ts';
import type { Decision } from '../decide/decide-origin.ts';
import { type FactFinder, findFactsByPath, type LocatedFacts } from '../decide/module-facts.ts';
import { planModule } from '../decide/plan-module.ts';
import { blockedVersions, type Policy, policyOf } from '../decide/policy.ts';
import { cachedChecksums } from './cached-checksums.ts';
import { decide, listElsewhere, measureAll, readListed } from './plan-located.ts';

/** Where a module comes from, which takes no look into its files. */
interface LocatedModule {
  readonly module: ModuleName;
  readonly decision: Decision;
  readonly facts: LocatedFacts;
}

/** One module resolved: who decides, and what could be delivered of it. */
export interface ResolvedModule extends LocatedModule {
  readonly pins: readonly Pin[];
  /** Every version the origin supplies, cached or not; of a disabled origin, the cached ones. One per version. */
  readonly entries: readonly IndexEntry[];
}

export interface ResolveInput {
  readonly index: GitIndex;
  readonly archives: ArchiveStore;
  readonly config: Parameters<typeof policyOf>[0];
  readonly state: StateView;
  readonly snapshots: readonly SnapshotRecord[];
  /** Sources that a sync has just read; without them, a name that is not recorded is undecided. */
  readonly current?: ReadonlySet<string> | undefined;
  /** Where facts come from; by default asked of git path by path. */
  readonly facts?: FactFinder;
}

/** Modules, and versions of them, that are remembered: a module may have one version or ten thousand. */
const rememberedModules = 8192;
const rememberedVersions = 100_000;
/** All index files that are in memory at the same time while modules are resolved. */
const resolvingBytes = 32 * 1024 * 1024;

export interface Resolver {
  readonly policy: Policy;
  /** Enough to fetch an archive of it; `resolve` decides the same. */
  locate(module: ModuleName): Promise<LocatedModule>;
  resolve(module: ModuleName): Promise<ResolvedModule>;
  /**
   * An undecided name as it would resolve if the operator gave it to this source. The decision is a guess then, and says nothing of
   * what the name means; the entries are what that source lists.
   */
  resolveFor(module: ModuleName, source: string): Promise<ResolvedModule>;
}

/**
 * Resolves modules as the plan does (rule 8), before archives are considered: what `mirror` may fetch, what a
 * dependency selects, what `explain` shows. What was resolved is remembered, up to a bound.
 */
export function createResolver(input: ResolveInput): Resolver {
  const budget = createByteBudget(resolvingBytes);
  const policy = policyOf(input.config, input.snapshots, input.state);
  const facts = input.facts ?? findFactsByPath(input.index, input.state, input.snapshots);
  const locate = remembering(async (module) => {
    const located = await facts.find(module);
    return {
      module,
      facts: located,
      decision: await decide(located, policy, input.index, { current: input.current, budget }),
    };
  });
  const resolveBounded = async (located: LocatedModule) => {
    const sizeBytes = await measureAll(input.index, [
      located.decision.file,
      located.facts.unblocked ?? located.facts.served,
    ]);
    return budget.run(sizeBytes, () => resolveLocated(located, policy, input));
  };
  return {
    policy,
    locate,
    resolve: remembering(
      async (module) => resolveBounded(await locate(module)),
      ({ pins, entries }) => 1 + pins.length + entries.length,
    ),
    async resolveFor(module, source) {
      const located = await locate(module);
      if (located.decision.rule !== 'undecided') return resolveBounded(located);
      const context = { current: input.current, accepted: source, budget };
      return resolveBounded({
        ...located,
        decision: await decide(located.facts, policy, input.index, context),
      });
    },
  };
}

function remembering<T extends object>(
  find: (module: ModuleName) => Promise<T>,
  sizeOf: (found: T) => number = () => 1,
): (module: ModuleName) => Promise<T> {
  const known = new LRUCache<ModuleName, T>({ max: rememberedModules, maxSize: rememberedVersions });
  const finding = createSingleFlight<ModuleName, T>();
  return async (module) =>
    known.get(module) ??
    finding.run(module, async () => {
      const found = await find(module);
      known.set(module, found, { size: sizeOf(found) });
      return found;
    });
}

async function resolveLocated(
  { module, facts, decision }: LocatedModule,
  policy: Policy,
  { index, archives }: ResolveInput,
): Promise<ResolvedModule> {
  const read = (id: string | undefined) => (id === undefined ? undefined : index.read(id));
  const origin = policy.sources.find(({ name }) => name === decision.origin);
  const [source, servedFile, ledger] = await Promise.all([
    decision.file === undefined ? undefined : readListed(index, policy, decision.origin ?? '', decision.file),
    read(facts.unblocked ?? facts.served),
    read(facts.ledger),
  ]);
  const pins = ledger ? parseLedgerFile(ledger) : [];
  const sourceFile = source && 'bytes' in source ? source.bytes : undefined;
  const unreadable = source && 'unreadable' in source ? source.unreadable : undefined;
  const cached = await cachedChecksums(
    [sourceFile, servedFile],
    archives,
    decision.supply === 'obtainable' ? 'all' : 'served',
  );
  const elsewhere =
    decision.supply === 'obtainable' ? await listElsewhere(facts, decision, { index, policy }) : [];
  const plan = planModule({
    module,
    decision,
    recorded: facts.recorded,
    upstreamFallback: true,
    sourceFile,
    unreadable,
    servedFile,
    isBlocked: blockedVersions(policy, module),
    pins,
    isCached: (checksum) => cached.has(checksum),
    isListedElsewhere: (version, checksum) =>
      elsewhere.some((file) => findEntry(file, version)?.checksum === checksum),
    deletedUpstream: origin?.deletedUpstream,
    limits: origin?.fileLimits,
    now: '',
  });
  return { module, decision, facts, pins, entries: plan.entries };
}
