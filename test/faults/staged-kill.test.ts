/** The process is killed at any instant of staging and of approving: each is whole or not there at all, and can be done again. */
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import type { Checksum } from '../../src/model/checksum.ts';
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
const next = 'company/core@1.1.0';
const archive = archiveOf(next);
const id = sha256(archive) as Checksum;

async function stage({ publishing }: Registry): Promise<string> {
  const upload = await publishing.receive(Readable.from([archive]));
  const request = {
    by: { token: 'ci', owner: 'ada' },
    judge: () => undefined,
    isDryRun: false,
    isStaged: true,
  };
  const { kind } = await publishing.publish(upload ? [upload] : [], request);
  await upload?.remove();
  return kind;
}

test('what waits is there whole or not, and published whole or not, wherever it was killed', {
  timeout: 900_000,
}, async () => {
  const folder = temporaryDirectory();
  const registry = await createRegistry({
    directory: join(folder, 'prepared'),
    sources: [{ name: 'public', upstream: nobody, enabled: false }],
    hosting: 'namespaces = ["company/*"]',
  });
  await registry.close();
  const copy = async (name: string) => {
    const directory = join(folder, name);
    await cp(registry.config.directory, directory, { recursive: true });
    return directory;
  };
  const bundle = await bundleChild(folder, 'staged-child.ts');
  const whole = await runChild(bundle, await copy('whole'));
  expect(whole).toMatchObject({
    ...{ bug: undefined, listings: [{ outcome: 'staged' }, { outcome: 'published' }] },
  });

  const seen = new Set<string>();
  const killed = async (point: KillPoint) => {
    const directory = await copy(`${point.how}-${point.step}`);
    const { listings, bug } = await runChild(bundle, directory, point);
    expect(bug).toBeUndefined();
    const after = await openRegistry({ directory, env: {}, actor: tester });
    const waiting = (await after.staging.list()).filter(({ decision }) => !decision);
    const served = Object.keys(await readServed(after));
    const stands = served.length > 0 ? 'published' : waiting.length > 0 ? 'staged' : 'nothing';
    seen.add(stands);
    expect(served.length + waiting.length).toBeLessThan(2);
    if (listings.length === 1) expect(stands).not.toBe('nothing');
    if (listings.length === 2) expect(stands).toBe('published');
    if (stands === 'staged') expect((await after.staging.show(id))?.modules[0]?.files.length).toBe(2);
    expect(await stage(after)).toBe(stands === 'published' ? 'already-published' : 'staged');
    const by = { kind: 'token', token: 'boss', owner: 'bob' } as const;
    expect((await after.staging.approve(id, by)).kind).toBe(
      stands === 'published' ? 'already-published' : 'published',
    );
    expect(await readServed(after)).toEqual({ [next]: id });
    expect(await download(after, next)).toBe(id);
    await after.close();
  };
  // What moves refs is tried at each instant of a publish, too.
  const points = sample(listKillPoints(whole.steps), 6);
  const chosen = process.env.FAULTS === 'all' ? points : points.filter((_, position) => position % 2 === 0);
  for (const batch of batches(chosen, 3)) await Promise.all(batch.map(killed));
  expect([...seen].sort()).toEqual(['nothing', 'published', 'staged']);
});
