/** The official index as it was on 14 February 2026, adopted by an upstream on loopback that has an archive for each version. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openFileArchiveStore } from '../../src/archives/file-archive-store.ts';
import { git, shallowClone } from '../support/git-client.ts';
import { realIndexBundle } from '../support/real-index.ts';
import { readServed } from '../support/registry-world.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { sha256, startUpstream } from '../support/worlds.ts';
import { readCheckout, readServedFiles, serveRegistry } from './served-registry.ts';

/** What the index has, and what of it clients can parse: ten lines they cannot, which are all that four modules have. */
const listed = { modules: 887, versions: 6548 };
const [modules, versions] = [883, 6538];
const bundle = realIndexBundle();

test.skipIf(bundle === undefined)(
  'all of it that clients can parse, 883 modules and 6,538 versions, is mirrored, verified and served as they are (skipped without the bundle of the real index)',
  async () => {
    const upstream = await startUpstream();
    const adopted = await upstream.adoptIndex(bundle ?? '', { medianBytes: 0 });
    expect(adopted).toMatchObject(listed);
    const { registry, indexUrl } = await serveRegistry({ sources: [{ name: 'mooncakes', upstream }] });

    const first = await registry.mirror({ patterns: [], full: true });
    expect(first).toMatchObject({ failed: [], skipped: [] });
    const dropped = new Set(first.findings.map(({ module }) => `user/${module}.index`));
    // One for each of four files without any other line, and for each of three lines of two more.
    expect([first.findings.length, dropped.size]).toEqual([7, 6]);
    expect(first.sources).toMatchObject([{ modules, versions, downloaded: versions, present: 0 }]);
    const served = await readServed(registry);
    expect(Object.keys(served)).toHaveLength(versions);
    const stored = await readStore(join(registry.config.registry.dataDir, 'packages'));
    expect(stored).toEqual(new Set(Object.values(served)));
    expect(stored.size).toBe(versions);

    // Aggregating rewrites nothing that it need not: all other files are the same objects.
    const others = async (repository: string) =>
      (await listBlobs(repository)).filter((entry) => !dropped.has(entry.slice(entry.indexOf('\t') + 1)));
    expect(await others(registry.indexDirectory)).toEqual(await others(upstream.index.repository));
    const directory = join(temporaryDirectory(), 'clone');
    await shallowClone(indexUrl, directory);
    expect(await readCheckout(directory)).toEqual(await readServedFiles(registry));

    upstream.resetCounts();
    const { checksum } = await upstream.publish('moonbitlang/core@99.0.0');
    const second = await registry.mirror({ patterns: [], full: true });
    expect(second.sources).toMatchObject([{ versions: versions + 1, downloaded: 1, present: versions }]);
    expect((await readServed(registry))['moonbitlang/core@99.0.0']).toBe(checksum);
    expect(upstream.count('/user/')).toBe(1);
    upstream.resetCounts();
    const third = await registry.mirror({ patterns: [], full: true });
    expect(third.sources).toMatchObject([{ downloaded: 0, present: versions + 1 }]);
    expect(upstream.count('/user/')).toBe(0);
  },
  120_000,
);

/** The checksums of all archives in a store, each computed from its bytes. */
async function readStore(directory: string): Promise<Set<string>> {
  const store = openFileArchiveStore(directory);
  const actual = new Set<string>();
  for await (const { checksum } of store.list()) {
    const bytes = await store.read(checksum);
    expect(bytes && sha256(bytes)).toBe(checksum);
    actual.add(checksum);
  }
  return actual;
}

async function listBlobs(repository: string): Promise<string[]> {
  return (await git(['--git-dir', repository, 'ls-tree', '-r', '-z', 'main'])).split('\0');
}
