import { describe, expect, test } from 'vitest';
import { createManualClock, settled } from './monotonic-clock.fixture.ts';
import { createBucket } from './rate-limit.ts';

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
