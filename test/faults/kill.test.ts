/** The process is killed at any instant: what is served is the old or the new, and the next run completes it. */
import { rm } from 'node:fs/promises';
import { afterAll, expect, test } from 'vitest';
import { fastDirectory } from './fast-directory.ts';
import { createFaultWorld, expectHealed, expectSound } from './fault-world.ts';
import { listKillPoints, sample } from './kill-points.ts';
import { runChild } from './start-child.ts';

const world = await createFaultWorld(fastDirectory());
afterAll(() => world.close());
const { listings: stages, steps } = world.whole;
const points = listKillPoints(steps);
const sampled = sample(points, 24);

test('without a fault the scenario changes what is served at every stage but the sync', () => {
  expect(world.whole).toMatchObject({ failure: undefined, bug: undefined, signal: null });
  const texts = stages.map((stage) => JSON.stringify(stage));
  expect(new Set(texts).size).toBe(4);
  expect(texts[0]).toBe(texts[1]);
  expect(new Set(steps)).toContain('git update-ref');
  expect(points.length).toBeGreaterThan(300);
});

test.concurrent.each(sampled)('killed $how step $step, $name', async (point) => {
  const directory = await world.copy(`killed-${point.how}-${point.step}`);
  const { signal, bug, failure } = await runChild(world.bundle, directory, point);
  expect({ bug, failure }).toEqual({ bug: undefined, failure: undefined });
  // The number of steps differs a little from run to run: the last ones may not be reached.
  if (point.step < steps.length - 10) expect(signal).toBe('SIGKILL');
  await expectSound(directory, stages);
  await expectHealed(directory, stages);
  await rm(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
});
