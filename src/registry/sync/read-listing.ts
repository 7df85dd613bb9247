import type { SourceConfig } from '../../config/config.ts';
import { listFiles } from '../../index/index-trees.ts';
import { readIndexPath } from '../../index/layout.ts';
import { detailOf, found, type Lookup, unavailable } from '../../model/lookup.ts';
import type { ModuleName } from '../../model/module-name.ts';
import type { ConnectedSources } from '../../sources/connect.ts';
import type { ReadingSteps } from '../../sources/read-snapshot.ts';
import type { Source } from '../../sources/source.ts';
import { linkSignals } from '../../support/flow/link-signals.ts';
import type { MonotonicClock } from '../../support/flow/monotonic-clock.ts';
import { createGitObjectReader } from '../../support/git/git-objects.ts';
import type { Log } from '../../support/log.ts';
import { findSample, type Sample } from './check-source.ts';
import { containSource } from './contain-source.ts';
import type { FailureClass } from './source-refresh.ts';

/** As long as somebody at a terminal waits without wondering; the official index takes some two seconds. */
const lookMs = 10_000;

/** Paths of a source's index: object ids. */
export type Listing = ReadonlyMap<string, string>;

/** An archive that was asked for, and why it could not be had; the text is for the operator alone. */
export interface TriedArchive {
  readonly name: string;
  readonly problem: { readonly class: FailureClass | undefined; readonly text: string } | undefined;
}

export interface ReadListing {
  readonly listing: Listing;
  /** Whether one archive could be had; absent where there was none to ask for, or no time. */
  readonly archive: TriedArchive | undefined;
  /** As `Snapshot` has it. */
  readonly hosts: readonly string[] | undefined;
}

export interface ListingContext {
  /** Connects a source whose index is read by these steps, and which is closed by whoever asked. */
  readonly connect: (source: SourceConfig, steps: Partial<ReadingSteps>) => ConnectedSources;
  readonly log: Log;
  readonly clock: MonotonicClock;
  readonly signal?: AbortSignal | undefined;
}

/** Whether a source may be asked for a module's archive: not for what is another one's. */
type MayAsk = (module: ModuleName) => boolean;

/**
 * Lists a source's index as it is now, read and checked as a sync would, but nothing of it is kept: what was fetched goes with the
 * folder it was fetched into. Then asks for one archive, which is not read. Takes ten seconds at most. Rejects when the caller gives up or our own disk fails.
 */
export async function readListing(
  source: SourceConfig,
  { connect, log, clock, signal }: ListingContext,
  mayAsk: MayAsk,
): Promise<Lookup<ReadListing>> {
  let listing: Listing = new Map();
  let sample: Sample | undefined;
  const { sources, close } = connect(source, {
    adopt: async ({ path }, _, { tree }) => {
      listing = await listFiles(path, tree);
      sample = await readSample(path, listing, source.limits.indexFileBytes, mayAsk);
    },
  });
  const ended = new AbortController();
  const linked = linkSignals([signal]);
  const connected = sources.get(source.name);
  if (!connected) throw new Error(`source ${source.name} is not connected`);
  let isLate = false;
  const deadline = clock.sleep(lookMs, ended.signal).then(
    () => {
      isLate = true;
      linked.abort(new Error('the look took too long'));
    },
    () => {},
  );
  try {
    const context = { source: source.name, doing: 'it was looked at', log, signal: linked.signal };
    const read = await containSource(context, () => connected.readSnapshot(undefined, linked.signal));
    if (read.kind !== 'found') return isLate ? tooSlow() : read;
    const archive = sample && (await tryArchive(connected, sample, linked.signal, () => isLate));
    return found({ listing, archive, hosts: read.value.hosts });
  } catch (error) {
    if (isLate) return tooSlow();
    throw error;
  } finally {
    ended.abort();
    await deadline;
    linked.unlink();
    await close();
  }
}

/** As many index files as are looked into for an archive to ask for. */
const sampledFiles = 20;

async function readSample(
  gitDir: string,
  listing: Listing,
  maxBytes: number,
  mayAsk: MayAsk,
): Promise<Sample | undefined> {
  const objects = createGitObjectReader(gitDir);
  const files = [...listing]
    .flatMap(([path, id]) => {
      const target = readIndexPath(path);
      return target.kind === 'module' && mayAsk(target.module) ? [{ module: target.module, id }] : [];
    })
    .slice(0, sampledFiles);
  try {
    return await findSample(files, async (id) => {
      const { sizeBytes = 0 } = (await objects.identify(id)) ?? {};
      if (sizeBytes > maxBytes) return { kind: 'too-large', sizeBytes };
      const object = await objects.read(id);
      return object ? { kind: 'read', bytes: object.content } : { kind: 'missing' };
    });
  } finally {
    objects.close();
  }
}

async function tryArchive(
  source: Source,
  { module, entry: { version } }: Sample,
  signal: AbortSignal,
  isLate: () => boolean,
): Promise<TriedArchive | undefined> {
  try {
    const opened = await source.openArchive(module, version, signal);
    const name = `${module}@${version}`;
    if (opened.kind !== 'found') {
      const reason = opened.kind === 'unavailable' ? opened.cause.reason : undefined;
      return { name, problem: { class: reason, text: detailOf(opened) } };
    }
    opened.value.body.on('error', () => {}).destroy();
    return { name, problem: undefined };
  } catch (error) {
    if (isLate()) return undefined;
    throw error;
  }
}

function tooSlow(): Lookup<never> {
  return unavailable({ reason: 'timeout', detail: `it was not read within ${lookMs / 1000} seconds` });
}
