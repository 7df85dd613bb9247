/** The disk refuses: the command says so and changes nothing half, and what is sound stays served. */
import { execFile } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { fastDirectory } from './fast-directory.ts';
import { createFaultWorld, expectHealed, expectSound } from './fault-world.ts';
import { sample } from './kill-points.ts';
import { type ChildOutcome, runChild } from './start-child.ts';

const world = await createFaultWorld(fastDirectory());
afterAll(() => world.close());
const stages = world.whole.listings;

/** Either it did all there was to do, or it says in one line what failed and in another what to do. */
function expectClear(outcome: ChildOutcome): void {
  expect(outcome.bug).toBeUndefined();
  expect(outcome.signal).toBeNull();
  if (outcome.failure === undefined) expect(outcome.listings.at(-1)).toEqual(stages.at(-1));
  else expect(outcome.failure).toMatchObject({ code: 'storage', hint: expect.any(String) });
}

describe.each([
  // These two come without a name.
  { how: 'EDQUOT', sticks: true, most: 2 },
  { how: 'ESTALE', sticks: true, most: 2 },
  { how: 'ENOSPC', sticks: true },
  { how: 'EROFS', sticks: true },
  { how: 'EIO', sticks: false },
  { how: 'EMFILE', sticks: false },
])('a disk that answers $how', ({ how, sticks, most = 4 }) => {
  const points = world.whole.steps.map((name, position) => ({ name, step: position + 1, how, sticks }));
  test.concurrent.each(sample(points, most))('from step $step, about $name', async (point) => {
    const directory = await world.copy(`failing-${how}-${point.step}`);
    expectClear(await runChild(world.bundle, directory, point));
    await expectSound(directory, stages);
    await expectHealed(directory, stages);
    await rm(directory, { recursive: true, force: true });
  });
});

const mount = await findMount();

describe.skipIf(mount === undefined)('a file system of its own', () => {
  test('that is full: one line says so, and with space the next run completes', async () => {
    const directory = await mountCopy('full', '16m');
    const filler = join(directory, 'filler');
    await fill(filler);
    const outcome = await runChild(world.bundle, directory);
    expect(outcome.bug).toBeUndefined();
    expect(outcome.failure).toMatchObject({ code: 'storage', hint: expect.stringContaining('space') });
    await rm(filler);
    await expectSound(directory, stages);
    await expectHealed(directory, stages);
  });

  test('that is mounted read-only: everything is still served, and a change says why it cannot be', async () => {
    const directory = await mountCopy('readonly', '16m');
    await mount?.('-o', 'remount,ro', directory);
    await expectSound(directory, stages.slice(0, 1));
    const outcome = await runChild(world.bundle, directory);
    expect(outcome.listings).toEqual(stages.slice(0, 1));
    expect(outcome.failure).toMatchObject({ code: 'storage', hint: expect.stringContaining('read-only') });
    await mount?.('-o', 'remount,rw', directory);
    await expectHealed(directory, stages);
  });

  async function mountCopy(name: string, size: string): Promise<string> {
    const place = join(world.place, name);
    await mkdir(place);
    await mount?.('-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', place);
    onTestFinished(async () => void (await promisify(execFile)('umount', ['-l', place])));
    return world.copyTo(place);
  }
});

/** `mount`, if this user may: in most sandboxes and on most desktops not, and the tests that need it are skipped. */
async function findMount() {
  const run = (...args: string[]) => promisify(execFile)('mount', args);
  const probe = join(world.place, 'probe');
  await mkdir(probe);
  try {
    await run('-t', 'tmpfs', 'tmpfs', probe);
    await promisify(execFile)('umount', [probe]);
    return run;
  } catch {
    console.warn('mount is not permitted here: full and read-only file systems are not tested for real');
    return undefined;
  }
}

async function fill(file: string): Promise<void> {
  for (let size = 1 << 20; size >= 1; size = Math.floor(size / 4)) {
    try {
      for (;;) await writeFile(file, Buffer.alloc(size), { flag: 'a' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
  }
}
