import type { LimitFunction } from 'p-limit';
import type { ArchiveStore } from '../archives/archive-store.ts';
import { ExcessError, IntegrityError } from '../errors.ts';
import type { GitIndex } from '../index/git-index.ts';
import { findEntry, parseIndexFile } from '../index/index-file.ts';
import type { Checksum } from '../model/checksum.ts';
import { absent, detailOf, found, type Lookup, type SourceFailure, unavailable } from '../model/lookup.ts';
import type { ModuleName } from '../model/module-name.ts';
import type { Version } from '../model/version.ts';
import type { OpenedBody, Source } from '../sources/source.ts';
import { transportFailure } from '../support/http-failure.ts';
import type { Audit } from './audit.ts';
import type { LocatedFacts } from './module-facts.ts';
import { maySupply, type Policy } from './policy.ts';
import { boundsOf } from './storing-bounds.ts';

export interface WantedArchive {
  readonly module: ModuleName;
  readonly version: Version;
  readonly checksum: Checksum;
}

export interface FetchedArchive {
  readonly source: string;
  /** Without credentials. */
  readonly url: string;
  readonly sizeBytes: number;
}

export interface FetchContext {
  readonly index: GitIndex;
  readonly archives: Pick<ArchiveStore, 'store'>;
  readonly sources: ReadonlyMap<string, Source>;
  readonly audit: Audit;
  /** Bounds how many archives are on their way at once; those being written to disk do not count. */
  readonly network?: LimitFunction;
}

/** How often one source is asked for bytes that broke off on the way. */
const attempts = 3;

/**
 * Brings an archive that is not here into the store (rule 5): from the module's origin, or else from another enabled source whose
 * own index lists the version with the same checksum, most trusted first. A source that never heard of the
 * version is not asked. `absent` only if every one of them said so.
 */
export async function fetchArchive(
  wanted: WantedArchive,
  facts: LocatedFacts,
  policy: Policy,
  origin: string,
  context: FetchContext,
  signal?: AbortSignal,
): Promise<Lookup<FetchedArchive>> {
  const failures: string[] = [];
  let failure: SourceFailure | undefined;
  for (const name of suppliers(facts, policy, origin)) {
    const source = context.sources.get(name);
    if (!source || (name !== origin && !(await listsSameBytes(wanted, facts, name, context.index)))) continue;
    const outcome = await fetchFrom(source, wanted, context, signal);
    if (outcome.kind === 'found') return outcome;
    failures.push(`${name}: ${detailOf(outcome)}`);
    if (outcome.kind === 'unavailable') failure ??= outcome.cause;
  }
  const detail =
    failures.length > 0 ? failures.join('; ') : `no enabled source supplies it (its origin is ${origin})`;
  return failure ? unavailable({ ...failure, detail }) : absent(detail);
}

function suppliers(facts: LocatedFacts, policy: Policy, origin: string): string[] {
  const enabled = policy.sources.filter((source) => source.isEnabled);
  const others = enabled.filter(
    (source) => source.name !== origin && facts.listings.has(source.name) && maySupply(source, facts.module),
  );
  return [...enabled.filter((source) => source.name === origin), ...others].map((source) => source.name);
}

async function listsSameBytes(
  wanted: WantedArchive,
  facts: LocatedFacts,
  source: string,
  index: GitIndex,
): Promise<boolean> {
  const id = facts.listings.get(source);
  const file = id === undefined ? undefined : await index.read(id);
  return file !== undefined && findEntry(parseIndexFile(file), wanted.version)?.checksum === wanted.checksum;
}

async function fetchFrom(
  source: Source,
  wanted: WantedArchive,
  { archives, audit, network }: FetchContext,
  signal: AbortSignal | undefined,
): Promise<Lookup<FetchedArchive>> {
  const { module, version, checksum } = wanted;
  let failure: SourceFailure = { reason: 'connection', detail: 'the answer broke off' };
  for (let attempt = 0; attempt < attempts; attempt++) {
    const opened = await openWithin(network, () => source.openArchive(module, version, signal));
    if (opened.kind !== 'found') return opened;
    const { body, url } = opened.value;
    const { name, limits } = source.config;
    const bounds = boundsOf(source.config, limits.archiveBytes, opened.value);
    try {
      const options = { isAbsent: true, ...bounds, ...(signal ? { signal } : {}) };
      const sizeBytes = await archives.store(checksum, body, options);
      const fetched = { source: name, url };
      // Not awaited: nobody's answer depends on it, and closing the registry waits for it.
      void audit.record([{ event: 'archive-fetched', ...wanted, ...fetched, bytes: sizeBytes }]);
      return found({ ...fetched, sizeBytes });
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof ExcessError) return unavailable({ reason: 'bad-answer', detail: error.message });
      if (error instanceof IntegrityError)
        return unavailable({ reason: 'wrong-bytes', detail: error.message });
      const broken = transportFailure(error);
      if (!broken) throw error;
      failure = broken;
    }
  }
  return unavailable({ ...failure, detail: `${failure.detail} (${attempts} times)` });
}

/** Opens an archive in a slot that is free again when its body has come to an end. */
function openWithin(
  network: LimitFunction | undefined,
  open: () => Promise<Lookup<OpenedBody>>,
): Promise<Lookup<OpenedBody>> {
  if (!network) return open();
  return new Promise((resolve, reject) => {
    network(async () => {
      const opened = await open();
      const body = opened.kind === 'found' ? opened.value.body : undefined;
      const hasEnded = new Promise<void>((end) => (body ? body.once('close', end) : end()));
      resolve(opened);
      await hasEnded;
    }).catch(reject);
  });
}
