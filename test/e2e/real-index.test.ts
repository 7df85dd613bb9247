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

const [modules, versions] = [887, 6548];
const bundle = realIndexBundle();

test.skipIf(bundle === undefined)(
  'all 887 modules and 6,548 versions are mirrored, verified and served as they are (skipped without the bundle of the real index)',
  async () => {
    const upstream = await startUpstream();
    const adopted = await upstream.adoptIndex(bundle ?? '', { medianBytes: 0 });
    expect(adopted).toMatchObject({ modules, versions });
    const { registry, indexUrl } = await serveRegistry({ sources: [{ name: 'mooncakes', upstream }] });

    const first = await registry.mirror({ patterns: [], full: true });
    expect(first).toMatchObject({ failed: [], skipped: [], findings: [] });
    expect(first.sources).toMatchObject([{ modules, versions, downloaded: versions, present: 0 }]);
    const served = await readServed(registry);
    expect(Object.keys(served)).toHaveLength(versions);
    const stored = await readStore(join(registry.config.registry.dataDir, 'packages'));
    expect(stored).toEqual(new Set(Object.values(served)));
    expect(stored.size).toBe(versions);

    // Aggregating parses and rewrites nothing: the files are the same objects.
    expect(await listBlobs(registry.indexDirectory)).toBe(await listBlobs(upstream.index.repository));
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

function listBlobs(repository: string): Promise<string> {
  return git(['--git-dir', repository, 'ls-tree', '-r', '-z', 'main']);
}
