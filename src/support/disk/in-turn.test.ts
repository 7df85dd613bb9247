import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { createGate } from '../../../test/support/gate.ts';
import { temporaryDirectory } from '../../../test/support/temporary-directory.ts';
import { inTurn } from './in-turn.ts';

const onLateFailure = () => {};

test('answers before the turn ends, and the next waits for its end', async () => {
  const file = join(temporaryDirectory(), 'lock');
  const { gate, open } = createGate();
  const happened: string[] = [];
  const first = inTurn<string>(
    file,
    async (answer) => {
      answer('early');
      await gate;
      happened.push('first ended');
    },
    { onLateFailure },
  );
  expect(await first).toBe('early');
  const second = inTurn<string>(
    file,
    async (answer) => {
      happened.push('second began');
      answer('next');
    },
    { onLateFailure },
  );
  open();
  expect(await second).toBe('next');
  expect(happened).toEqual(['first ended', 'second began']);
});

test('works without a lock where the disk takes none, or waiting takes too long', async () => {
  const folder = temporaryDirectory();
  await writeFile(join(folder, 'file'), '');
  const work = async (answer: (value: string) => void) => answer('done');
  expect(await inTurn(join(folder, 'file', 'lock'), work, { onLateFailure })).toBe('done');
  const { gate, open } = createGate();
  const held = join(folder, 'lock');
  await inTurn<void>(
    held,
    async (answer) => {
      answer();
      await gate;
    },
    { onLateFailure },
  );
  expect(await inTurn(held, work, { onLateFailure, waitMs: 1 })).toBe('done');
  open();
  await vi.waitFor(async () => expect(await readdir(folder)).toEqual(['file']));
});

test('a failure before the answer is the answer; one after it is told, and ends the turn', async () => {
  const file = join(temporaryDirectory(), 'lock');
  const broken = new Error('broken');
  const work = vi.fn(() => Promise.reject(broken));
  await expect(inTurn(file, work, { onLateFailure })).rejects.toBe(broken);
  expect(work).toHaveBeenCalledOnce();
  const late = vi.fn();
  const answered = inTurn<string>(
    file,
    async (answer) => {
      answer('early');
      throw broken;
    },
    { onLateFailure: late },
  );
  expect(await answered).toBe('early');
  await vi.waitFor(() => expect(late).toHaveBeenCalledWith(broken));
  expect(await inTurn(file, async (answer) => answer('free'), { onLateFailure, waitMs: 0 })).toBe('free');
});

test('whoever gives up waiting does not begin', async () => {
  const file = join(temporaryDirectory(), 'lock');
  const { gate, open } = createGate();
  await inTurn<void>(
    file,
    async (answer) => {
      answer();
      await gate;
    },
    { onLateFailure },
  );
  const caller = new AbortController();
  const work = vi.fn();
  const waiting = inTurn(file, work, { onLateFailure, signal: caller.signal });
  caller.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
  open();
  expect(work).not.toHaveBeenCalled();
});
