import { mkdir, readdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { tester } from '../../../test/support/actor.ts';
import {
  createRegistry,
  download,
  moduleName,
  readServed,
  version,
  writeSettings,
} from '../../../test/support/registry-world.ts';
import { temporaryDirectory } from '../../../test/support/temporary-directory.ts';
import { startUpstream } from '../../../test/support/worlds.ts';
import type { Log } from '../../support/log.ts';
import { openRegistry } from '../open.ts';

const id = 'alice/json@1.0.0';

async function createScene() {
  const upstream = await startUpstream([id]);
  const lines: string[] = [];
  const record = (message: string, fields: object = {}) =>
    void lines.push(`${message} ${JSON.stringify(fields)}`);
  const log: Log = { debug: () => {}, info: record, warn: record, error: record };
  const directory = join(temporaryDirectory(), 'registry');
  const settings = { sources: [{ name: 'main', upstream }], directory, log };
  const registry = await createRegistry(settings);
  await registry.sync();
  const checksum = (await readServed(registry))[id] ?? '';
  const folder = join(directory, 'data', 'packages', checksum.slice(0, 2));
  return {
    registry,
    directory,
    checksum,
    lines,
    folder,
    reopen: () => createRegistry(settings),
    stored: () => readdir(folder).catch(() => []),
    fetches: () => upstream.requests.filter(({ url }) => url.startsWith('/user/')).length,
    /** Nothing is there, and nothing can be made there, whoever runs the test. */
    async breakDisk() {
      await mkdir(join(folder, '..'), { recursive: true });
      await symlink(join(directory, 'missing', 'folder'), folder);
    },
    mendDisk: () => rm(folder),
  };
}

describe('an archive that was fetched for a client', () => {
  test('is durable when the registry is closed', async () => {
    const { registry, checksum, stored } = await createScene();
    expect(await download(registry, id)).toBe(checksum);
    await registry.close();
    expect(await stored()).toEqual([`${checksum}.zip`]);
  });

  test('carries its bytes, so that they need not be read back', async () => {
    const { registry, checksum, fetches } = await createScene();
    const first = await registry.openArchive(moduleName('alice/json'), version('1.0.0'));
    expect(first).toMatchObject({ value: { checksum, bytes: expect.any(Buffer) } });
    expect(fetches()).toBe(1);
  });

  test('reaches the client although the disk refuses it, which the log tells when it begins and when it ends', async () => {
    const { registry, checksum, breakDisk, mendDisk, lines, fetches, stored } = await createScene();
    const told = () => lines.filter((line) => line.startsWith('fetched archives'));
    await breakDisk();
    expect(await download(registry, id)).toBe(checksum);
    await expect.poll(told).toHaveLength(1);
    expect(await download(registry, id)).toBe(checksum);
    await mendDisk();
    // One that comes while the last try is still failing gets the bytes of that, and tries nothing.
    const again = async () => {
      expect(await download(registry, id)).toBe(checksum);
      return told();
    };
    await expect.poll(again).toHaveLength(2);
    await registry.close();
    expect(told()).toEqual([
      expect.stringContaining('cannot be stored'),
      expect.stringContaining('are stored again'),
    ]);
    expect(fetches()).toBeGreaterThan(1);
    expect(await stored()).toEqual([`${checksum}.zip`]);
  });

  test('by one of several processes reaches the client although no lock can be written', async () => {
    const { registry, checksum, directory } = await createScene();
    const several = await openRegistry({ directory, env: {}, actor: tester, isOneOfSeveral: true });
    onTestFinished(() => several.close());
    const locks = join(directory, 'data', 'locks');
    await rm(locks, { recursive: true });
    await symlink(join(directory, 'missing', 'folder'), locks);
    expect(await download(several, id)).toBe(checksum);
    await rm(locks);
    await mkdir(locks);
    await registry.close();
  });

  test('and was not written before the process ended is fetched again by the next', async () => {
    const { registry, checksum, breakDisk, mendDisk, fetches, stored, reopen } = await createScene();
    await breakDisk();
    await download(registry, id);
    await registry.close();
    await mendDisk();
    const before = fetches();
    const next = await reopen();
    expect(await download(next, id)).toBe(checksum);
    await next.close();
    expect(fetches()).toBe(before + 1);
    expect(await stored()).toEqual([`${checksum}.zip`]);
  });
});

describe('a listed archive that our disk lost', () => {
  async function createLoss(change: (main: object) => readonly object[], other: readonly string[] = []) {
    const upstream = await startUpstream([id]);
    const second = await startUpstream(['bob/x@1.0.0', ...other]);
    const directory = join(temporaryDirectory(), 'registry');
    const main = { name: 'main', upstream, priority: 10 };
    const rest = { name: 'rest', upstream: second };
    const registry = await createRegistry({ sources: [main, rest], directory });
    await registry.sync();
    const checksum = (await readServed(registry))[id] ?? '';
    expect(await download(registry, id)).toBe(checksum);
    await writeSettings(directory, { sources: [...(change(main) as (typeof main)[]), rest] });
    await registry.reload();
    await registry.reaggregate();
    expect((await readServed(registry))[id]).toBe(checksum);
    await registry.close();
    const opened = await openRegistry({ directory, env: {}, actor: tester });
    onTestFinished(() => opened.close());
    await rm(join(directory, 'data', 'packages', checksum.slice(0, 2)), { recursive: true });
    return { opened, upstream, second };
  }
  const open = (registry: Awaited<ReturnType<typeof openRegistry>>) =>
    registry.openArchive(moduleName('alice/json'), version('1.0.0'));

  test.each([
    ['disabled', (main: object) => [{ ...main, enabled: false }], 'is disabled'],
    ['removed', () => [], 'is no longer configured'],
  ])('is unavailable, and not absent, while its source is %s', async (_, change, reason) => {
    const { opened, upstream } = await createLoss(change);
    const asked = upstream.requests.length;
    expect(await open(opened)).toMatchObject({
      kind: 'unavailable',
      cause: {
        reason: 'disabled',
        detail: expect.stringContaining(`source "main", which it comes from, ${reason}`),
      },
    });
    expect(upstream.requests.length).toBe(asked);
  });

  test('is unavailable as well where another source that lists it says that it has none', async () => {
    const { opened, second } = await createLoss((main) => [{ ...main, enabled: false }], [id]);
    second.withdrawArchive(id);
    expect(await open(opened)).toMatchObject({ kind: 'unavailable', cause: { reason: 'disabled' } });
  });
});
