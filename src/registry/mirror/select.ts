import type { ModuleName } from '../../model/module-name.ts';
import { findAllFacts } from '../sync/find-facts.ts';
import { createResolver } from '../sync/resolve-module.ts';
import type { SyncContext, SyncResult } from '../sync/sync-context.ts';
import { closeSelection, type SourceClosure } from './close-selection.ts';
import type { MirrorOptions } from './mirror-options.ts';
import { matchTargets, type Selection, takeMatches } from './mirror-selection.ts';
import { chooseTargets, isFromSettings } from './mirror-targets.ts';
import { type Mirrored, selectionKey } from './mirrored.ts';
import { createNamingJudge } from './naming-judge.ts';
import { resolveInput } from './resolve-input.ts';
import { selectGrowth } from './select-growth.ts';
import type { Selected } from './selected.ts';

/** Selects everything anew only where what the last mirroring selected, and what has changed since, does not tell the same. */
export async function select(
  context: SyncContext,
  read: SyncResult,
  options: MirrorOptions,
  mirrored: Mirrored | undefined,
): Promise<Selected> {
  if (mirrored?.key === selectionKey(read, options) && mirrored?.missing.length === 0)
    return selectNothing(context, read, mirrored);
  // What is the matter there is told by the selection of everything.
  const growth = mirrored && (await selectGrowth(context, read, mirrored, options).catch(() => undefined));
  return growth ?? selectAll(context, read, options);
}

function selectNothing(context: SyncContext, read: SyncResult, mirrored: Mirrored): Selected {
  return {
    ...{ namings: [], closures: [], mirrored, isCounted: () => true },
    ...{ skipped: mirrored.skipped, unmatched: mirrored.unmatched },
    ...{ unsatisfied: mirrored.unsatisfied, beside: mirrored.beside },
    resolver: createResolver(resolveInput(context, read)),
  };
}

async function selectAll(context: SyncContext, read: SyncResult, options: MirrorOptions): Promise<Selected> {
  const { index } = context;
  const { snapshots, config, current } = read;
  const input = resolveInput(context, read);
  const { state } = input;
  const targets = chooseTargets(options, config);
  const whole = await findAllFacts(index, state, snapshots);
  const isLenient = isFromSettings(options);
  const matches = await matchTargets(targets, { config, whole, refresh: read.report.sources, isLenient });
  const resolver = createResolver({ ...input, facts: whole });
  const isLatestOnly = options.latest === true;
  const isWhole = !isLatestOnly && targets.every(({ version }) => version === undefined);
  const judge = createNamingJudge({ index, state, resolver, current });
  const selection = await takeMatches(matches, { index, resolver, judge, isLatestOnly });
  const closing = { index, resolver, current, config, options, isWhole };
  const closures = await closeSelection(selection.roots, closing);
  return {
    ...{ resolver, closures, mirrored: undefined, isCounted: () => false },
    ...{ namings: selection.namings, skipped: selection.skipped, unmatched: matches.unmatched },
    unsatisfied: closures.flatMap(({ unsatisfied }) => unsatisfied),
    beside: besideRoots(closures, selection),
  };
}

function besideRoots(closures: readonly SourceClosure[], { roots }: Selection): ModuleName[] {
  const own = new Set([...roots.values()].flatMap((modules) => [...modules.keys()]));
  const all = new Set(closures.flatMap(({ selected }) => [...selected.keys()]));
  return [...all].filter((module) => !own.has(module));
}
