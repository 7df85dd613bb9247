import { createHash } from 'node:crypto';
import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { LRUCache } from 'lru-cache';
import type { DiskShares } from '../../../archives/disk-share.ts';
import { detailOf } from '../../../model/lookup.ts';
import type { ModuleName } from '../../../model/module-name.ts';
import type { Source } from '../../../sources/source.ts';
import { writeFileAtomic } from '../../../support/disk/atomic-file.ts';
import { ifExists, onDisk } from '../../../support/disk/disk-errors.ts';
import { makeFolder } from '../../../support/disk/make-folder.ts';
import { createComplaints } from '../../../support/flow/complaints.ts';
import { createSingleFlight } from '../../../support/flow/single-flight.ts';
import type { Log } from '../../../support/log.ts';
import { receiveFile } from '../receive-file.ts';
import type { ServedFile } from '../served-bytes.ts';

const maxSymbolsBytes = 64 * 1024 * 1024;
/** Of the index as a whole, and of views. */
const rememberedMerges = 8;
const rememberedBytes = 2 * maxSymbolsBytes;

export interface SymbolsContext {
  readonly directory: string;
  readonly shares: DiskShares;
  readonly log: Log;
}

/**
 * `symbols.zip`: each source's own is kept as `<directory>/<source>.zip` and refreshed beside the index; clients get
 * one merged by the modules' origins. Help for editors, not code: a source that fails keeps its last one.
 */
export function createSymbols({ directory, shares, log }: SymbolsContext) {
  const merged = new LRUCache<string, ServedFile>({
    max: rememberedMerges,
    maxSize: rememberedBytes,
    sizeCalculation: ({ sizeBytes }) => Math.max(sizeBytes, 1),
  });
  const complaints = createComplaints();
  const merging = createSingleFlight<string, ServedFile>();
  const fileOf = (source: string) => symbolsFileOf(directory, source);

  async function refreshFrom(source: Source, signal: AbortSignal | undefined): Promise<void> {
    const { name } = source.config;
    const etag = (await readIfThere(`${fileOf(name)}.etag`))?.toString('latin1');
    const opened = await source.openSymbols(etag, signal);
    if (opened.kind === 'absent') {
      await rm(`${fileOf(name)}.etag`, { force: true });
      await rm(fileOf(name), { force: true });
      return;
    }
    if (opened.kind === 'unavailable') {
      log.debug('symbols were not refreshed', { source: name, detail: opened.cause.detail });
      return;
    }
    if (opened.value === 'notModified') return;
    // Gone first: bytes of a new file under the tag of the old one would never be asked for again.
    await rm(`${fileOf(name)}.etag`, { force: true });
    // Somebody may have removed it, as all that can be had again.
    await makeFolder(directory);
    const ticket = shares.open({ name, diskShare: source.config.limits.diskShare });
    const read = await receiveFile(fileOf(name), opened.value, { maxBytes: maxSymbolsBytes, ticket });
    if (read.kind !== 'found') {
      const detail = detailOf(read);
      if (complaints.isNew(name, detail))
        log.warn('symbols could not be read, and stay as they were', { source: name, detail });
      return;
    }
    complaints.isWell(name);
    if (opened.value.etag !== undefined) await writeFileAtomic(`${fileOf(name)}.etag`, opened.value.etag);
  }

  async function merge(
    sources: readonly string[],
    originOf: (module: ModuleName) => string | undefined,
  ): Promise<ServedFile> {
    const parts = sources.map((source) => ({ source, zip: fileOf(source) }));
    const { mergeSymbols } = await import('./symbols.ts');
    const { zip, findings } = await mergeSymbols(parts, (source, module) => originOf(module) === source);
    for (const finding of findings) log.warn('symbols were left out', { finding });
    return { etag: createHash('sha256').update(zip).digest('hex'), sizeBytes: zip.length, content: zip };
  }

  return {
    async refresh(sources: readonly Source[], signal?: AbortSignal): Promise<void> {
      const results = await Promise.allSettled(sources.map((source) => refreshFrom(source, signal)));
      for (const [position, result] of results.entries()) {
        if (result.status === 'fulfilled') continue;
        const source = sources[position]?.config.name;
        log.debug('symbols were not refreshed', { source, detail: String(result.reason) });
      }
      merged.clear();
    },

    /** Of `sources`, most trusted first; merged once, however many ask. `state` names the state the origins belong to; the files are looked at, as another process may refresh them. */
    async serve(
      state: string,
      sources: readonly string[],
      loadOrigins: () => Promise<(module: ModuleName) => string | undefined>,
    ): Promise<ServedFile> {
      const marks = await Promise.all(sources.map((source) => markOf(fileOf(source))));
      const key = [state, ...marks].join(' ');
      const before = merged.get(key);
      if (before) return before;
      return merging.run(key, async () => {
        const served = await merge(
          sources.filter((_, position) => marks[position] !== ''),
          await loadOrigins(),
        );
        merged.set(key, served);
        return served;
      });
    },
  };
}

/** Where a source's symbols are kept. */
export function symbolsFileOf(directory: string, source: string): string {
  return join(directory, `${source}.zip`);
}

/** Changes when the file is written anew. */
async function markOf(file: string): Promise<string> {
  const facts = await onDisk(`look at ${file}`, () => ifExists(stat(file)));
  return facts ? `${facts.ino}:${facts.size}:${facts.mtimeMs}` : '';
}

async function readIfThere(file: string): Promise<Buffer | undefined> {
  return onDisk(`read ${file}`, () => ifExists(readFile(file)));
}
