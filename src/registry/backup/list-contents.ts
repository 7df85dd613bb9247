import { createReadStream } from 'node:fs';
import { open, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArchiveStore } from '../../archives/archive-store.ts';
import type { Checksum } from '../../model/checksum.ts';
import { ifExists, onDisk } from '../../support/disk/disk-errors.ts';
import type { DataLayout } from '../data-layout.ts';
import { listAssetPins } from '../deliver/assets/asset-pins.ts';
import { symbolsFileOf } from '../deliver/symbols/served-symbols.ts';
import type { Content } from './compose-backup.ts';
import { auditFileOf, type Member, nameOfMember, parseMember } from './members.ts';
import { type LeftOut, storedContent } from './stored-contents.ts';

export interface Sources {
  readonly manifest: Buffer;
  /** The text of `registry.toml`. */
  readonly config: Buffer;
  /** A file that holds the index and its history. */
  readonly bundle: string;
  readonly dataDir: string;
  readonly layout: DataLayout;
  readonly files: ArchiveStore;
  readonly assetFiles: ArchiveStore;
  /** Archives that wait for approval. */
  readonly staged: ArchiveStore;
  /** The archives that the state names. */
  readonly named: ReadonlySet<Checksum>;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** What a backup turned out to hold, filled while it is written. */
export interface Tally {
  archives: number;
  assets: number;
  readonly leftOut: LeftOut[];
}

/** All that stands in a backup, each thing looked at only when the one before has been written. */
export async function* listContents(
  sources: Sources,
  tally: Tally,
): AsyncGenerator<Content, void, undefined> {
  yield inMemory({ kind: 'manifest' }, sources.manifest);
  yield inMemory({ kind: 'config' }, sources.config);
  const { size } = await onDisk(`read ${sources.bundle}`, () => stat(sources.bundle));
  yield { member: { kind: 'index' }, sizeBytes: size, read: () => createReadStream(sources.bundle) };
  yield* auditFiles(sources.dataDir);
  yield* symbols(sources.layout.symbols);
  yield* assets(sources, tally);
  yield* archives(sources, tally);
}

function inMemory(member: Member, bytes: Buffer): Content {
  return { member, sizeBytes: bytes.length, read: () => [bytes] };
}

/** As long as it is put aside meanwhile, the youngest first meets none twice and passes over none. */
async function* auditFiles(dataDir: string): AsyncGenerator<Content, void, undefined> {
  const seen = new Set<number>();
  for (let place = 0; ; place++) {
    const file = join(dataDir, auditFileOf(place));
    const found = await onDisk(`read ${file}`, () => ifExists(readWithIdentity(file)));
    if (!found && place > 0) return;
    if (!found || seen.has(found.ino)) continue;
    // What is being written just now may end within a line.
    const whole = found.bytes.subarray(0, found.bytes.lastIndexOf(10) + 1);
    yield inMemory({ kind: 'audit', age: seen.size }, whole);
    seen.add(found.ino);
  }
}

async function readWithIdentity(file: string): Promise<{ readonly ino: number; readonly bytes: Buffer }> {
  const handle = await open(file, 'r');
  try {
    return { ino: (await handle.stat()).ino, bytes: await handle.readFile() };
  } finally {
    await handle.close();
  }
}

async function* symbols(directory: string): AsyncGenerator<Content, void, undefined> {
  const names = (await onDisk(`read ${directory}`, () => ifExists(readdir(directory)))) ?? [];
  for (const name of names.sort()) {
    const member: Member = { kind: 'symbols', source: name.replace(/\.zip$/, '') };
    if (!name.endsWith('.zip') || parseMember(nameOfMember(member)) === undefined) continue;
    const file = symbolsFileOf(directory, member.source);
    const bytes = await onDisk(`read ${file}`, () => ifExists(readFile(file)));
    if (bytes) yield inMemory(member, bytes);
  }
}

async function* assets(sources: Sources, tally: Tally): AsyncGenerator<Content, void, undefined> {
  const pinned = new Set<Checksum>();
  for await (const { key, checksum } of listAssetPins(sources.layout.assets)) {
    pinned.add(checksum);
    yield inMemory({ kind: 'asset-pin', key }, Buffer.from(`${checksum}\n`));
  }
  for (const checksum of pinned) {
    sources.signal?.throwIfAborted();
    // One that was never asked for is not here.
    if (!(await sources.assetFiles.has(checksum))) continue;
    const content = await storedContent(sources.assetFiles, 'asset', checksum, sources.signal);
    if ('reason' in content) tally.leftOut.push(content);
    else {
      yield content;
      tally.assets++;
    }
  }
}

async function* archives(sources: Sources, tally: Tally): AsyncGenerator<Content, void, undefined> {
  const { files, staged, named, signal, onProgress } = sources;
  const here = new Map<Checksum, ArchiveStore>();
  for (const store of [staged, files])
    for await (const names of store.names())
      for (const name of names) if (named.has(name)) here.set(name, store);
  let done = 0;
  for (const [checksum, store] of [...here].sort(([a], [b]) => (a < b ? -1 : 1))) {
    signal?.throwIfAborted();
    onProgress?.(done++, here.size);
    const content = await storedContent(store, 'archive', checksum, signal);
    if ('reason' in content) {
      tally.leftOut.push(content);
      continue;
    }
    yield content;
    tally.archives++;
  }
}
