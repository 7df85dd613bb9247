import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../../config/config.ts';
import { type Checksum, isChecksum } from '../../model/checksum.ts';
import { writeFileAtomic } from '../../support/disk/atomic-file.ts';
import { programVersion } from '../../support/version.ts';
import { policyDigest, policyOf } from '../decide/policy.ts';
import type { SyncResult } from '../sync/sync.ts';
import type { MirrorOptions } from './mirror-options.ts';
import type { MirrorReport } from './mirror-report.ts';
import { chooseTargets, isFromSettings } from './mirror-targets.ts';

/**
 * What the last complete mirroring selected. As long as nothing that decides a selection has changed, whoever mirrors
 * the same again need only look whether all archives are still here. It says what to look for and what to report,
 * never what to fetch: with one archive missing, everything is selected anew. It may be deleted at any time.
 */
export interface Mirrored {
  /** Stands for what was asked for: see `requestKey`. */
  readonly request: string;
  /** Stands for all that decided the selection: see `selectionKey`. */
  readonly key: string;
  /** How much each source supplied. */
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
  readonly checksums: readonly Checksum[];
}

/** The same for mirrorings that ask for the same, which is known before any source was read. */
export function requestKey(config: Config, options: MirrorOptions): string | undefined {
  if (options.from !== undefined) return undefined;
  return digestOf([
    programVersion,
    chooseTargets(options, config),
    isFromSettings(options),
    options.strict ?? false,
    options.latest ?? false,
  ]);
}

/**
 * The same for mirrorings that select the same; `undefined` for one whose selection depends on more: on a project's
 * file, or on which archives are here (rule 6).
 */
export function selectionKey(
  { state, snapshots, config, current }: Pick<SyncResult, 'state' | 'snapshots' | 'config' | 'current'>,
  options: MirrorOptions,
): string | undefined {
  const policy = policyOf(config, snapshots);
  const isCachedOnly = !policy.upstreamFallback || policy.sources.some(({ isEnabled }) => !isEnabled);
  const request = requestKey(config, options);
  if (request === undefined || isCachedOnly) return undefined;
  return digestOf([
    request,
    state.commit,
    snapshots.map(({ source, tree }) => [source, tree]),
    policyDigest(policy),
    [...current].sort(),
  ]);
}

function digestOf(decisive: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(decisive)).digest('hex');
}

/** What was written last; `undefined` if something else was asked for then, or it cannot be read. */
export async function readMirrored(config: Config, request: string): Promise<Mirrored | undefined> {
  const file = fileOf(config);
  // Whatever is the matter with it, the work it would spare can be done.
  const text = await readFile(file, 'latin1').catch(() => undefined);
  const [head = '', ...checksums] = text?.split('\n') ?? [];
  if (!head.startsWith(`{"request":"${request}",`) || checksums.pop() !== '' || !checksums.every(isChecksum))
    return undefined;
  try {
    return { ...JSON.parse(Buffer.from(head, 'latin1').toString()), checksums };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** One JSON object, and a checksum on each line below it. */
export async function writeMirrored(config: Config, { checksums, ...rest }: Mirrored): Promise<void> {
  const lines = [JSON.stringify(rest), ...checksums];
  await writeFileAtomic(fileOf(config), `${lines.join('\n')}\n`);
}

function fileOf(config: Config): string {
  return join(config.registry.dataDir, 'mirrored.txt');
}
