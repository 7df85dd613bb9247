import type { Readable } from 'node:stream';
import type { LimitFunction } from 'p-limit';
import type { ArchiveStore, StoreOptions } from '../../archives/archive-store.ts';
import { ExcessError, IntegrityError } from '../../errors.ts';
import type { GitIndex } from '../../index/git-index.ts';
import type { Checksum } from '../../model/checksum.ts';
import { absent, detailOf, found, type Lookup, type SourceFailure, unavailable } from '../../model/lookup.ts';
import type { OpenedBody, Source } from '../../sources/source.ts';
import { errorCode } from '../../support/error-code.ts';
import { linkSignals } from '../../support/flow/link-signals.ts';
import { type MonotonicClock, systemClock } from '../../support/flow/monotonic-clock.ts';
import { transportFailure } from '../../support/net/http-failure.ts';
import type { LocatedFacts } from '../decide/decide-origin.ts';
import { maySupply, type Policy } from '../decide/policy.ts';
import type { Audit } from '../record/audit.ts';
import type { Resolver } from '../sync/resolve-module.ts';
import { askSuppliers } from './ask-suppliers.ts';
import {
  createListings,
  findSuppliers,
  type Listings,
  listCandidates,
  type WantedArchive,
} from './find-suppliers.ts';
import { boundsOf } from './storing-bounds.ts';
import { watchPace } from './watch-pace.ts';

/**
 * Takes the body of an archive in: verifies it, consumes or destroys it in every case, and fails as `ArchiveStore.store`
 * does.
 */
export type ArchiveSink<T extends Received> = (
  checksum: Checksum,
  body: Readable,
  options: StoreOptions,
) => Promise<T>;

interface Received {
  readonly sizeBytes: number;
}

/** Keeps what is fetched in a store. */
export function intoStore(archives: Pick<ArchiveStore, 'store'>): ArchiveSink<Received> {
  return async (...received) => ({ sizeBytes: await archives.store(...received) });
}

export interface FetchedArchive<T extends Received = Received> {
  readonly source: string;
  /** Without credentials. */
  readonly url: string;
  /** What the sink has made of it. */
  readonly received: T;
}

export interface FetchContext {
  readonly index: GitIndex;
  readonly sources: ReadonlyMap<string, Source>;
  readonly audit: Audit;
  /** For how long a slow source is waited for before another is asked, too. */
  readonly clock?: MonotonicClock | undefined;
  /** Of many archives, index files that are read once. */
  readonly listings?: Listings | undefined;
  /** Bounds how many archives are on their way from a source at once; those being written to disk do not count. */
  readonly network?: ((source: string) => LimitFunction) | undefined;
}

/** How often one source is asked for what became something else on the way. */
const attempts = 3;

/**
 * Brings an archive that is not here into `sink` (rule 5): from the enabled sources whose own index lists the version
 * with this checksum, most trusted first, whoever its origin is. Where one is slow, the next is asked beside it, and the
 * first whole and right answer counts. A source that never heard of the version is not asked. `absent` only if every
 * one of them said so; where there is none, `disabled`.
 */
export async function fetchArchive<T extends Received>(
  wanted: WantedArchive,
  resolver: Pick<Resolver, 'locate' | 'policy'>,
  sink: ArchiveSink<T>,
  context: FetchContext,
  signal?: AbortSignal,
): Promise<Lookup<FetchedArchive<T>>> {
  const { policy } = resolver;
  const { facts, decision } = await resolver.locate(wanted.module);
  const candidates = listCandidates(facts, policy).filter((name) => context.sources.has(name));
  const read = context.listings ?? createListings(context.index, policy);
  const isWatched = candidates.length > 1;
  const answers = await askSuppliers<string, FetchedArchive<T>>({
    suppliers: findSuppliers(wanted, candidates, facts, read, askableOrigin(facts, policy, context)),
    ask: async (name, tellSlow, linked) => {
      const source = context.sources.get(name);
      if (!source) throw new Error(`source ${name} is not connected`);
      return fetchFrom(source, wanted, sink, context, {
        signal: linked,
        tellSlow: isWatched ? tellSlow : undefined,
      });
    },
    signal,
  });
  if (answers.found) return found(answers.found);
  if (answers.failures.length === 0) {
    const detail = `no enabled source lists it with the checksum it is served with (its origin is ${decision.origin ?? 'not known'})`;
    return unavailable({ reason: 'disabled', detail });
  }
  const detail = answers.failures
    .map(({ supplier, outcome }) => `${supplier}: ${detailOf(outcome)}`)
    .join('; ');
  const causes = answers.failures.flatMap(({ outcome }) =>
    outcome.kind === 'unavailable' ? [outcome.cause] : [],
  );
  return causes[0] ? unavailable({ ...causes[0], detail }) : absent(detail);
}

