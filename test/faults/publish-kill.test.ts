/** The process is killed at any instant of a publish: it is published whole or not at all, and can be sent again. */
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { openRegistry } from '../../src/registry/open.ts';
import type { Registry } from '../../src/registry/registry.ts';
import { batches } from '../../src/support/flow/batches.ts';
import { tester } from '../support/actor.ts';
import { archiveOf } from '../support/publisher.ts';
import { createRegistry, download, readServed } from '../support/registry-world.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { sha256 } from '../support/worlds.ts';
import { type KillPoint, listKillPoints, sample } from './kill-points.ts';
import { bundleChild, runChild } from './start-child.ts';

const nobody = { url: 'http://127.0.0.1:9', indexUrl: 'http://127.0.0.1:9/git/index' };
const old = 'company/tool@1.0.0';
const next = 'company/tool@1.1.0';

async function publish({ publishing }: Registry, id: string): Promise<string> {
  const upload = await publishing.receive(Readable.from([archiveOf(id)]));
  const request = {
    by: { token: 'ci', owner: 'ada' },
    judge: () => undefined,
    isDryRun: false,
    isStaged: false,
  };
  const { kind } = await publishing.publish(upload ? [upload] : [], request);
  await upload?.remove();
  return kind;
}

test('a publish is whole or not there at all, wherever it was killed', { timeout: 120_000 }, async () => {
  const folder = temporaryDirectory();
  const registry = await createRegistry({
    directory: join(folder, 'prepared'),
    sources: [{ name: 'public', upstream: nobody, enabled: false }],
    hosting: 'namespaces = ["company/*"]',
  });
  expect(await publish(registry, old)).toBe('published');
  await registry.close();
  const copy = async (name: string) => {
    const directory = join(folder, name);
    await cp(registry.config.directory, directory, { recursive: true });
    return directory;
  };
  const bundle = await bundleChild(folder, 'publish-child.ts');
  const whole = await runChild(bundle, await copy('whole'));
  expect(whole).toMatchObject({ bug: undefined, listings: [{ outcome: 'published' }] });

  const seen = new Set<number>();
  const killed = async (point: KillPoint) => {
    const directory = await copy(`${point.how}-${point.step}`);
    const { listings, bug } = await runChild(bundle, directory, point);
    expect(bug).toBeUndefined();
    const after = await openRegistry({ directory, env: {}, actor: tester });
    const served = Object.keys(await readServed(after));
    seen.add(served.length);
    expect([[old], [old, next]]).toContainEqual(served);
    if (listings.length > 0) expect(served).toEqual([old, next]);
    for (const id of served) expect(await download(after, id)).toBe(sha256(archiveOf(id)));
    expect(await publish(after, next)).toBe(served.length === 2 ? 'already-published' : 'published');
    expect(await readServed(after)).toEqual({
      [old]: sha256(archiveOf(old)),
      [next]: sha256(archiveOf(next)),
    });
    await after.close();
  };
  for (const points of batches(sample(listKillPoints(whole.steps), 9), 3))
    await Promise.all(points.map(killed));
  expect([...seen].sort()).toEqual([1, 2]);
});
