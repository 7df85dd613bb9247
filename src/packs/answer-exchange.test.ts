import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, test, vi } from 'vitest';
import { type LogEntry, logTo } from '../../test/support/log-entries.ts';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { type AnswerExchangeOptions, createAnswerExchange, discardOffers } from './answer-exchange.ts';

const [c1, c2] = ['1'.repeat(40), '2'.repeat(40)];

function world(options: Partial<AnswerExchangeOptions> = {}) {
  const lockFolder = temporaryDirectory();
  const log: LogEntry[] = [];
  const settings = {
    folder: join(lockFolder, 'answers'),
    lockFolder,
    maxBytes: 100,
    waitMs: 1000,
    log: logTo((entry) => log.push(entry)),
    ...options,
  };
  const [ours, theirs] = [createAnswerExchange(settings), createAnswerExchange(settings)];
  const read = async (key: string) => {
    const found = await theirs.find(key);
    return found && { sizeBytes: found.sizeBytes, text: await text(found.bytes) };
  };
  return { ours, theirs, log, read, folder: settings.folder };
}

test('what one offers, the others find, from memory or from a stream', async () => {
  const { ours, read, folder } = world();
  expect(await read(`${c1} 2 a`)).toBeUndefined();
  await ours.offer(`${c1} 2 a`, c1, Buffer.from('bytes'));
  await ours.offer(`${c1} 2 b`, c1, Readable.from([Buffer.from('a '), Buffer.from('stream')]));
  expect(await read(`${c1} 2 a`)).toEqual({ sizeBytes: 5, text: 'bytes' });
  expect(await read(`${c1} 2 b`)).toEqual({ sizeBytes: 8, text: 'a stream' });
  expect((await readdir(folder)).sort()).toEqual([`${c1}-2-a`, `${c1}-2-b`]);
});

test('half of a stream that fails is found by nobody, and does not stay', async () => {
  const { ours, read, folder, log } = world();
  async function* broken() {
    yield Buffer.from('half');
    throw new Error('git died');
  }
  await ours.offer(`${c1} 2 a`, c1, Readable.from(broken()));
  expect(await read(`${c1} 2 a`)).toBeUndefined();
  expect(await readdir(folder)).toEqual([]);
  expect(log).toEqual([]);
});

test('those of other commits go, whoever made them, and whatever was left in the making', async () => {
  const { ours, theirs, folder } = world();
  await ours.offer(`${c1} 2 a`, c1, Buffer.from('old'));
  await writeFile(join(folder, `${c1}-2-b.1-000000000000-0.tmp`), 'left');
  await theirs.offer(`${c2} 2 a`, c2, Buffer.from('new'));
  expect(await readdir(folder)).toEqual([`${c2}-2-a`]);
});

test('what one process offers is bounded: the oldest goes', async () => {
  const { ours, folder } = world();
  for (const key of ['a', 'b', 'c']) await ours.offer(`${c1} 2 ${key}`, c1, Buffer.alloc(40));
  await ours.offer(`${c1} 2 large`, c1, Buffer.alloc(101));
  await vi.waitFor(async () => expect((await readdir(folder)).sort()).toEqual([`${c1}-2-b`, `${c1}-2-c`]));
});

test('what is offered again, with other bytes, is there', async () => {
  const { ours, read, folder } = world();
  await ours.offer(`${c1} 2 a`, c1, Buffer.from('one'));
  await discardOffers(folder);
  await ours.offer(`${c1} 2 a`, c1, Buffer.from('another'));
  await ours.offer(`${c1} 2 b`, c1, Buffer.from('besides'));
  expect(await read(`${c1} 2 a`)).toMatchObject({ text: 'another' });
});

test('a disk that takes nothing is told of once, and again when it does', async () => {
  const { ours, read, folder, log } = world();
  await writeFile(folder, '');
  const unread = Readable.from([Buffer.from('stream')]);
  await ours.offer(`${c1} 2 a`, c1, Buffer.from('bytes'));
  await ours.offer(`${c1} 2 b`, c1, unread);
  expect(unread.destroyed).toBe(true);
  expect(await read(`${c1} 2 a`)).toBeUndefined();
  await discardOffers(folder);
  await ours.offer(`${c1} 2 a`, c1, Buffer.from('bytes'));
  expect(await read(`${c1} 2 a`)).toMatchObject({ text: 'bytes' });
  expect(log.map(({ level, message }) => `${level}: ${message}`)).toEqual([
    'warn: answers of git cannot be shared: each process computes its own',
    'info: processes share answers of git again',
  ]);
});

test('an earlier run leaves nothing', async () => {
  const { ours, read, folder } = world();
  await ours.offer(`${c1} 2 a`, c1, Buffer.from('bytes'));
  await discardOffers(folder);
  expect(await read(`${c1} 2 a`)).toBeUndefined();
  await discardOffers(folder);
});
