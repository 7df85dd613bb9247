import type { Config } from '../../config/config.ts';
import type { GitIndex } from '../../index/git-index.ts';
import { parseLedgerFile } from '../../index/ledger-file.ts';
import { findBlock } from '../../model/block.ts';
import { absent } from '../../model/lookup.ts';
import type { ModuleName } from '../../model/module-name.ts';
import type { Version } from '../../model/version.ts';
import { policyDigest } from '../decide/policy.ts';
import { observationsFile, readObservations } from '../sync/observations.ts';
import type { Resolver } from '../sync/resolve-module.ts';
import { type UnlistedVersion, unlisted } from '../sync/unlisted.ts';
import type { ArchiveDelivery } from './deliver-archive.ts';
import { createListings, findSuppliers, listCandidates } from './find-suppliers.ts';
import type { ArchiveOutcome, BlockedArchive } from './served-bytes.ts';
import type { ServedIndex } from './served-index.ts';

export interface OpeningContext {
  readonly index: GitIndex;
  readonly served: ServedIndex;
  readonly delivery: Pick<ArchiveDelivery, 'open' | 'openListed'>;
  readonly settings: () => Config;
  readonly resolver: () => Promise<Resolver>;
  readonly leftAloneUntil: (source: string) => string | undefined;
}

/** Opens a listed archive, or says why there is none: the one place that refuses, whoever asks. */
export async function openServedArchive(
  context: OpeningContext,
  module: ModuleName,
  version: Version,
): Promise<ArchiveOutcome> {
  const refused = await findRefusal(context, module, version);
  if (refused) return refused;
  const opened = await context.delivery.open(module, version);
  if (opened.kind !== 'absent' || (await context.served.find(module, version))) return opened;
  return sayWhyUnlisted(context, module, version);
}

/**
 * The same for whoever uses the index of an earlier moment, `past`: what was listed then, with the bytes it had then. What is refused
 * is so as of now, and the bytes come from whoever lists them now.
 */
export async function openPastArchive(
  context: OpeningContext,
  past: Pick<ServedIndex, 'find'>,
  module: ModuleName,
  version: Version,
): Promise<ArchiveOutcome> {
  const entry = await past.find(module, version);
  if (!entry) return absent(`${module}@${version} was not in the index then`);
  const refused = await findRefusal(context, module, version);
  if (refused) return refused;
  const opened = await context.delivery.openListed(module, entry);
  if (opened.kind !== 'absent' || (await context.served.find(module, version))) return opened;
  return sayWhyUnlisted(context, module, version);
}

/** By the state of now, and not by what is listed: a tail that is blocked has left, and a hole has not. */
async function findRefusal(
  { index }: OpeningContext,
  module: ModuleName,
  version: Version,
): Promise<BlockedArchive | undefined> {
  const block = findBlock((await index.state()).blocks, module, version);
  return block && { kind: 'blocked', block };
}

async function sayWhyUnlisted(
  context: OpeningContext,
  module: ModuleName,
  version: Version,
): Promise<ArchiveOutcome> {
  const resolver = await context.resolver();
  const [known, observations] = await Promise.all([
    describeUnlisted(context, resolver, module, version),
    readObservations(observationsFile(context.settings())),
  ]);
  return unlisted(known, resolver.policy, observations, context.leftAloneUntil);
}

async function describeUnlisted(
  { index }: OpeningContext,
  { locate, policy }: Resolver,
  module: ModuleName,
  version: Version,
): Promise<UnlistedVersion> {
  const [{ facts }, state] = await Promise.all([locate(module), index.state()]);
  const isPlannedOtherwise = state.policy !== policyDigest(policy);
  const ledger = facts.ledger === undefined ? undefined : await index.read(facts.ledger);
  const pin = ledger && parseLedgerFile(ledger).find((candidate) => candidate.version === version);
  const { recorded } = facts;
  if (!pin) return { module, recorded, firstSeen: undefined, isSupplied: false, isPlannedOtherwise };
  const wanted = { module, version, checksum: pin.checksum };
  const listings = createListings(index, policy);
  const suppliers = findSuppliers(wanted, listCandidates(facts, policy), facts, listings, undefined);
  const isSupplied = !(await suppliers.next()).done;
  return { module, recorded, firstSeen: pin.firstSeen, isSupplied, isPlannedOtherwise };
}
