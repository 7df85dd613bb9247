import { existsSync } from 'node:fs';
import { lstat, readdir, readlink, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { ConfigError, IntegrityError, StorageError } from '../../errors.ts';
import { openGitIndex } from '../../index/git-index.ts';
import { unbundleIndex } from '../../index/index-bundle.ts';
import { lookAtIndex } from '../../index/index-standing.ts';
import { formatProblem } from '../../index/registry-state.ts';
import type { StateView } from '../../index/state-view.ts';
import { ifExists, onDisk } from '../../support/disk/disk-errors.ts';
import { syncDirectory } from '../../support/disk/file-system-gaps.ts';
import { makeFolder } from '../../support/disk/make-folder.ts';
import { syncTree } from '../../support/disk/sync-tree.ts';
import { findAbandoned, removeFiles, temporaryName } from '../../support/disk/temporary-file.ts';
import { errorCode } from '../../support/error-code.ts';
import { silentLog } from '../../support/log.ts';
import { shellLine } from '../../support/shell.ts';
import { dataLayout } from '../data-layout.ts';
import { type Actor, openAudit } from '../record/audit.ts';
import { verifyRepository } from '../upkeep/verify-repository.ts';
import type { BackupFacts } from './backup-facts.ts';
import { openBackup } from './read-backup.ts';
import type { RestoredSource } from './restored-sources.ts';
import { type TakenIn, takeIn } from './take-in.ts';

export interface RestoreReport {
  /** Absolute. */
  readonly directory: string;
  /** When the backup was made: ISO 8601, UTC. What happened in the registry later is not in it. */
  readonly madeAt: string;
  readonly state: string;
  readonly served: string;
  readonly modules: number;
  readonly archives: number;
  readonly assets: number;
  /** Where the settings put the data, outside of the folder, if they were changed to `data` for that. */
  readonly movedDataDir: string | undefined;
  /** Whom the restored settings ask, and what they send there. */
  readonly sources: readonly RestoredSource[];
}

export interface RestoreOptions {
  /** What people call the backup. */
  readonly name: string;
  readonly actor: Actor;
  readonly now?: (() => Date) | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((archives: number) => void) | undefined;
}

/**
 * Makes a registry of a backup in a folder that is missing or empty. It is built beside that folder and moved there when
 * all of it has been verified and is durable: there is a whole registry, or nothing. Throws `IntegrityError` for a file
 * that is damaged, cut, or none of ours.
 */
export async function restoreBackup(
  pieces: AsyncIterable<Buffer>,
  directory: string,
  options: RestoreOptions,
): Promise<RestoreReport> {
  const target = await checkFolder(directory);
  const prefix = join(dirname(target), `.${basename(target)}`);
  await removeFiles((await findAbandoned(dirname(target))).filter((file) => file.startsWith(`${prefix}.`)));
  const temporary = temporaryName(prefix);
  try {
    await makeFolder(temporary);
    const built = await build(pieces, temporary, target, options).catch((error: unknown) => {
      throw describeDamage(error, options.name);
    });
    options.signal?.throwIfAborted();
    await publish(temporary, target);
    return { directory: target, ...built };
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
}

async function build(
  pieces: AsyncIterable<Buffer>,
  folder: string,
  target: string,
  { actor, now = () => new Date(), signal, onProgress }: RestoreOptions,
): Promise<Omit<RestoreReport, 'directory'>> {
  const { manifest, entries } = await openBackup(pieces);
  const unknown = formatProblem(String(manifest.dataFormat), 'it');
  if (unknown) throw unknown;
  const taken = await takeIn(entries, folder, { target, signal, onProgress });
  const { modules } = await makeIndex(taken, manifest, signal);
  const audit = openAudit({ dataDir: taken.dataDir, actor, log: silentLog, now });
  await audit.record([{ event: 'restored', state: manifest.state, madeAt: manifest.madeAt }]);
  await syncTree(taken.layout.index);
  for (const place of [taken.layout.symbols, taken.dataDir, folder])
    await onDisk(`write ${place}`, () => syncDirectory(place));
  const { archives, assets, movedDataDir, sources } = taken;
  const { madeAt, state, served } = manifest;
  return { madeAt, state, served, modules, archives, assets, movedDataDir, sources };
}

/** All objects were hashed by git, which took them in; that none is missing is seen here. */
async function makeIndex(
  { layout, bundle }: TakenIn,
  { state, served }: BackupFacts,
  signal: AbortSignal | undefined,
): Promise<StateView> {
  await unbundleIndex(bundle, layout.index, { commit: state, served });
  await onDisk(`remove ${bundle}`, () => rm(bundle));
  const steps = await verifyRepository(layout.index, [], { deep: false, signal, sources: new Set() });
  const [problem] = steps.flatMap(({ findings }) =>
    findings.filter(({ severity }) => severity === 'problem'),
  );
  if (problem) throw new IntegrityError(`its index is not whole: ${problem.subject} ${problem.detail}`);
  const index = await openGitIndex(layout.index);
  try {
    return await index.state();
  } finally {
    index.close();
  }
}

/** The folder as an absolute path. Throws `StorageError` where no registry can be put. */
async function checkFolder(directory: string): Promise<string> {
  const asked = resolve(directory);
  return onDisk(`look at ${asked}`, async () => {
    const target = (await ifExists(realpath(asked))) ?? asked;
    await refuseLink(target);
    const parent = await ifExists(stat(dirname(target)));
    if (!parent)
      throw new StorageError(`there is no folder ${dirname(target)}`, {
        hint: shellLine`mkdir -p ${dirname(target)}`,
      });
    await refuseData(await realpath(dirname(target)));
    const there = await ifExists(stat(target));
    if (!there) return target;
    const names = there.isDirectory() ? await readdir(target) : [''];
    if (names.length > 0) throw occupied(target);
    if (there.dev === parent.dev) return target;
    // A folder is put in place by renaming, which no mount point takes.
    throw new StorageError(`${target} is where another file system begins, which cannot be replaced`, {
      hint: `choose a new folder in it: ${join(target, 'registry')}`,
    });
  });
}

/** What is left a link when all of them have been followed leads nowhere. */
async function refuseLink(target: string): Promise<void> {
  const facts = await ifExists(lstat(target));
  if (!facts?.isSymbolicLink()) return;
  throw new StorageError(`${target} is a link to ${await readlink(target)}, which is not there`, {
    hint: `choose another folder, or remove the link: ${shellLine`rm ${target}`}`,
  });
}

/** Whatever a registry does not know in its data folder it may remove. */
async function refuseData(folder: string): Promise<void> {
  for (const candidate of [folder, ...parentsOf(folder)]) {
    const { index, packages } = dataLayout(candidate);
    if (!existsSync(packages) || !['whole', 'damaged'].includes((await lookAtIndex(index)).kind)) continue;
    throw new StorageError(`${candidate} holds the data of another registry, so none can be restored in it`, {
      hint: 'choose a folder outside of it',
    });
  }
}

function parentsOf(folder: string): string[] {
  const parent = dirname(folder);
  return parent === folder ? [] : [parent, ...parentsOf(parent)];
}

async function publish(temporary: string, target: string): Promise<void> {
  await onDisk(`move the registry to ${target}`, async () => {
    try {
      await rename(temporary, target);
    } catch (cause) {
      throw ['EEXIST', 'ENOTEMPTY', 'ENOTDIR'].includes(errorCode(cause) ?? '')
        ? occupied(target, cause)
        : cause;
    }
    await syncDirectory(dirname(target));
  });
}

function occupied(target: string, cause?: unknown): StorageError {
  return new StorageError(`${target} is not empty: nothing was restored, and nothing there was changed`, {
    cause,
    hint: 'choose a folder that does not exist yet',
  });
}

function describeDamage(error: unknown, name: string): unknown {
  if (error instanceof ConfigError)
    return new ConfigError(`${name} cannot be restored: in it, ${error.message}`, error.problems, {
      cause: error,
      hint: `restore it with the version that made it, which this names: ${shellLine`tar -xOf ${name} manifest.json`}`,
    });
  if (!(error instanceof IntegrityError)) return error;
  return new IntegrityError(`${name} cannot be restored: ${error.message}`, {
    cause: error,
    hint: error.hint ?? 'nothing was restored: take another copy of it, or an earlier backup',
  });
}
