import type { ArchiveStore } from '../../archives/archive-store.ts';
import type { GitIndex } from '../../index/git-index.ts';
import { type IndexFile, parseIndexFile } from '../../index/index-file.ts';
import { parseLedgerFile } from '../../index/ledger-file.ts';
import type { Checksum } from '../../model/checksum.ts';
import type { ByteBudget } from '../../support/flow/byte-budget.ts';
import type { Decision, LocatedFacts } from '../decide/decide-origin.ts';
import type { PlanningFacts } from '../decide/planning-input.ts';
import { maySupply, type Policy } from '../decide/policy.ts';
import { type MayRead, measureAll, readListed, readOwnFile } from './source-file.ts';

/** Where facts are read from. */
export interface FactContext {
  readonly index: GitIndex;
  readonly archives: ArchiveStore;
  readonly policy: Policy;
  /** Bounds the index files in memory. */
  readonly budget: ByteBudget;
  readonly mayRead?: MayRead | undefined;
}

/** What planning a module rests on, but for a contender, and its own files as they are now. */
export interface GatheredFacts {
  readonly facts: PlanningFacts;
  readonly served: IndexFile | undefined;
  readonly ledger: Buffer | undefined;
}

/** Reads a module's files as soon as there is room for them in memory, which is kept until `plan` is done with them. */
export async function withFacts<T>(
  located: LocatedFacts,
  decision: Decision,
  context: FactContext,
  plan: (gathered: GatheredFacts) => T,
): Promise<T> {
  const ids = [decision.file, located.unblocked ?? located.served];
  const sizeBytes = await measureAll(context.index, ids);
  return context.budget.run(sizeBytes, async () => plan(await gatherFacts(located, decision, context)));
}

async function gatherFacts(
  located: LocatedFacts,
  decision: Decision,
  { index, archives, policy, mayRead }: FactContext,
): Promise<GatheredFacts> {
  const { origin, file } = decision;
  const readOwn = async (id: string | undefined) => (id === undefined ? undefined : readOwnFile(index, id));
  const readLines = async (id: string | undefined) => {
    const bytes = await readOwn(id);
    return bytes && parseIndexFile(bytes);
  };
  const [sourceFile, served, unblocked, ledger, elsewhere] = await Promise.all([
    file === undefined || origin === undefined ? undefined : readListed(index, policy, origin, file, mayRead),
    readLines(located.served),
    readLines(located.unblocked),
    readOwn(located.ledger),
    decision.supply === 'obtainable' ? listElsewhere(located, decision, { index, policy }) : [],
  ]);
  const servedFile = unblocked ?? served;
  const stated = checksumsIn(sourceFile);
  const kept = checksumsIn(servedFile);
  // What can be fetched need not be here; what upstream has replaced or deleted, the served file alone names.
  const isFetched = policy.upstreamFallback && decision.supply !== 'obtainable';
  const wanted = isFetched ? [...kept].filter((one) => !stated.has(one)) : [...new Set([...stated, ...kept])];
  const isHere = await Promise.all(wanted.map((checksum) => archives.has(checksum)));
  const cached = new Set(wanted.filter((_, position) => isHere[position]));
  const { module, recorded } = located;
  const pins = ledger ? parseLedgerFile(ledger) : [];
  return {
    facts: { module, recorded, sourceFile, servedFile, pins, cached, elsewhere, contender: undefined },
    served,
    ledger,
  };
}

function checksumsIn(file: IndexFile | undefined): Set<Checksum> {
  return new Set((file?.lines ?? []).map(({ entry }) => entry.checksum));
}

/** The index files of enabled sources other than the origin. */
async function listElsewhere(
  { module, listings }: LocatedFacts,
  { origin }: Decision,
  { index, policy }: Pick<FactContext, 'index' | 'policy'>,
): Promise<IndexFile[]> {
  const others = policy.sources.flatMap((source) => {
    const id = listings.get(source.name);
    const mayHelp = source.isEnabled && source.hasBeenRead && source.name !== origin;
    return mayHelp && id !== undefined && maySupply(source, module) ? [{ source: source.name, id }] : [];
  });
  return Promise.all(others.map(({ source, id }) => readListed(index, policy, source, id)));
}
