import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import type { Config } from '../../config/config.ts';
import type { Checksum } from '../../model/checksum.ts';
import { isModuleName, type ModuleName } from '../../model/module-name.ts';
import { isVersion, type Version } from '../../model/version.ts';
import { writePiecesAtomic } from '../../support/disk/atomic-file.ts';
import { parseJson } from '../../support/parse-json.ts';
import { programVersion } from '../../support/version.ts';
import { policyDigest, policyOf } from '../decide/policy.ts';
import type { SyncResult } from '../sync/sync-context.ts';
import { addChecksums, type ChecksumList } from './checksum-list.ts';
import type { MirrorOptions } from './mirror-options.ts';
import type { MirrorReport } from './mirror-report.ts';
import { chooseTargets, isFromSettings } from './mirror-targets.ts';

/**
 * What the last mirroring selected. As long as all archives it names are still here, whoever mirrors the same again reads only what
 * has changed since. It says what to look for and what to report, never what to fetch. It may be deleted at any time.
 */
export interface Mirrored {
  /** Stands for what was asked for: see `requestKey`. */
  readonly request: string;
  /** Stands for all that decided the selection: see `selectionKey`. */
  readonly key: string;
  /** Stands for all of that but the indexes: see `footingKey`. */
  readonly footing: string;
  /** The commit of the state it was selected on. */
  readonly state: string;
  /** How much of what is here each source supplied. */
  readonly sources: readonly {
    readonly source: string;
    readonly modules: number;
    readonly versions: number;
  }[];
  readonly skipped: MirrorReport['skipped'];
  readonly unmatched: MirrorReport['unmatched'];
  readonly undecided: MirrorReport['undecided'];
  readonly blocked: MirrorReport['blocked'];
  readonly unsatisfied: MirrorReport['unsatisfied'];
  /** Modules of which versions were selected for others that need them, and for nothing else. */
  readonly beside: readonly ModuleName[];
  /** What was selected and could not be had. */
  readonly missing: readonly { readonly module: ModuleName; readonly version: Version }[];
  /** Of all that was selected and is here. */
  readonly checksums: ChecksumList;
}

const module = v.custom<ModuleName>((name) => typeof name === 'string' && isModuleName(name));
const listed = v.array(v.object({ module, version: v.custom<Version>(isVersion) }));
const optionalText = v.optional(v.string());

/** The first line of the file, as it is trusted no more than what it was made of. */
const mirroredFacts = v.object({
  ...{ request: v.string(), key: v.string(), footing: v.string(), state: v.string() },
  sources: v.array(v.object({ source: v.string(), modules: v.number(), versions: v.number() })),
  skipped: v.array(
    v.object({
      ...{ module, origin: optionalText, reason: v.string() },
      kind: v.picklist(['other-origin', 'undecided', 'contradicted', 'no-version']),
    }),
  ),
  unmatched: v.array(
    v.object({ source: v.string(), pattern: v.string(), reason: v.string(), hint: optionalText }),
  ),
  undecided: v.array(
    v.object({
      ...{ source: v.string(), owner: v.string(), versions: v.number() },
      ...{ modules: v.array(module), requiredBy: v.array(module) },
    }),
  ),
  blocked: listed,
  unsatisfied: v.array(
    v.object({
      ...{ module: v.string(), requirement: v.string(), requiredBy: v.string(), reason: v.string() },
      kind: v.picklist(['impossible', 'unlisted', 'open']),
    }),
  ),
  beside: v.array(module),
  missing: listed,
});

/** Of the file: another one is none. */
const format = 2;

/** The same for mirrorings that ask for the same, which is known before any source was read. */
export function requestKey(config: Config, options: MirrorOptions): string | undefined {
  if (options.from !== undefined) return undefined;
  return digestOf([
    ...[programVersion, format],
    chooseTargets(options, config),
    isFromSettings(options),
    options.strict ?? false,
    options.latest ?? false,
  ]);
}

type Decisive = Pick<SyncResult, 'state' | 'snapshots' | 'config' | 'current'>;

/**
 * The same for mirrorings that select the same from the same indexes; `undefined` for one whose selection depends on more: on a
 * project's file, or on which archives are here (rule 6).
 */
export function footingKey(
  { state, snapshots, config, current }: Decisive,
  options: MirrorOptions,
): string | undefined {
  const policy = policyOf(config, snapshots, state);
  const isCachedOnly = !policy.upstreamFallback || policy.sources.some(({ isEnabled }) => !isEnabled);
  const request = requestKey(config, options);
  if (request === undefined || isCachedOnly) return undefined;
  const held = snapshots.map((record) => [record.source, record.held?.tree]);
  return digestOf([request, policyDigest(policy), held, [...current].sort()]);
}

/** The same for mirrorings that select the same; `undefined` as `footingKey`. */
export function selectionKey(read: Decisive, options: MirrorOptions): string | undefined {
  const footing = footingKey(read, options);
  const { state, snapshots } = read;
  return footing && digestOf([footing, state.commit, snapshots.map(({ source, tree }) => [source, tree])]);
}

function digestOf(decisive: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(decisive)).digest('hex');
}

/** What was written last; `undefined` if something else was asked for then, or it cannot be read. */
export async function readMirrored(config: Config, request: string): Promise<Mirrored | undefined> {
  // Whatever is the matter with it, the work it would spare can be done.
  const bytes = await readFile(fileOf(config)).catch(() => Buffer.alloc(0));
  const end = bytes.indexOf('\n');
  if (end < 0 || !bytes.subarray(0, end).includes(`{"request":"${request}",`)) return undefined;
  const facts = parseJson(bytes.toString('utf8', 0, end));
  if (!v.is(mirroredFacts, facts)) return undefined;
  return { ...(facts as Omit<Mirrored, 'checksums'>), checksums: bytes.subarray(end + 1) };
}

/** One JSON object, and a checksum on each line below it: those of before and these. */
export async function writeMirrored(
  config: Config,
  { checksums, ...facts }: Mirrored,
  added: Iterable<Checksum>,
): Promise<void> {
  const pieces = async function* () {
    yield Buffer.from(`${JSON.stringify(facts)}\n`);
    yield* addChecksums(checksums, added);
  };
  await writePiecesAtomic(fileOf(config), pieces());
}

function fileOf(config: Config): string {
  return join(config.registry.dataDir, 'mirrored.txt');
}
