import { expect, test } from 'vitest';
import type { BodyProgress } from '../../sources/source.ts';
import { createManualClock } from '../../support/flow/monotonic-clock.fixture.ts';
import { watchPace } from './watch-pace.ts';

function watch() {
  const clock = createManualClock();
  const ending = new AbortController();
  const told: number[] = [];
  const startedAt = clock.now();
  let progress: BodyProgress | undefined;
  const ended = watchPace(
    () => progress,
    () => told.push(clock.now() - startedAt),
    clock,
    ending.signal,
  );
  return {
    told,
    clock,
    come(bytes: number, waitedMs: number) {
      progress = {
        receivedBytes: (progress?.receivedBytes ?? 0) + bytes,
        waitedMs: (progress?.waitedMs ?? 0) + waitedMs,
      };
    },
    async end() {
      ending.abort();
      await ended;
      return clock.sleeping;
    },
  };
}

test('nothing within three seconds is slow', async () => {
  const { told, clock } = watch();
  await clock.advance(15_000);
  expect(told).toEqual([3000]);
});

test('a byte each five seconds is slow after five', async () => {
  const { told, clock, come } = watch();
  for (let i = 0; i < 3; i++) {
    come(1, 5000);
    await clock.advance(5000);
  }
  expect(told).toEqual([5000, 10_000, 15_000]);
});

test('what arrives well is not slow, nor what is read slowly', async () => {
  const { told, clock, come } = watch();
  for (let i = 0; i < 6; i++) {
    come(i < 3 ? 50_000 : 10, i < 3 ? 5000 : 100);
    await clock.advance(5000);
  }
  expect(told).toEqual([]);
});

test('nobody watches when it has ended', async () => {
  const { end, told, clock } = watch();
  await clock.advance(1000);
  expect(await end()).toBe(0);
  await clock.advance(10_000);
  expect(told).toEqual([]);
});
