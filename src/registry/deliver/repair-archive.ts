import { parseIndexFile } from '../../index/index-file.ts';
import type { Checksum } from '../../model/checksum.ts';
import type { Lookup } from '../../model/lookup.ts';
import type { ModuleName } from '../../model/module-name.ts';
import type { Version } from '../../model/version.ts';
import type { Resolver } from '../sync/resolve-module.ts';
import type { ArchiveDelivery } from './deliver-archive.ts';
import { type FetchContext, type FetchedArchive, fetchArchive } from './fetch-archive.ts';
import type { ServedIndex } from './served-index.ts';

/** An archive as something names it: where it may be had again. */
export interface NamedArchive {
  readonly module: ModuleName;
  readonly version: Version;
  readonly checksum: Checksum;
}

/**
 * Fetches an archive again that was here before, by rule 5 and against the checksum it is pinned to. This is not a
 * fetch on demand: `upstream_fallback = false` says what clients may cause, not what the operator's disk may lose.
 */
export async function repairArchive(
  archive: NamedArchive,
  resolver: Resolver,
  context: FetchContext,
  signal?: AbortSignal,
): Promise<Lookup<FetchedArchive>> {
  const { facts, decision } = await resolver.locate(archive.module);
  return fetchArchive(archive, facts, resolver.policy, decision.origin ?? '', context, signal);
}

/** The same of an archive that some line of the served index names; whether it is here now. */
export async function repairListed(
  checksum: Checksum,
  served: Pick<ServedIndex, 'readAll'>,
  delivery: Pick<ArchiveDelivery, 'repair'>,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  for await (const { module, file } of served.readAll()) {
    signal?.throwIfAborted();
    const line = parseIndexFile(file).lines.find(({ entry }) => entry.checksum === checksum);
    if (line) return delivery.repair(module, line.entry);
  }
  return false;
}
