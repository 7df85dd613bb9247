import { describe, expect, test } from 'vitest';
import { createManualClock, settled } from './monotonic-clock.fixture.ts';
import { createBucket, createSlots } from './rate-limit.ts';

const never = new AbortController().signal;

describe('slots', () => {
  test('are given in the order asked, never more than there are', async () => {
    const slots = createSlots(2);
    const order: number[] = [];
    const held = [1, 2, 3, 4].map((n) =>
      slots.take(never).then((free) => {
        order.push(n);
        return free;
      }),
    );
    await settled();
    expect([order, slots.waiting]).toEqual([[1, 2], 2]);
    (await held[1])?.();
    await settled();
    expect([order, slots.waiting]).toEqual([[1, 2, 3], 1]);
    (await held[0])?.();
    await settled();
    expect(order).toEqual([1, 2, 3, 4]);
  });

  test('given back twice are one', async () => {
    const slots = createSlots(1);
    const free = await slots.take(never);
    free();
    free();
    await slots.take(never);
    void slots.take(never);
    await settled();
    expect(slots.waiting).toBe(1);
  });

  test('who leaves the queue leaves no hole in it', async () => {
    const slots = createSlots(1);
    const free = await slots.take(never);
    const leaving = new AbortController();
    const left = slots.take(leaving.signal);
    const next = slots.take(never);
    leaving.abort(new Error('gone'));
    await expect(left).rejects.toThrow('gone');
    free();
    await expect(next).resolves.toBeTypeOf('function');
    await expect(slots.take(leaving.signal)).rejects.toThrow('gone');
  });
});

describe('a bucket', () => {
  test("gives a second's worth at once, and the rest evenly", async () => {
    const clock = createManualClock();
    const bucket = createBucket(4, clock);
    let taken = 0;
    for (let i = 0; i < 10; i++) void bucket.take().then(() => taken++);
    await settled();
    expect(taken).toBe(4);
    await clock.advance(249);
    expect(taken).toBe(4);
    await clock.advance(1);
    expect(taken).toBe(5);
    await clock.advance(1000);
    expect(taken).toBe(9);
  });

  test('saves up no more than a second', async () => {
    const clock = createManualClock();
    const bucket = createBucket(4, clock);
    await clock.advance(3_600_000);
    let taken = 0;
    for (let i = 0; i < 10; i++) void bucket.take().then(() => taken++);
    await settled();
    expect(taken).toBe(4);
  });

  test('lets who waits go', async () => {
    const clock = createManualClock();
    const bucket = createBucket(1, clock);
    const leaving = new AbortController();
    await bucket.take();
    const left = bucket.take(leaving.signal);
    leaving.abort(new Error('gone'));
    await expect(left).rejects.toThrow('gone');
    expect(clock.sleeping).toBe(0);
  });
});
