import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createByteBudget } from './byte-budget.ts';

function createWork() {
  const waiting: (() => void)[] = [];
  return {
    started: () => waiting.length,
    work: () => new Promise<void>((end) => waiting.push(end)),
    end: async () => {
      waiting.shift()?.();
      for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    },
  };
}

test('work begins while all that is under way fits', async () => {
  const budget = createByteBudget(10);
  const { started, work, end } = createWork();
  const all = Promise.all([budget.run(6, work), budget.run(5, work), budget.run(1, work)]);
  await Promise.resolve();
  // The third would fit, but it came after the second.
  expect(started()).toBe(1);
  await end();
  expect(started()).toBe(2);
  await end();
  await end();
  await all;
});

test('work larger than everything runs alone, and holds nobody up for good', async () => {
  const budget = createByteBudget(10);
  const { started, work, end } = createWork();
  const all = Promise.all([budget.run(100, work), budget.run(1, work)]);
  await Promise.resolve();
  expect(started()).toBe(1);
  await end();
  expect(started()).toBe(1);
  await end();
  await all;
});

test('a failure gives back what it took', async () => {
  const budget = createByteBudget(1);
  await expect(budget.run(1, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  expect(await budget.run(1, async () => 'done')).toBe('done');
});

test('whatever the sizes, never more is under way than fits, and all of it ends', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 40 }), async (sizes) => {
      const budget = createByteBudget(20);
      let [used, running, most] = [0, 0, 0];
      await Promise.all(
        sizes.map((size) =>
          budget.run(size, async () => {
            used += size;
            running += 1;
            if (running > 1) most = Math.max(most, used);
            await new Promise((turn) => setImmediate(turn));
            used -= size;
            running -= 1;
          }),
        ),
      );
      expect(most).toBeLessThanOrEqual(20);
      expect([used, running]).toEqual([0, 0]);
    }),
    { numRuns: 50 },
  );
});
