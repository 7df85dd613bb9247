import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { git, shallowClone } from '../../test/support/git-client.ts';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { readEntries, sha256 } from '../../test/support/worlds.ts';
import { startDemoWorld } from './demo-world.ts';

describe('startDemoWorld', () => {
  test('starts two registries whose every version downloads, and whose dependencies are all there', async () => {
    const directory = temporaryDirectory();
    const world = await startDemoWorld(join(directory, 'upstreams'));
    onTestFinished(() => world.close());
    const listed = new Map<string, string[]>();
    const required: [string, string][] = [];
    for (const [name, upstream] of Object.entries({ ...world, close: undefined })) {
      if (!upstream) continue;
      await shallowClone(upstream.indexUrl, join(directory, name));
      const clone = join(directory, name);
      const paths = (await git(['-C', clone, 'ls-files', '-z'])).split('\0').slice(0, -1);
      for (const path of paths)
        for (const entry of readEntries(await git(['-C', clone, 'show', `HEAD:${path}`]))) {
          const target = encodeURIComponent(`${entry.name}/${entry.version}`);
          const response = await fetch(`${upstream.url}/user/${target}.zip`);
          expect(sha256(Buffer.from(await response.arrayBuffer()))).toBe(entry.checksum);
          listed.set(`${entry.name}@${entry.version}`, [
            ...(listed.get(`${entry.name}@${entry.version}`) ?? []),
            name,
          ]);
          required.push(...(Object.entries(entry.deps ?? {}) as [string, string][]));
        }
    }
    expect(required.filter(([module, version]) => !listed.has(`${module}@${version}`))).toEqual([]);
    expect(listed.get('company/tool@99.0.0')).toEqual(['mooncakes']);
    expect(listed.size).toBeGreaterThan(15);
  });

  test('is the same each time it is started', async () => {
    const commits = async () => {
      const { close, ...upstreams } = await startDemoWorld(temporaryDirectory());
      onTestFinished(() => close());
      return Promise.all(
        Object.values(upstreams).map(({ indexUrl }) => git(['ls-remote', indexUrl, 'refs/heads/main'])),
      );
    };
    expect(await commits()).toEqual(await commits());
  });
});
