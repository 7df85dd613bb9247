import { afterEach, expect, test, vi } from 'vitest';
import { createLogSink } from './log-sink.ts';
import type { ByteDevice } from './standard-stream.ts';

type Done = (error?: unknown) => void;

function failure(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/** A device that takes at once, fails at once, or keeps what it is given until it is told to take it. */
function createScene(maxWaitingBytes = 100) {
  const taken: string[] = [];
  const kept: { readonly text: string; readonly done: Done }[] = [];
  const scene = { taken, kept, mode: 'take' as 'take' | 'keep' | Error, time: 0 };
  const device: ByteDevice = {
    write(bytes, done) {
      const text = Buffer.from(bytes).toString();
      if (scene.mode === 'keep') return void kept.push({ text, done });
      if (scene.mode === 'take') taken.push(text);
      done(scene.mode === 'take' ? undefined : scene.mode);
    },
  };
  const sink = createLogSink({
    device,
    maxWaitingBytes: () => maxWaitingBytes,
    now: () => new Date(scene.time),
  });
  sink.sayLosses(({ lines, since, cause }) => `lost ${lines} since ${since.getTime()}: ${cause}\n`);
  /** The reader is back: everything that waits is taken, and what comes of that. */
  const readAll = () => {
    for (let next = kept.shift(); next !== undefined; next = kept.shift()) {
      taken.push(next.text);
      next.done();
    }
  };
  return { scene, sink, readAll };
}

afterEach(() => vi.useRealTimers());

test.each(['ENOSPC', 'EIO', 'EPIPE', 'EBADF', 'EAGAIN', 'EDQUOT', 'ESTALE'])(
  'lines that fail with %s are counted, and told of once when lines are taken again',
  (code) => {
    const { scene, sink } = createScene();
    sink.write('one\n');
    scene.mode = failure(code);
    scene.time = 7;
    for (let count = 0; count < 3; count++) sink.write('gone\n');
    scene.mode = 'take';
    sink.write('two\n');
    sink.write('three\n');
    expect(scene.taken).toEqual(['one\n', `lost 3 since 7: ${code}\n`, 'two\n', 'three\n']);
  },
);

test('a loss is told of within a second, also where nothing else is said', () => {
  vi.useFakeTimers();
  const { scene, sink } = createScene();
  scene.mode = failure('ENOSPC');
  sink.write('gone\n');
  vi.advanceTimersByTime(5000);
  scene.mode = 'take';
  vi.advanceTimersByTime(1000);
  expect(scene.taken).toEqual(['lost 1 since 0: ENOSPC\n']);
  vi.advanceTimersByTime(5000);
  expect(scene.taken).toHaveLength(1);
});

test('of what nobody reads, only so much waits; the rest is counted, and told of behind it when it was read', () => {
  const { scene, sink, readAll } = createScene(40);
  scene.mode = 'keep';
  for (let number = 10; number < 60; number++) sink.write(`line ${number}\n`);
  expect(scene.kept).toHaveLength(5);
  readAll();
  scene.mode = 'take';
  sink.write('after\n');
  expect(scene.taken).toEqual([
    ...[10, 11, 12, 13, 14].map((number) => `line ${number}\n`),
    'lost 45 since 0: nobody reads them\n',
    'after\n',
  ]);
});

test('what is lost while a loss is being told of is told of next', () => {
  const { scene, sink, readAll } = createScene(40);
  scene.mode = failure('EPIPE');
  sink.write('gone\n');
  scene.mode = 'keep';
  sink.write('gone too\n');
  scene.time = 5;
  readAll();
  sink.write('seen\n');
  readAll();
  expect(scene.taken).toEqual(['lost 1 since 0: EPIPE\n', 'lost 1 since 0: EPIPE\n', 'seen\n']);
});

test('it is flushed once all that waits was taken or lost', async () => {
  const { scene, sink, readAll } = createScene();
  await sink.flush();
  scene.mode = 'keep';
  sink.write('one\n');
  let isFlushed = false;
  const flushed = sink.flush().then(() => {
    isFlushed = true;
  });
  await Promise.resolve();
  expect(isFlushed).toBe(false);
  readAll();
  await flushed;
});

test('a device that fails later counts each line once', () => {
  const { scene, sink } = createScene();
  scene.mode = 'keep';
  sink.write('one\ntwo\n');
  sink.write('three\n');
  for (const { done } of scene.kept.splice(0)) done(failure('EPIPE'));
  scene.mode = 'take';
  sink.write('four\n');
  expect(scene.taken).toEqual(['lost 3 since 0: EPIPE\n', 'four\n']);
});
