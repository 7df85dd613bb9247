import { once } from 'node:events';
import { readdir, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { setImmediate } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { createSpool, type Spool } from './spool.ts';

async function createWatched(folder = temporaryDirectory(), onAbandoned?: () => void): Promise<Spool> {
  const spool = await createSpool(folder, onAbandoned);
  onTestFinished(() => {
    spool.end();
    return spool.discard();
  });
  return spool;
}

function reading(spool: Spool): Readable {
  const stream = spool.read();
  if (!stream) throw new Error('it is discarded');
  return stream;
}

async function openFilesBelow(folder: string): Promise<number> {
  const links = (await readdir('/proc/self/fd')).map((name) =>
    readlink(`/proc/self/fd/${name}`).catch(() => ''),
  );
  return (await Promise.all(links)).filter((target) => target.startsWith(folder)).length;
}

test('whoever reads gets all from the start, before and after the end', async () => {
  const spool = await createWatched();
  await spool.append(Buffer.from('one '));
  const early = text(reading(spool));
  await spool.append(Buffer.from('two '));
  const late = text(reading(spool));
  await spool.append(Buffer.from('three'));
  spool.end();
  expect([await early, await late, await text(reading(spool))]).toEqual(Array(3).fill('one two three'));
  expect(spool).toMatchObject({ sizeBytes: 13, isWhole: true });
});

test('many pieces arrive in order, however slow the reader', async () => {
  const spool = await createWatched();
  const pieces = Array.from({ length: 40 }, (_, position) => Buffer.alloc(100_000, position));
  const slow = reading(spool);
  const quick = buffer(reading(spool));
  for (const piece of pieces) await spool.append(piece);
  spool.end();
  const whole = Buffer.concat(pieces);
  expect((await quick).equals(whole)).toBe(true);
  expect((await buffer(slow)).equals(whole)).toBe(true);
});

test('a failure reaches every reader where the bytes end, and none takes them for all', async () => {
  const spool = await createWatched();
  await spool.append(Buffer.from('half'));
  const stream = reading(spool);
  const got: string[] = [];
  stream.on('data', (chunk: Buffer) => got.push(chunk.toString()));
  const failed = vi.fn();
  stream.on('error', failed);
  await vi.waitFor(() => expect(got).toEqual(['half']));
  spool.fail(new Error('git broke off'));
  await vi.waitFor(() => expect(failed).toHaveBeenCalledWith(new Error('git broke off')));
  await expect(text(reading(spool))).rejects.toThrow('git broke off');
  expect(spool.isWhole).toBe(false);
});

test('its file has no name from the first moment', async () => {
  const folder = temporaryDirectory();
  const spool = await createWatched(folder);
  await spool.append(Buffer.from('bytes'));
  expect(await readdir(folder)).toEqual([]);
  expect(await openFilesBelow(folder)).toBe(1);
});

test('discarded, it is read to its end by those who began, and its file is closed then', async () => {
  const folder = temporaryDirectory();
  const spool = await createWatched(folder);
  await spool.append(Buffer.alloc(1_000_000, 1));
  spool.end();
  const began = reading(spool);
  expect(spool.isRead).toBe(true);
  let isClosed = false;
  const discarded = spool.discard().then(() => {
    isClosed = true;
  });
  expect(spool.read()).toBeUndefined();
  expect(isClosed).toBe(false);
  expect((await buffer(began)).length).toBe(1_000_000);
  await discarded;
  expect(await openFilesBelow(folder)).toBe(0);
});

test('a reader that leaves counts no more, whether or not it waits for bytes', async () => {
  const onAbandoned = vi.fn();
  const spool = await createWatched(temporaryDirectory(), onAbandoned);
  const waiting = reading(spool).resume();
  const idle = reading(spool);
  await setImmediate();
  idle.destroy();
  await once(idle, 'close');
  expect([spool.isRead, onAbandoned.mock.calls.length]).toEqual([true, 0]);
  waiting.destroy();
  await once(waiting, 'close');
  expect([spool.isRead, onAbandoned.mock.calls.length]).toEqual([false, 1]);
});

test('readers who leave when all is there abandon nothing', async () => {
  const onAbandoned = vi.fn();
  const spool = await createWatched(temporaryDirectory(), onAbandoned);
  await spool.append(Buffer.from('bytes'));
  spool.end();
  reading(spool).destroy();
  await spool.discard();
  expect(onAbandoned).not.toHaveBeenCalled();
});

test('a place that is no folder is a failure of the disk', async () => {
  const file = join(temporaryDirectory(), 'file');
  await writeFile(file, '');
  await expect(createSpool(file)).rejects.toMatchObject({ code: 'storage' });
});
