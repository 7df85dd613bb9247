import { once } from 'node:events';
import { readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { setImmediate } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { createPackFile, openPackFile, type PackFile } from './pack-file.ts';

async function createWatched({
  folder = temporaryDirectory(),
  name,
  onAbandoned = () => {},
}: {
  folder?: string;
  name?: string;
  onAbandoned?: () => void;
} = {}): Promise<PackFile> {
  const file = await createPackFile(folder, name, onAbandoned);
  onTestFinished(() => {
    file.end();
    return file.discard();
  });
  return file;
}

function reading(file: PackFile): Readable {
  const stream = file.read();
  if (!stream) throw new Error('it is closed');
  return stream;
}

async function openFilesBelow(folder: string): Promise<number> {
  const links = (await readdir('/proc/self/fd')).map((name) =>
    readlink(`/proc/self/fd/${name}`).catch(() => ''),
  );
  return (await Promise.all(links)).filter((target) => target.startsWith(folder)).length;
}

test('whoever reads gets all from the start, before and after the end', async () => {
  const file = await createWatched();
  await file.append(Buffer.from('one '));
  const early = text(reading(file));
  await file.append(Buffer.from('two '));
  const late = text(reading(file));
  await file.append(Buffer.from('three'));
  file.end();
  expect([await early, await late, await text(reading(file))]).toEqual(Array(3).fill('one two three'));
  expect(file).toMatchObject({ sizeBytes: 13, isWhole: true });
});

test('many pieces arrive in order, however slow the reader', async () => {
  const file = await createWatched();
  const pieces = Array.from({ length: 40 }, (_, position) => Buffer.alloc(100_000, position));
  const slow = reading(file);
  const quick = buffer(reading(file));
  for (const piece of pieces) await file.append(piece);
  file.end();
  const whole = Buffer.concat(pieces);
  expect((await quick).equals(whole)).toBe(true);
  expect((await buffer(slow)).equals(whole)).toBe(true);
});

test('a failure reaches every reader where the bytes end, and none takes them for all', async () => {
  const file = await createWatched();
  await file.append(Buffer.from('half'));
  const stream = reading(file);
  const got: string[] = [];
  stream.on('data', (chunk: Buffer) => got.push(chunk.toString()));
  const failed = vi.fn();
  stream.on('error', failed);
  await vi.waitFor(() => expect(got).toEqual(['half']));
  file.end(new Error('git broke off'));
  await vi.waitFor(() => expect(failed).toHaveBeenCalledWith(new Error('git broke off')));
  await expect(text(reading(file))).rejects.toThrow('git broke off');
  expect(file.isWhole).toBe(false);
});

test('its file has no name from the first moment', async () => {
  const folder = temporaryDirectory();
  const file = await createWatched({ folder });
  await file.append(Buffer.from('bytes'));
  expect(await readdir(folder)).toEqual([]);
  expect(await openFilesBelow(folder)).toBe(1);
});

test('discarded, it is read to its end by those who began, and its file is closed then', async () => {
  const folder = temporaryDirectory();
  const file = await createWatched({ folder });
  await file.append(Buffer.alloc(1_000_000, 1));
  file.end();
  const began = reading(file);
  expect(file.isRead).toBe(true);
  let isClosed = false;
  const discarded = file.discard().then(() => {
    isClosed = true;
  });
  expect(file.read()).toBeUndefined();
  expect(isClosed).toBe(false);
  expect((await buffer(began)).length).toBe(1_000_000);
  await discarded;
  expect(await openFilesBelow(folder)).toBe(0);
});

test('a reader that leaves counts no more, whether or not it waits for bytes', async () => {
  const onAbandoned = vi.fn();
  const file = await createWatched({ onAbandoned });
  const waiting = reading(file).resume();
  const idle = reading(file);
  await setImmediate();
  idle.destroy();
  await once(idle, 'close');
  expect([file.isRead, onAbandoned.mock.calls.length]).toEqual([true, 0]);
  waiting.destroy();
  await once(waiting, 'close');
  expect([file.isRead, onAbandoned.mock.calls.length]).toEqual([false, 1]);
});

test('readers who leave when all is there abandon nothing', async () => {
  const onAbandoned = vi.fn();
  const file = await createWatched({ onAbandoned });
  await file.append(Buffer.from('bytes'));
  file.end();
  reading(file).destroy();
  await file.discard();
  expect(onAbandoned).not.toHaveBeenCalled();
});

test('one for other processes is found by them when it is whole, and stays until it is discarded', async () => {
  const folder = temporaryDirectory();
  const file = await createWatched({ folder, name: 'pack' });
  await file.append(Buffer.from('bytes'));
  expect(await openPackFile(join(folder, 'pack'))).toBeUndefined();
  file.end();
  await file.publish();
  await file.close();
  expect([await readdir(folder), file.read()]).toEqual([['pack'], undefined]);
  const theirs = await openPackFile(join(folder, 'pack'));
  if (!theirs) throw new Error('it is not found');
  await file.discard();
  expect([theirs.isWhole, theirs.sizeBytes, await text(reading(theirs))]).toEqual([true, 5, 'bytes']);
  await theirs.discard();
  expect([await readdir(folder), await openFilesBelow(folder)]).toEqual([[], 0]);
});