/** The source that the module is recorded for, where it is enabled and may supply the name. */
function askableOrigin(
  { recorded, module }: LocatedFacts,
  policy: Policy,
  { sources }: FetchContext,
): string | undefined {
  const origin = policy.sources.find(({ name }) => name === recorded);
  const isAskable = origin?.isEnabled && sources.has(origin.name) && maySupply(origin, module);
  return isAskable ? origin.name : undefined;
}

interface Attempt {
  readonly signal: AbortSignal;
  /** Told where somebody else could do better; `undefined` where nobody could. */
  readonly tellSlow: (() => void) | undefined;
}

async function fetchFrom<T extends Received>(
  source: Source,
  wanted: WantedArchive,
  sink: ArchiveSink<T>,
  context: FetchContext,
  attempt: Attempt,
): Promise<Lookup<FetchedArchive<T>>> {
  const watch = createWatch(context, attempt);
  try {
    let failure: SourceFailure = { reason: 'connection', detail: 'the answer broke off' };
    for (let count = 0; count < attempts; count++) {
      const network = context.network?.(source.config.name);
      const open = () => {
        watch.begin();
        return source.openArchive(wanted.module, wanted.version, attempt.signal);
      };
      const opened = await openWithin(network, open, attempt.signal);
      if (opened.kind !== 'found') return opened;
      watch.follow(opened.value);
      const received = await receive(source, wanted, opened.value, {
        sink,
        audit: context.audit,
        signal: attempt.signal,
      });
      if (!('isOther' in received)) return received;
      failure = received.failure;
      if (!received.isOther) break;
    }
    return unavailable(failure);
  } finally {
    watch.end();
  }
}

interface Broken {
  readonly failure: SourceFailure;
  /** Whether what is there now is another file than what had begun to come. */
  readonly isOther: boolean;
}

async function receive<T extends Received>(
  { config }: Source,
  wanted: WantedArchive,
  opened: OpenedBody,
  {
    sink,
    audit,
    signal,
  }: Pick<FetchContext, 'audit'> & Pick<Attempt, 'signal'> & { readonly sink: ArchiveSink<T> },
): Promise<Lookup<FetchedArchive<T>> | Broken> {
  try {
    const options = { isAbsent: true, ...boundsOf(config, config.limits.archiveBytes, opened), signal };
    const received = await sink(wanted.checksum, opened.body, options);
    const from = { source: config.name, url: opened.url };
    // Not awaited: nobody's answer depends on it, and closing the registry waits for it.
    void audit.record([{ event: 'archive-fetched', ...wanted, ...from, bytes: received.sizeBytes }]);
    return found({ ...from, received });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof ExcessError) {
      const detail = `${opened.url}: ${error.message} (limits.archive and limits.disk_share of the source)`;
      return unavailable({ reason: 'bad-answer', detail });
    }
    if (error instanceof IntegrityError) return unavailable({ reason: 'wrong-bytes', detail: error.message });
    const failure = transportFailure(error);
    if (!failure) throw error;
    return { failure, isOther: errorCode(error) === 'BODY_CHANGED' };
  }
}

/** Looks at how one download goes on, from when it is its turn. */
function createWatch({ clock = systemClock }: FetchContext, { signal, tellSlow }: Attempt) {
  const linked = linkSignals([signal]);
  let opened: OpenedBody | undefined;
  let isWatching = false;
  return {
    begin() {
      if (isWatching || tellSlow === undefined) return;
      isWatching = true;
      void watchPace(() => opened?.progress?.(), tellSlow, clock, linked.signal);
    },
    follow(body: OpenedBody) {
      opened = body;
    },
    end() {
      linked.abort(new Error('the download has ended'));
      linked.unlink();
    },
  };
}

/** Opens an archive in a slot that is free again when its body has come to an end. Nobody waits for one in vain. */
function openWithin(
  network: LimitFunction | undefined,
  open: () => Promise<Lookup<OpenedBody>>,
  signal: AbortSignal,
): Promise<Lookup<OpenedBody>> {
  if (!network) return open();
  return new Promise((resolve, reject) => {
    const leave = () => reject(signal.reason);
    signal.addEventListener('abort', leave, { once: true });
    network(async () => {
      signal.removeEventListener('abort', leave);
      signal.throwIfAborted();
      const opened = await open();
      const body = opened.kind === 'found' ? opened.value.body : undefined;
      const hasEnded = new Promise<void>((end) => (body ? body.once('close', end) : end()));
      resolve(opened);
      await hasEnded;
    }).catch(reject);
  });
}
