import { LRUCache } from 'lru-cache';
import type { ArchiveStore } from '../../archives/archive-store.ts';
import type { GitIndex } from '../../index/git-index.ts';
import type { Pin } from '../../index/ledger-file.ts';
import type { StateView } from '../../index/state-view.ts';
import type { IndexEntry } from '../../model/index-entry.ts';
import type { ModuleName } from '../../model/module-name.ts';
import { createByteBudget } from '../../support/flow/byte-budget.ts';
import { createSingleFlight } from '../../support/flow/single-flight.ts';
import type { Decision, LocatedFacts } from '../decide/decide-origin.ts';
import { planModule } from '../decide/plan-module.ts';
import { type Policy, policyOf } from '../decide/policy.ts';
import { decideLocated } from './decide-located.ts';
import { type FactFinder, findFactsByPath } from './find-facts.ts';
import { type FactContext, withFacts } from './gather-facts.ts';

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
  /** With the snapshots to plan on. */
  readonly state: StateView;
  /** Sources that a sync has just read; `undefined`: a name that is not recorded is undecided. */
  readonly current: ReadonlySet<string> | undefined;
  /** When whoever asks wants to know it; ISO 8601, UTC. */
  readonly now: string;
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
  const { index, archives, state, current, now } = input;
  const policy = policyOf(input.config, state.snapshots, state);
  const facts = input.facts ?? findFactsByPath(index, state, state.snapshots);
  const context = { index, archives, policy, budget: createByteBudget(resolvingBytes) };
  const locate = remembering(async (module): Promise<LocatedModule> => {
    const located = await facts.find(module);
    return { module, facts: located, decision: await decideLocated(located, context, { current }) };
  });
  return {
    policy,
    locate,
    resolve: remembering(
      async (module) => resolveLocated(await locate(module), context, now),
      ({ pins, entries }) => 1 + pins.length + entries.length,
    ),
    async resolveFor(module, source) {
      const located = await locate(module);
      if (located.decision.rule !== 'undecided') return resolveLocated(located, context, now);
      const decision = await decideLocated(located.facts, context, { current, accepted: source });
      return resolveLocated({ ...located, decision }, context, now);
    },
  };
}

/** Resolves what a state says, by no reading: a name that is not recorded is undecided. */
export function resolveState(
  { index, archives, config, now }: Pick<ResolveInput, 'index' | 'archives' | 'config'> & { now: () => Date },
  state: StateView,
): Resolver {
  return createResolver({ index, archives, config, state, current: undefined, now: now().toISOString() });
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

/** What could be fetched, whether anything is fetched on demand or not. */
function resolveLocated(
  { module, facts: located, decision }: LocatedModule,
  context: FactContext,
  now: string,
): Promise<ResolvedModule> {
  const policy = { ...context.policy, upstreamFallback: true };
  return withFacts(located, decision, { ...context, policy }, ({ facts }) => {
    const { entries } = planModule({ policy, decision, facts, now });
    return { module, decision, facts: located, pins: facts.pins, entries };
  });
}
