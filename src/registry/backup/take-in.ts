import { isUtf8 } from 'node:buffer';
import { join, relative, sep } from 'node:path';
import { Readable } from 'node:stream';
import type { ArchiveStore } from '../../archives/archive-store.ts';
import { configFileName, schemaFileName } from '../../config/config-file.ts';
import { setValue } from '../../config/edit.ts';
import { addEditorSchema, namesEditorSchema } from '../../config/editor-schema.ts';
import { parseConfig } from '../../config/load.ts';
import { IntegrityError } from '../../errors.ts';
import { type Checksum, isChecksum } from '../../model/checksum.ts';
import { writePieces } from '../../support/disk/atomic-file.ts';
import { makeFolder } from '../../support/disk/make-folder.ts';
import { type DataLayout, dataLayout } from '../data-layout.ts';
import { writeAssetPin } from '../deliver/assets/asset-pins.ts';
import { symbolsFileOf } from '../deliver/symbols/served-symbols.ts';
import { openStores } from '../parts.ts';
import { createFolders } from '../upkeep/init.ts';
import { auditFileOf } from './members.ts';
import { type BackupEntry, readAll } from './read-backup.ts';
import { leadsOutOf, listRestoredSources, type RestoredSource } from './restored-sources.ts';

/** Where the parts of a backup have been put, all of them right and durable. */
export interface TakenIn {
  readonly dataDir: string;
  readonly layout: DataLayout;
  /** The file that holds the index. */
  readonly bundle: string;
  /** How many archives are in the store now. */
  readonly archives: number;
  /** How many assets are. */
  readonly assets: number;
  /** See `RestoreReport`. */
  readonly movedDataDir: string | undefined;
  readonly sources: readonly RestoredSource[];
}

export interface TakeInOptions {
  /** Where the folder will be moved to: relative paths in the settings start there. */
  readonly target: string;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((archives: number) => void) | undefined;
}

const bundleName = 'index.bundle';
const maxConfigBytes = 16 * 1024 * 1024;
const maxPinBytes = 65;
/** What is smaller is stored beside others: each waits for the disk. */
const largestBeside = 1024 * 1024;
const storedAtOnce = 16;

/** Puts each part of a backup where it belongs in a new registry in `folder`. Throws `IntegrityError` for what does not belong. */
export async function takeIn(
  entries: AsyncIterable<BackupEntry>,
  folder: string,
  options: TakeInOptions,
): Promise<TakenIn> {
  const bundle = join(folder, bundleName);
  const storing = createStoring(options.signal);
  const counts = { archive: 0, asset: 0 };
  let place: Place | undefined;
  let hasIndex = false;
  try {
    for await (const { member, sizeBytes, body } of entries) {
      options.signal?.throwIfAborted();
      if (member.kind === 'config') {
        place = await takeSettings(await readAll(body, maxConfigBytes), folder, options);
        continue;
      }
      // It says where all the rest goes.
      if (!place) throw new IntegrityError('registry.toml is not at its beginning');
      switch (member.kind) {
        case 'index':
          await writePieces(bundle, body);
          hasIndex = true;
          break;
        case 'archive':
        case 'asset':
          await storing.add(place.stores[member.kind], member.checksum, sizeBytes, body);
          counts[member.kind]++;
          options.onProgress?.(counts.archive);
          break;
        default:
          await takeFile(member, body, place);
      }
    }
    if (!place || !hasIndex) throw new IntegrityError('it has no registry.toml or no index');
  } finally {
    // Whoever removes the folder after a failure must find nobody who still writes there.
    await storing.settle();
  }
  storing.throwIfFailed();
  const { dataDir, layout, movedDataDir, sources } = place;
  const { archive: archives, asset: assets } = counts;
  return { dataDir, layout, bundle, archives, assets, movedDataDir, sources };
}

