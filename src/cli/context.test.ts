import { expect, test } from 'vitest';
import { interruptible } from './context.ts';
import { exitCodeOf } from './exit-codes.ts';
import { recordIo } from './io.fixture.ts';

/** Work that ends only when it is aborted. */
function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
}

test('Ctrl-C aborts the work, and the exit code says so', async () => {
  const io = recordIo();
  const work = interruptible(io, untilAborted);
  io.interrupt();
  const error: unknown = await work.catch((reason: unknown) => reason);
  expect(exitCodeOf(error)).toBe(130);
  expect(io.exits).toEqual([]);
});

test('a second Ctrl-C ends the process at once', async () => {
  const io = recordIo();
  const work = interruptible(io, untilAborted);
  io.interrupt();
  io.interrupt();
  expect(io.exits).toEqual([130]);
  await expect(work).rejects.toThrow('interrupted');
});

test('after the work, signals are nobody’s', async () => {
  const io = recordIo();
  expect(await interruptible(io, async () => 'done')).toBe('done');
  io.interrupt();
  io.interrupt();
  expect(io.exits).toEqual([]);
});
