import { cp, mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { openRegistry } from '../../src/registry/open.ts';
import { tester } from '../support/actor.ts';
import { tryGit } from '../support/git-client.ts';
import { renderSettings } from '../support/registry-world.ts';
import { sha256 } from '../support/worlds.ts';
import { startUpstreamRegistry, type UpstreamRegistry } from '../worlds/upstream-registry.ts';
import { type Listing, readListing, runScenario } from './scenario.ts';
import { bundleChild, type ChildOutcome, runChild } from './start-child.ts';

export interface FaultWorld {
  readonly bundle: string;
  /** The scenario without any fault: what is served at each stage, and every step. */
  readonly whole: ChildOutcome;
  /** Its own folder, removed in the end. */
  readonly place: string;
  /** The registry's folder as it is before the scenario, copied to `name` in the world's own folder. */
  copy(name: string): Promise<string>;
  /** The same, copied into a folder that is there. */
  copyTo(directory: string): Promise<string>;
  close(): Promise<void>;
}

const before = ['alice/json@1.0.0', 'alice/gone@1.0.0', 'bob/http@0.1.0'];

/**
 * A registry without upstream fallback that mirrored two sources, which have published more since. What is listed
 * must therefore be there, at every instant.
 */
export async function createFaultWorld(directory: string): Promise<FaultWorld> {
  const start = (name: string) => startUpstreamRegistry({ directory: join(directory, name) });
  const [pub, internal, bundle] = await Promise.all([
    start('public'),
    start('internal'),
    bundleChild(directory),
  ]);
  await publish(pub, before);
  await publish(internal, ['company/tool@1.0.0']);
  const original = join(directory, 'original');
  await mkdir(original);
  const settings = renderSettings({
    upstreamFallback: false,
    sources: [
      { name: 'public', upstream: pub, priority: 100 },
      { name: 'internal', upstream: internal, priority: 25 },
    ],
  });
  // Its file systems are small.
  await writeFile(join(original, 'registry.toml'), `[registry]\ncache_reserve = "0B"\n\n${settings}`);
  const registry = await openRegistry({ directory: original, env: {}, actor: tester });
  for (const source of ['public', 'internal']) await registry.mirror({ patterns: ['*/*'], source });
  await registry.close();
  await publish(pub, ['alice/json@1.1.0', 'carol/new@2.0.0']);
  await publish(internal, ['company/tool@1.1.0', 'company/extra@0.1.0']);
  const copyTo = async (target: string) => {
    await cp(original, target, { recursive: true });
    return target;
  };
  const copy = (name: string) => copyTo(join(directory, name));
  const whole = await runChild(bundle, await copy('whole'));
  return {
    bundle,
    whole,
    place: directory,
    copy,
    copyTo,
    close: async () => void (await Promise.all([pub.close(), internal.close()])),
  };
}

async function publish(upstream: UpstreamRegistry, ids: readonly string[]): Promise<void> {
  await upstream.publishMany(
    ids.map((id) => {
      const [module = '', version = ''] = id.split('@');
      return { module, version };
    }),
  );
}

/** What must hold in a registry after whatever happened to it: it serves a whole stage, and all of it can be had. */
export async function expectSound(directory: string, stages: readonly Listing[]): Promise<void> {
  const registry = await openRegistry({ directory, env: {}, actor: tester });
  try {
    const listing = await readListing(registry);
    expect(stages).toContainEqual(listing);
    for (const [id, checksum] of Object.entries(listing)) {
      const file = join(directory, 'data', 'packages', checksum.slice(0, 2), `${checksum}.zip`);
      expect(sha256(await readFile(file)), id).toBe(checksum);
    }
  } finally {
    await registry.close();
  }
}

/** Runs the scenario again, and expects that it ends as if nothing had happened and that nothing is left of it. */
export async function expectHealed(directory: string, stages: readonly Listing[]): Promise<void> {
  await backdateUnfinishedObjects(directory);
  const reached: Listing[] = [];
  await runScenario(directory, (listing) => void reached.push(listing));
  expect(reached.at(-1)).toEqual(stages.at(-1));
  expect(await findLeftovers(directory)).toEqual([]);
  await expectSound(directory, stages.slice(-1));
  const fsck = await tryGit([
    '--git-dir',
    join(directory, 'data', 'index'),
    'fsck',
    '--full',
    '--no-dangling',
  ]);
  expect(fsck).toMatchObject({ code: 0, stdout: '' });
}

async function findLeftovers(directory: string): Promise<string[]> {
  const names = await readdir(directory, { recursive: true });
  return names.filter((name) =>
    /\.tmp|\.lock$|tmp_|takeover|incomplete|data\/locks\/.|data\/sources\/[^/]+\/./.test(name),
  );
}

/** Objects in the making might belong to somebody for a day: that day passes. */
async function backdateUnfinishedObjects(directory: string): Promise<void> {
  const objects = join(directory, 'data', 'index', 'objects');
  const longAgo = new Date(Date.now() - 25 * 60 * 60 * 1000);
  for (const name of await readdir(objects, { recursive: true }))
    if (/tmp_|\.tmp|\.keep$/.test(name)) await utimes(join(objects, name), longAgo, longAgo);
}
