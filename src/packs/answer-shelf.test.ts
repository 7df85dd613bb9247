import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createGate } from '../../test/support/gate.ts';
import { type LogEntry, logTo } from '../../test/support/log-entries.ts';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { type AnswerShelfOptions, createAnswerShelf } from './answer-shelf.ts';
import type { Spool } from './spool.ts';

function world(options: Partial<AnswerShelfOptions> = {}) {
  const log: LogEntry[] = [];
  const giveUp = vi.fn();
  const shelf = createAnswerShelf({
    folder: temporaryDirectory(),
    maxBytes: 100,
    readCommit: async () => 'c1',
    log: logTo((entry) => log.push(entry)),
    ...options,
  });
  onTestFinished(() => shelf.close());
  /** Keeps a text, read by nobody but us. */
  async function put(key: string, content: string, commit = 'c1'): Promise<string> {
    return readAll(await keep(key, pieces(content), commit));
  }
  /** The first piece as what has begun. */
  async function keep(key: string, content: AsyncGenerator<Buffer>, commit = 'c1') {
    const { value } = await content.next();
    return shelf.keep(key, commit, { begun: [value], rest: content, giveUp });
  }
  return { shelf, log, put, keep, giveUp };
}

async function* pieces(content: string, gate?: Promise<void>): AsyncGenerator<Buffer> {
  const half = Math.ceil(content.length / 2);
  yield Buffer.from(content.slice(0, half));
  await gate;
  yield Buffer.from(content.slice(half));
}

async function readAll(spool: Spool | undefined): Promise<string> {
  const stream = spool?.read();
  if (!stream) throw new Error('it is not there');
  return text(stream);
}

test('what is on its way is found, and joined', async () => {
  const { shelf, keep, giveUp } = world();
  const { gate, open } = createGate();
  const first = readAll(await keep('a', pieces('whole text', gate)));
  const second = readAll(shelf.find('a'));
  open();
  expect([await first, await second]).toEqual(['whole text', 'whole text']);
  expect(await readAll(shelf.find('a'))).toBe('whole text');
  expect(giveUp).not.toHaveBeenCalled();
});

test('of two that come for the same, after all who waited for the first had left, one is kept', async () => {
  const { shelf, put, keep, giveUp } = world();
  const { gate, open } = createGate();
  const [first, second] = await Promise.all([
    keep('a', pieces('x'.repeat(60), gate)),
    keep('a', pieces('x'.repeat(60), gate)),
  ]);
  expect(second).toBe(first);
  expect(giveUp).toHaveBeenCalledOnce();
  const read = readAll(shelf.find('a'));
  open();
  expect(await read).toHaveLength(60);
  expect(await put('b', 'b'.repeat(40))).toHaveLength(40);
  expect(shelf.find('a')).toBeDefined();
});

test('the ones not asked for longest make room, and never one that is being read', async () => {
  const { shelf, put } = world();
  for (const key of ['a', 'b', 'c']) await put(key, key.repeat(30));
  const held = shelf.find('a')?.read();
  await put('d', 'd'.repeat(30));
  expect(['a', 'b', 'c', 'd'].filter((key) => shelf.find(key))).toEqual(['a', 'c', 'd']);
  held?.destroy();
});

test('one for which there is no room fails whoever reads it, and is refused from then on', async () => {
  const { shelf, log, put, giveUp } = world();
  await expect(put('a', 'a'.repeat(180))).rejects.toThrow('limits.git_spool');
  expect(giveUp).toHaveBeenCalledOnce();
  expect(shelf.find('a')).toBeUndefined();
  expect(shelf.refuses('a')).toBe(true);
  expect(log.map(({ level, message, fields }) => `${level}: ${message}; ${fields?.hint}`)).toEqual([
    'warn: large answers of git cannot be kept: each is computed anew for every client; raise limits.git_spool if the disk has room for it',
  ]);
  expect(await put('b', 'b'.repeat(90))).toHaveLength(90);
  expect(log.at(-1)?.message).toBe('large answers of git are kept again');
});

test('one whose beginning finds no room is left to others, who have read nothing of it', async () => {
  const { shelf, put, keep } = world();
  expect(await keep('a', pieces('a'.repeat(220)))).toBeUndefined();
  expect(shelf.refuses('a')).toBe(true);
  expect(await put('b', 'b'.repeat(100))).toHaveLength(100);
});

test('the disk it takes is given back', async () => {
  const { put } = world();
  for (let i = 0; i < 20; i++) expect(await put(`key ${i}`, 'x'.repeat(60))).toHaveLength(60);
});

test('what git could not finish is not kept, and may be tried again', async () => {
  const { shelf, put, keep } = world();
  const { gate, open } = createGate();
  async function* broken(): AsyncGenerator<Buffer> {
    yield Buffer.from('half');
    await gate;
    throw new Error('git died');
  }
  const read = readAll(await keep('a', broken()));
  open();
  await expect(read).rejects.toThrow('git died');
  expect([shelf.find('a'), shelf.refuses('a')]).toEqual([undefined, false]);
  expect(await put('a', 'whole')).toBe('whole');
});

test('what the last reader has left is given up', async () => {
  const { shelf, keep, giveUp } = world();
  const { gate, open } = createGate();
  async function* endedByGivingUp(): AsyncGenerator<Buffer> {
    yield Buffer.from('half');
    await gate;
    throw new Error('its process was ended');
  }
  giveUp.mockImplementation(open);
  const spool = await keep('a', endedByGivingUp());
  const [first, second] = [spool?.read(), spool?.read()];
  first?.destroy();
  await vi.waitFor(() => expect(first?.closed).toBe(true));
  expect(giveUp).not.toHaveBeenCalled();
  second?.destroy();
  await vi.waitFor(() => expect(shelf.find('a')).toBeUndefined());
  expect(giveUp).toHaveBeenCalled();
  expect(shelf.refuses('a')).toBe(false);
});

test('an answer of another commit goes when one of the current commit comes', async () => {
  const { shelf, put } = world();
  await put('old', 'old', 'c1');
  expect(shelf.find('old')).toBeDefined();
  await put('new', 'new', 'c2');
  expect(shelf.find('old')).toBeUndefined();
});

test('an answer during which the index moved on serves those who wait for it, and nobody else', async () => {
  const { shelf, put } = world({ readCommit: async () => 'c2' });
  expect(await put('a', 'text', 'c1')).toBe('text');
  await vi.waitFor(() => expect(shelf.find('a')).toBeUndefined());
});

test('a disk that takes nothing leaves the answer to others, and is told of once', async () => {
  const file = join(temporaryDirectory(), 'file');
  await writeFile(file, '');
  const { shelf, log, keep } = world({ folder: file });
  const untouched = pieces('text');
  expect(await keep('a', untouched)).toBeUndefined();
  expect(await keep('b', pieces('text'))).toBeUndefined();
  expect((await untouched.next()).value?.toString()).toBe('xt');
  expect([shelf.refuses('a'), log.length]).toEqual([true, 1]);
});
