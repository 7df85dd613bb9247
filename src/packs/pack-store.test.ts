import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createGate } from '../../test/support/gate.ts';
import { type LogEntry, logTo } from '../../test/support/log-entries.ts';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { discardSharedPacks } from './pack-disk.ts';
import { createPackStore, type PackStoreOptions } from './pack-store.ts';

const [c1, c2] = ['1'.repeat(40), '2'.repeat(40)];

function createStore(options: Partial<PackStoreOptions> = {}) {
  const log: LogEntry[] = [];
  const store = createPackStore({
    memoryBytes: 1_000_000,
    smallBytes: 1,
    folder: temporaryDirectory(),
    diskBytes: 100,
    timeoutMs: 10_000,
    readCommit: async () => c1,
    log: logTo((entry) => log.push(entry)),
    ...options,
  });
  onTestFinished(() => store.close());
  const compute = vi.fn();
  const caller = new AbortController().signal;
  /** Of the latest computation. */
  let signal: AbortSignal | undefined;
  const get = (key: string, content: string | AsyncGenerator<Buffer>) =>
    store.get(key, {
      signal: () => caller,
      onWait: () => {},
      async compute(abandoned) {
        signal = abandoned;
        compute(key);
        const pieces = typeof content === 'string' ? piecesOf(content) : content;
        const first = await pieces.next();
        return { kind: 'large', begun: first.done ? [] : [first.value], rest: pieces };
      },
    });
  const getSmall = (key: string, content: string) =>
    store.get(key, {
      signal: () => caller,
      onWait: () => {},
      async compute() {
        compute(key);
        return { kind: 'bytes', bytes: Buffer.from(content) };
      },
    });
  const read = async (key: string, content: string | AsyncGenerator<Buffer>) => {
    const pack = await get(key, content);
    return pack.kind === 'stream' ? text(pack.stream) : pack.kind;
  };
  /** Reads one that fails once somebody has begun. */
  const readBroken = async (key: string) => {
    const { gate, open } = createGate();
    const pack = await get(key, broken(gate));
    open();
    return pack.kind === 'stream' ? text(pack.stream) : pack.kind;
  };
  const computed = () => compute.mock.calls.splice(0).map(([key]) => key.slice(41));
  return { store, log, get, getSmall, read, readBroken, computed, isGivenUp: () => signal?.aborted };
}

async function* piecesOf(content: string, gate?: Promise<void>): AsyncGenerator<Buffer> {
  const half = Math.ceil(content.length / 2);
  yield Buffer.from(content.slice(0, half));
  await gate;
  yield Buffer.from(content.slice(half));
}

async function* broken(gate: Promise<void>): AsyncGenerator<Buffer> {
  yield Buffer.from('half');
  await gate;
  throw new Error('git died');
}

const a = `${c1}-a`;
const b = `${c1}-b`;

describe('a pack too large for memory', () => {
  test('is found while it is on its way, and when it is whole', async () => {
    const { read, computed, isGivenUp } = createStore();
    const { gate, open } = createGate();
    const texts = [read(a, piecesOf('whole text', gate)), read(a, 'another')];
    open();
    texts.push(Promise.all(texts).then(() => read(a, 'another')));
    expect(await Promise.all(texts)).toEqual(Array(3).fill('whole text'));
    expect([computed(), isGivenUp()]).toEqual([['a'], false]);
  });

  test('makes room for others when it was not asked for longest, and never while it is read', async () => {
    const { get, read, computed } = createStore();
    for (const key of ['a', 'b', 'c']) await read(`${c1}-${key}`, key.repeat(30));
    const held = await get(a, '');
    await read(`${c1}-d`, 'd'.repeat(30));
    computed();
    for (const key of ['a', 'c', 'd', 'b']) await read(`${c1}-${key}`, '');
    expect(computed()).toEqual(['b']);
    if (held.kind === 'stream') held.stream.destroy();
  });

  test('for which there is no room fails whoever reads it, and is left to others from then on', async () => {
    const { log, read, isGivenUp } = createStore();
    await expect(read(a, 'a'.repeat(180))).rejects.toThrow('limits.git_spool');
    expect(isGivenUp()).toBe(true);
    expect(await read(a, 'a')).toBe('unkept');
    expect(log.map(({ level, message, fields }) => `${level}: ${message}; ${fields?.hint}`)).toEqual([
      'warn: large answers of git cannot be kept: each is computed anew for every client; raise limits.git_spool if the disk has room for it',
    ]);
    expect(await read(b, 'b'.repeat(90))).toHaveLength(90);
    expect(log.at(-1)?.message).toBe('large answers of git are kept again');
  });

  test('whose beginning finds no room is left to others, who have read nothing of it', async () => {
    const { read } = createStore();
    expect(await read(a, 'a'.repeat(220))).toBe('unkept');
    expect(await read(b, 'b'.repeat(100))).toHaveLength(100);
  });

  test('gives the disk back', async () => {
    const { read, readBroken } = createStore();
    for (let i = 0; i < 20; i++) expect(await read(`${c1}-${i}`, 'x'.repeat(60))).toHaveLength(60);
    await expect(readBroken(a)).rejects.toThrow('git died');
    expect(await read(b, 'x'.repeat(100))).toHaveLength(100);
  });

  test('that git could not finish is not kept, and may be tried again', async () => {
    const { read, readBroken } = createStore();
    await expect(readBroken(a)).rejects.toThrow('git died');
    expect(await read(a, 'whole')).toBe('whole');
  });

  test('is given up when the last reader has left, and computed anew for the next', async () => {
    const { get, read, isGivenUp } = createStore();
    const { gate, open } = createGate();
    const packs = [await get(a, broken(gate)), await get(a, '')];
    const [first, second] = packs.map((pack) => (pack.kind === 'stream' ? pack.stream : undefined));
    first?.destroy();
    await vi.waitFor(() => expect(first?.closed).toBe(true));
    expect(isGivenUp()).toBe(false);
    second?.destroy();
    await vi.waitFor(() => expect(isGivenUp()).toBe(true));
    expect(await read(a, 'anew')).toBe('anew');
    open();
  });

  test('of another commit goes when one of the current commit comes', async () => {
    let commit = c1;
    const { read, computed } = createStore({ readCommit: async () => commit });
    await read(a, 'old');
    commit = c2;
    await read(`${c2}-a`, 'new');
    expect(await read(a, 'old')).toBe('old');
    expect(computed()).toEqual(['a', 'a', 'a']);
  });

  test('during which the index moved on serves those who wait for it, and nobody else', async () => {
    const { read, computed } = createStore({ readCommit: async () => c2 });
    for (const content of ['text', 'again']) expect(await read(a, content)).toBe(content);
    expect(computed()).toEqual(['a', 'a']);
  });

  test('is left to others by a disk that takes nothing, of which is told once', async () => {
    const file = join(temporaryDirectory(), 'file');
    await writeFile(file, '');
    const { log, read } = createStore({ folder: file });
    expect([await read(a, 'text'), await read(b, 'text'), log.length]).toEqual(['unkept', 'unkept', 1]);
  });
});