async function takeFile(
  member: Extract<BackupEntry['member'], { kind: 'audit' | 'symbols' | 'asset-pin' }>,
  body: AsyncIterable<Buffer>,
  { dataDir, layout }: Place,
): Promise<void> {
  switch (member.kind) {
    case 'audit':
      return writePieces(join(dataDir, auditFileOf(member.age)), body, { mode: 0o640 });
    case 'symbols':
      return writePieces(symbolsFileOf(layout.symbols, member.source), body);
    case 'asset-pin':
      return writeAssetPin(layout.assets, member.key, parsePin(await readAll(body, maxPinBytes)));
  }
}

type Place = Awaited<ReturnType<typeof takeSettings>>;

/** Writes the settings, and makes the folders that they name. */
async function takeSettings(bytes: Buffer, folder: string, { target }: TakeInOptions) {
  if (!isUtf8(bytes)) throw new IntegrityError('its registry.toml is not UTF-8 text');
  const text = bytes.toString('utf8');
  const config = parseConfig(text, { directory: target });
  const configured = config.registry.dataDir;
  const inside = relative(target, configured);
  // Wherever else the data were: another registry may be there now.
  const isOutside = leadsOutOf(target, configured);
  if (!isOutside) requireFree(inside);
  const settings = isOutside ? Buffer.from(setValue(text, 'registry.data_dir', 'data')) : bytes;
  const dataDir = join(folder, isOutside ? 'data' : inside);
  const layout = dataLayout(dataDir);
  await writePieces(join(folder, configFileName), [settings]);
  if (namesEditorSchema(text)) await addEditorSchema(folder);
  await makeFolder(dataDir);
  await createFolders(layout);
  const { files, assetFiles } = openStores(layout);
  return {
    ...{ dataDir, layout, stores: { archive: files, asset: assetFiles } },
    movedDataDir: isOutside ? configured : undefined,
    sources: listRestoredSources(config),
  };
}

/** The data cannot be in a file of the folder. */
function requireFree(dataDir: string): void {
  const [first = ''] = dataDir.split(sep);
  if (![configFileName, schemaFileName, bundleName].includes(first.toLowerCase())) return;
  throw new IntegrityError(`its registry.data_dir is "${dataDir}", where the file ${first} has its place`, {
    hint: 'let registry.data_dir be another folder, e.g. "data", where the backup was made, and back up again',
  });
}

function parsePin(bytes: Buffer): Checksum {
  const text = bytes.toString('latin1').trim();
  if (!isChecksum(text)) throw new IntegrityError('what an asset is pinned to in it is no checksum');
  return text;
}

/** Stores small files beside one another, since each waits for the disk, and large ones as they come. */
function createStoring(signal: AbortSignal | undefined) {
  const running = new Set<Promise<unknown>>();
  let failure: { readonly error: unknown } | undefined;

  async function store(to: ArchiveStore, checksum: Checksum, body: Readable): Promise<void> {
    try {
      await to.store(checksum, body, { signal });
    } catch (error) {
      throw error instanceof IntegrityError
        ? new IntegrityError(`archive ${checksum} in it is damaged`)
        : error;
    }
  }

  const throwIfFailed = () => {
    if (failure) throw failure.error;
  };

  return {
    throwIfFailed,
    /** Resolves when nothing is being stored any more, whatever came of it. */
    settle: async () => void (await Promise.all(running)),
    async add(to: ArchiveStore, checksum: Checksum, sizeBytes: number, body: AsyncIterable<Buffer>) {
      throwIfFailed();
      if (sizeBytes > largestBeside) return store(to, checksum, Readable.from(body));
      const work: Promise<unknown> = store(to, checksum, Readable.from([await readAll(body, sizeBytes)]))
        .catch((error: unknown) => {
          failure ??= { error };
        })
        .finally(() => running.delete(work));
      running.add(work);
      if (running.size >= storedAtOnce) await Promise.race(running);
    },
  };
}
