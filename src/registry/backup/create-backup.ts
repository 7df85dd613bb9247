import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { loadConfig, readConfigText } from '../../config/load.ts';
import { StorageError } from '../../errors.ts';
import { listKeptRefs, refsOf, writeIndexBundle } from '../../index/index-bundle.ts';
import { writePiecesAtomic } from '../../support/disk/atomic-file.ts';
import { temporaryName } from '../../support/disk/temporary-file.ts';
import { dataLayout } from '../data-layout.ts';
import type { OpenOptions } from '../ground.ts';
import { openParts, type RegistryParts } from '../parts.ts';
import { requireData } from '../upkeep/init.ts';
import { verifyContents } from '../upkeep/verify-contents.ts';
import { formatBackupFacts } from './backup-facts.ts';
import { findPlace } from './backup-place.ts';
import { composeBackup } from './compose-backup.ts';
import { listContents, type Tally } from './list-contents.ts';
import type { LeftOut } from './stored-contents.ts';

export interface BackupReport {
  /** Absolute; `undefined` where its bytes went to the caller. */
  readonly file: string | undefined;
  /** ISO 8601, UTC. */
  readonly madeAt: string;
  readonly state: string;
  readonly served: string;
  readonly modules: number;
  readonly archives: number;
  readonly assets: number;
  readonly sizeBytes: number;
  /** Archives and assets that should be in it and are not. */
  readonly leftOut: readonly LeftOut[];
  /** What is wrong with ledger and index, which are in it as they are. */
  readonly problems: readonly string[];
}

export interface BackupOptions {
  /** Where it goes: a file, or whoever takes the bytes. */
  readonly target: string | ((pieces: AsyncIterable<Buffer>) => Promise<void>);
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** What a backup holds beside archives is nobody else's business: internal addresses, who did what. */
const fileMode = 0o600;

/**
 * Writes one state of a registry with all that it names and has, whatever other processes do to the registry meanwhile.
 * Changes nothing in it. A file appears when it is whole and durable; what it held before stays until then.
 */
export async function createBackup(opening: OpenOptions, options: BackupOptions): Promise<BackupReport> {
  const { registry } = await loadConfig(opening.directory);
  const layout = dataLayout(registry.dataDir);
  if (!(await requireData(opening.directory, layout)))
    throw new StorageError(`there is no index repository in ${layout.index}: nothing to back up yet`, {
      hint: 'run "moonbit-registry sync" first',
    });
  const file =
    typeof options.target === 'string' ? await findPlace(options.target, registry.dataDir) : undefined;
  const bundle = temporaryName(
    join(file === undefined ? tmpdir() : dirname(file), `.${basename(file ?? 'backup')}`),
  );
  const parts = await openParts({ ...opening, mode: 'read' });
  try {
    return await writeBackup(opening, parts, { ...options, bundle, file });
  } finally {
    await rm(bundle, { force: true });
    await parts.close();
  }
}

async function writeBackup(
  { directory, now = () => new Date() }: OpenOptions,
  parts: RegistryParts,
  {
    target,
    bundle,
    file,
    signal,
    onProgress,
  }: BackupOptions & { readonly bundle: string; readonly file: string | undefined },
): Promise<BackupReport> {
  const { index, layout, configuration, files, assetFiles } = parts;
  const staged = parts.staged.stored;
  const { sources, registry } = configuration.current();
  const config = Buffer.from(await readConfigText(directory));
  const kept = await listKeptRefs(index.directory);
  const state = await index.state();
  const madeAt = now();
  const names = new Set(sources.map(({ name }) => name));
  const { named, steps } = await verifyContents(index, state, { signal, sources: names });
  await writeIndexBundle(index.directory, bundle, refsOf(state, kept), signal);
  const facts = { madeAt: madeAt.toISOString(), state: state.commit, served: state.served };
  const manifest = formatBackupFacts({ registry: registry.name, dataFormat: state.format, ...facts });
  const tally: Tally = { archives: 0, assets: 0, leftOut: [] };
  const counter = { sizeBytes: 0 };
  const contents = listContents(
    {
      ...{ manifest, config, bundle, dataDir: registry.dataDir, layout, files, assetFiles, staged, named },
      signal,
      onProgress,
    },
    tally,
  );
  const pieces = counted(composeBackup(contents, madeAt), counter);
  if (typeof target === 'function') await target(pieces);
  else await writePiecesAtomic(file ?? target, pieces, { mode: fileMode, largestMode: fileMode });
  const problems = steps.flatMap(({ findings }) =>
    findings
      .filter(({ severity }) => severity === 'problem')
      .map(({ subject, detail }) => `${subject} ${detail}`),
  );
  return { file, ...facts, modules: state.modules, ...tally, sizeBytes: counter.sizeBytes, problems };
}

async function* counted(pieces: AsyncIterable<Buffer>, counter: { sizeBytes: number }) {
  for await (const piece of pieces) {
    counter.sizeBytes += piece.length;
    yield piece;
  }
}
