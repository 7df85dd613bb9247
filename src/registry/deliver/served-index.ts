import { LRUCache } from 'lru-cache';
import type { GitIndex } from '../../index/git-index.ts';
import { parseIndexFile } from '../../index/index-file.ts';
import { indexPathOf, readIndexPath } from '../../index/layout.ts';
import type { IndexEntry } from '../../model/index-entry.ts';
import { type ModuleName, ownerOf } from '../../model/module-name.ts';
import type { Version } from '../../model/version.ts';
import { createFairTurns } from '../../support/flow/fair-queue.ts';

/** The index as clients see it now, a module at a time. What was read of a commit is remembered. */
export interface ServedIndex {
  readFile(module: ModuleName): Promise<Buffer | undefined>;
  /** The entry a client would use. */
  find(module: ModuleName, version: Version): Promise<IndexEntry | undefined>;
  /** Every module with its file, in path order. */
  readAll(): AsyncIterable<{ readonly module: ModuleName; readonly file: Buffer }>;
}

const rememberedModules = 4096;
/** Of all of them together: one module may have ten thousand. */
const rememberedVersions = 100_000;
/** As many as keep git busy. */
const readAtOnce = 16;

/** Of what is served now, or of what `servedCommit` names instead. */
export function createServedIndex(index: Pick<GitIndex, 'servedCommit' | 'read' | 'list'>): ServedIndex {
  const entries = new LRUCache<string, ReadonlyMap<Version, IndexEntry>>({
    max: rememberedModules,
    maxSize: rememberedVersions,
  });
  // However many modules of one owner are asked for, those of another are read in their turn.
  const reading = createFairTurns(readAtOnce);

  async function readFile(module: ModuleName): Promise<Buffer | undefined> {
    return index.read(`${await index.servedCommit()}:${indexPathOf(module)}`);
  }

  return {
    readFile,
    async *readAll() {
      for (const [path, id] of await index.list(await index.servedCommit())) {
        const target = readIndexPath(path);
        const file = target.kind === 'module' ? await index.read(id) : undefined;
        if (target.kind === 'module' && file) yield { module: target.module, file };
      }
    },
    async find(module, version) {
      const key = `${await index.servedCommit()}:${indexPathOf(module)}`;
      const known = entries.get(key);
      if (known) return known.get(version);
      const file = await reading.run(ownerOf(module), () => index.read(key));
      if (!file) return undefined;
      // A later line of the same version replaces an earlier one, as it does for clients.
      const parsed = new Map(parseIndexFile(file).lines.map(({ entry }) => [entry.version, entry]));
      entries.set(key, parsed, { size: 1 + parsed.size });
      return parsed.get(version);
    },
  };
}
