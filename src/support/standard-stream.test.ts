import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createFileDevice, openStandardStream } from './standard-stream.ts';

function put(device: ReturnType<typeof createFileDevice>, text: string): unknown {
  let answer: unknown = 'nothing';
  device.write(Buffer.from(text), (error) => {
    answer = error;
  });
  return answer;
}

/** A disk that has room for so many bytes, and takes what fits of a piece. */
function createDisk(room: number) {
  const disk = { content: '', room };
  const write = (_: number, bytes: Uint8Array) => {
    if (disk.room === 0) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
    const part = bytes.subarray(0, disk.room);
    disk.room -= part.length;
    disk.content += Buffer.from(part).toString();
    return part.length;
  };
  return { disk, device: createFileDevice(2, write) };
}

test('what does not fit as a whole is a failure, and what comes after it begins a line of its own', () => {
  const { disk, device } = createDisk(8);
  expect(put(device, 'one\n')).toBeUndefined();
  expect(put(device, 'two three\n')).toMatchObject({ code: 'ENOSPC' });
  expect(put(device, 'four\n')).toMatchObject({ code: 'ENOSPC' });
  disk.room = 100;
  expect(put(device, 'five\n')).toBeUndefined();
  expect(put(device, 'six\n')).toBeUndefined();
  expect(disk.content).toBe('one\ntwo \nfive\nsix\n');
});

test('a file that takes nothing, and does not say why, is a failure rather than tried for ever', () => {
  expect(
    put(
      createFileDevice(2, () => 0),
      'one\n',
    ),
  ).toBeInstanceOf(Error);
});

test('a descriptor that is closed is a failure of each write', () => {
  const directory = mkdtempSync(join(tmpdir(), 'stream-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'log');
  const fd = openSync(file, 'w');
  const device = createFileDevice(fd, writeSync);
  expect(put(device, 'one\n')).toBeUndefined();
  closeSync(fd);
  expect(put(device, 'two\n')).toMatchObject({ code: 'EBADF' });
  expect(readFileSync(file, 'utf8')).toBe('one\n');
});

test.skipIf(!existsSync('/dev/full'))('what Node would make of a file is not used for it', () => {
  const fd = openSync('/dev/full', 'w');
  onTestFinished(() => closeSync(fd));
  const stream = {
    on: () => {},
    write() {
      throw new Error('must not be asked');
    },
  };
  expect(put(openStandardStream(fd, stream).device, 'one\n')).toMatchObject({ code: 'ENOSPC' });
});

test('a stream that throws instead of telling is a failure as well', () => {
  const stream = {
    on: () => {},
    write() {
      throw Object.assign(new Error('gone'), { code: 'ERR_STREAM_DESTROYED' });
    },
  };
  expect(put(openStandardStream(-1, stream).device, 'one\n')).toMatchObject({ code: 'ERR_STREAM_DESTROYED' });
});