describe('processes that share packs', () => {
  function world(options: Partial<PackStoreOptions> = {}) {
    const lockFolder = temporaryDirectory();
    const folder = join(lockFolder, 'answers');
    const settings = { shared: { packFolder: folder, lockFolder }, ...options };
    return { ours: createStore(settings), theirs: createStore(settings), folder };
  }

  test('find large ones of each other, also when the other one gives them up meanwhile', async () => {
    const { ours, theirs, folder } = world();
    expect(await ours.read(a, 'a large one')).toBe('a large one');
    await vi.waitFor(async () => expect(await readdir(folder)).toEqual([a]));
    const found = await theirs.get(a, 'another');
    ours.store.close();
    await vi.waitFor(async () => expect(await readdir(folder)).toEqual([]));
    expect(found.kind === 'stream' && (await text(found.stream as Readable))).toBe('a large one');
    expect(theirs.computed()).toEqual([]);
  });

  test('find small ones, and what was in memory only when another one has it in a file', async () => {
    const { ours, theirs, folder } = world({ memoryBytes: 60 });
    await ours.getSmall(a, 'x');
    await vi.waitFor(async () => expect(await readdir(folder)).toEqual([a]));
    // Each has room for one.
    await ours.getSmall(b, 'y');
    expect(await ours.getSmall(a, 'z')).toEqual({ kind: 'bytes', bytes: Buffer.from('x') });
    expect(await theirs.getSmall(a, 'z')).toEqual({ kind: 'bytes', bytes: Buffer.from('x') });
    expect([ours.computed(), theirs.computed()]).toEqual([['a', 'b'], []]);
  });

  test('find nothing of half a pack, and it does not stay', async () => {
    const { ours, theirs, folder } = world();
    await expect(ours.readBroken(a)).rejects.toThrow('git died');
    expect(await theirs.read(a, 'whole')).toBe('whole');
    await vi.waitFor(async () => expect(await readdir(folder)).toEqual([a]));
    expect(ours.log).toEqual([]);
  });

  test('remove those of other commits, whoever made them, and what was left in the making', async () => {
    let commit = c1;
    const { ours, theirs, folder } = world({ readCommit: async () => commit });
    await ours.getSmall(a, 'x');
    await vi.waitFor(async () => expect(await readdir(folder)).toEqual([a]));
    await writeFile(join(folder, `${b}.1-000000000000-0.tmp`), 'left');
    commit = c2;
    await theirs.getSmall(`${c2}-a`, 'y');
    await vi.waitFor(async () => expect(await readdir(folder)).toEqual([`${c2}-a`]));
  });

  test('have a bound each: the oldest goes', async () => {
    const { ours, folder } = world();
    for (const key of ['a', 'b', 'c']) await ours.getSmall(`${c1}-${key}`, key.repeat(40));
    await vi.waitFor(async () => expect((await readdir(folder)).sort()).toEqual([b, `${c1}-c`]));
  });

  test('have what is made again, with other bytes', async () => {
    const { ours, theirs, folder } = world({ memoryBytes: 60 });
    await ours.getSmall(a, 'x');
    await vi.waitFor(async () => expect(await readdir(folder)).toEqual([a]));
    await rm(join(folder, a));
    await ours.getSmall(b, 'y');
    await ours.getSmall(a, 'z');
    await vi.waitFor(async () => expect((await readdir(folder)).sort()).toEqual([a, b]));
    expect(await theirs.getSmall(a, '')).toEqual({ kind: 'bytes', bytes: Buffer.from('z') });
  });

  test('compute their own where the disk takes nothing, which is told once, and again when it does', async () => {
    const { ours, theirs, folder } = world();
    await writeFile(folder, '');
    await ours.getSmall(a, 'x');
    await vi.waitFor(() => expect(ours.log).toHaveLength(1));
    expect(await theirs.getSmall(a, 'y')).toEqual({ kind: 'bytes', bytes: Buffer.from('y') });
    await discardSharedPacks(folder);
    await ours.getSmall(b, 'x');
    await vi.waitFor(() => expect(ours.log).toHaveLength(2));
    expect(ours.log.map(({ level, message }) => `${level}: ${message}`)).toEqual([
      'warn: answers of git cannot be shared: each process computes its own',
      'info: processes share answers of git again',
    ]);
    await discardSharedPacks(folder);
  });
});
