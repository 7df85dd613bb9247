import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text as readText } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { logTo } from '../../test/support/log-entries.ts';
import { createRegistryStandIn } from '../../test/support/registry-stand-in.ts';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { shareOf } from './git-processes.ts';
import { discardSharedPacks } from './pack-disk.ts';
import type { Pack, PackFailure } from './pack-store.ts';
import {
  type Caller,
  createUploadPack,
  type PackRequest,
  type UploadPack,
  type UploadPackOptions,
} from './upload-pack.ts';

async function world(options: Partial<UploadPackOptions> = {}) {
  const registry = await createRegistryStandIn();
  onTestFinished(() => registry.close());
  const messages: string[] = [];
  const uploadPack = createUploadPack({
    gitDir: registry.indexDirectory,
    readCommit: registry.servedCommit,
    processes: 2,
    queue: 10,
    memoryBytes: 1_000_000,
    smallBytes: 100_000,
    folder: temporaryDirectory(),
    diskBytes: 1_000_000,
    timeoutMs: 60_000,
    log: logTo(({ message, fields }) => messages.push(`${message}: ${fields?.detail}`)),
    ...options,
  });
  onTestFinished(() => uploadPack.close());
  const request = { commit: await registry.servedCommit(), protocol: 2 as const, input: undefined };
  return { registry, uploadPack, request, messages };
}

function createCaller(address = '192.0.2.1') {
  const leaving = new AbortController();
  return { client: { address }, signal: () => leaving.signal, leave: () => leaving.abort() };
}

const stays = createCaller();

async function readStream(asked: Promise<Pack | PackFailure>): Promise<string> {
  const answer = await asked;
  if (answer.kind !== 'stream') throw new Error(`not a stream: ${answer.kind}`);
  return readText(answer.stream);
}

async function fileInPlaceOfFolder(): Promise<string> {
  const file = join(temporaryDirectory(), 'file');
  await writeFile(file, '');
  return file;
}

describe('a pack', () => {
  test('nobody waits for any more is not computed to its end', async () => {
    const { uploadPack, request } = await world();
    const leaving = createCaller();
    const asked = uploadPack.packFor(request, leaving);
    leaving.leave();
    await expect(asked).rejects.toThrow();
    await vi.waitFor(() => expect(uploadPack.stats()).toMatchObject({ running: 0, waiting: 0 }));
    expect(await uploadPack.packFor(request, stays)).toMatchObject({ kind: 'bytes' });
    expect(uploadPack.stats().shared).toBe(0);
  });

  test('survives the client who asked first', async () => {
    const { uploadPack, request } = await world();
    const leaving = createCaller();
    const first = uploadPack.packFor(request, leaving);
    const second = uploadPack.packFor(request, stays);
    leaving.leave();
    expect(await second).toMatchObject({ kind: 'bytes' });
    expect(await first).toMatchObject({ kind: 'bytes' });
    expect(uploadPack.stats()).toMatchObject({ started: 1, shared: 1 });
  });

  test('that takes too long is a failure, and its process ends', async () => {
    const { registry, uploadPack, request, messages } = await world({ timeoutMs: 20 });
    // git waits for somebody to write into the pipe.
    await promisify(execFile)('mkfifo', [join(registry.indexDirectory, 'packed-refs')]);
    const listing = { ...request, protocol: 0 as const };
    expect(await uploadPack.packFor(listing, stays)).toMatchObject({ kind: 'failed' });
    expect(messages).toEqual(['git upload-pack failed: was ended: it took longer than 20 ms']);
    await vi.waitFor(() => expect(uploadPack.stats()).toMatchObject({ started: 1, running: 0 }));
  });

  test('too large for memory is computed once for all who ask, and kept on the disk', async () => {
    const { uploadPack, request } = await world({ smallBytes: 10 });
    const together = [1, 2, 3].map(() => readStream(uploadPack.packFor(request, stays)));
    const texts = [...(await Promise.all(together)), await readStream(uploadPack.packFor(request, stays))];
    expect(texts[0]).toContain('version 2');
    expect(new Set(texts).size).toBe(1);
    expect(uploadPack.stats()).toMatchObject({ started: 1, running: 0, shared: 3 });
  });

  test('too large for memory says how long it is, once that is known', async () => {
    const { uploadPack, request } = await world({ smallBytes: 10 });
    const whole = await readStream(uploadPack.packFor(request, stays));
    const again = uploadPack.packFor(request, stays);
    expect(await again).toMatchObject({ sizeBytes: whole.length });
    expect(await readStream(again)).toBe(whole);
  });

  test('too large for memory holds no process while its client does not read', async () => {
    const { uploadPack, request } = await world({ smallBytes: 10, processes: 1, queue: 0 });
    const unread = await uploadPack.packFor(request, stays);
    await vi.waitFor(() => expect(uploadPack.stats().running).toBe(0));
    const other = { ...request, protocol: 0 as const };
    expect(await readStream(uploadPack.packFor(other, stays))).toContain('refs/heads/main');
    if (unread.kind === 'stream') unread.stream.destroy();
  });

  test('too large for memory and for the disk is computed for each client', async () => {
    // No room for the first piece already, however git divides it: later there would be readers to be cut off.
    const { uploadPack, request } = await world({ smallBytes: 10, diskBytes: 5 });
    for (let i = 0; i < 3; i++)
      expect(await readStream(uploadPack.packFor(request, stays))).toContain('version 2');
    // One more for the first, which showed how large it is.
    expect(uploadPack.stats()).toMatchObject({ started: 4, shared: 0 });
  });

  test('that is streamed ends with an error when git falls silent, and so does its process', async () => {
    const { registry, uploadPack, request, messages } = await world({
      timeoutMs: 1500,
      smallBytes: 10,
      folder: await fileInPlaceOfFolder(),
    });
    const listing = { ...request, protocol: 0 as const };
    const read = () => readStream(uploadPack.packFor(listing, stays));
    expect(await read()).toContain('refs/heads/main');
    expect(messages.splice(0)).toEqual([expect.stringContaining('large answers of git cannot be kept')]);
    await promisify(execFile)('mkfifo', [join(registry.indexDirectory, 'packed-refs')]);
    await expect(read()).rejects.toThrow('was ended: it was silent for 1500 ms');
    expect(messages).toEqual(['git upload-pack failed: was ended: it was silent for 1500 ms']);
    await vi.waitFor(() => expect(uploadPack.stats()).toMatchObject({ running: 0, waiting: 0 }));
  });

  test('during which the index moved on is not kept under the old commit', async () => {
    const { registry, uploadPack, request } = await world({ readCommit: async () => 'f'.repeat(40) });
    await uploadPack.packFor(request, stays);
    await uploadPack.packFor({ ...request, commit: await registry.servedCommit() }, stays);
    expect(uploadPack.stats()).toMatchObject({ started: 2, shared: 0 });
  });

  test('waits for a process to end, in a bounded queue', async () => {
    const { uploadPack, request } = await world({ processes: 1, queue: 1 });
    const commits = ['a', 'b', 'c'].map((digit) => digit.repeat(40));
    const answers = await Promise.all(
      commits.map((commit) => uploadPack.packFor({ ...request, commit }, stays)),
    );
    expect(answers.map(({ kind }) => kind).sort()).toEqual(['busy', 'bytes', 'bytes']);
  });
});

describe('one client that asks for a thousand things', () => {
  const ask = (uploadPack: UploadPack, request: PackRequest, caller: Caller) => (commit: number) =>
    uploadPack.packFor({ ...request, commit: String(commit).padStart(40, '0') }, caller);

  test('keeps nobody from having an answer, be it there or to be computed', async () => {
    const { uploadPack, request } = await world({ processes: 1, queue: 20 });
    const known = await uploadPack.packFor(request, stays);
    const greedy = ask(uploadPack, request, createCaller('2001:db8::1'));
    const flood = Array.from({ length: 1000 }, (_, position) => greedy(position));
    const others = [2, 3, 4].map((number) => createCaller(`192.0.2.${number}`));
    expect(await uploadPack.packFor(request, createCaller('192.0.2.9'))).toEqual(known);
    const answers = await Promise.all(
      others.map((other, position) => ask(uploadPack, request, other)(5000 + position)),
    );
    expect(answers.map(({ kind }) => kind)).toEqual(['bytes', 'bytes', 'bytes']);
    const refused = (await Promise.all(flood)).filter(({ kind }) => kind === 'busy');
    // All but the one that ran and those for whom there was a place, of which the others took three.
    expect(refused).toHaveLength(1000 - 1 - 20 + 3);
  });

  test('keeps nobody from what it asked for itself', async () => {
    const { uploadPack, request } = await world({ processes: 1, queue: 20 });
    const greedy = ask(uploadPack, request, createCaller('192.0.2.1'));
    const flood = Array.from({ length: 21 }, (_, position) => greedy(position));
    const wanted = ask(uploadPack, request, createCaller('192.0.2.2'))(20);
    expect(await Promise.race([wanted.then(() => 'wanted'), flood[19]?.then(() => 'flood')])).toBe('wanted');
    await Promise.all(flood);
  });
});

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:db8:1:2::', '2001:db8:1:2'],
  ['2001:db8::1', '2001:db8:0:0'],
  ['::1', '0:0:0:0'],
  ['unknown', 'unknown'],
])('the share of the queue of %s is that of %s', (address, share) => {
  expect(shareOf(address)).toBe(share);
});

describe('processes that share packs', () => {
  async function several(options: Partial<UploadPackOptions> = {}) {
    const lockFolder = temporaryDirectory();
    const folder = join(lockFolder, 'answers');
    const shared = { packFolder: folder, lockFolder };
    const first = await world({ ...options, shared });
    const gitDir = first.registry.indexDirectory;
    const readCommit = first.registry.servedCommit;
    const second = await world({ ...options, shared, gitDir, readCommit });
    const started = () => first.uploadPack.stats().started + second.uploadPack.stats().started;
    return { ...first, packs: [first.uploadPack, second.uploadPack] as const, folder, started };
  }

  test('compute one once, and each then has it in memory', async () => {
    const { packs, request, folder, started } = await several();
    const [one, other] = await Promise.all(packs.map((pack) => pack.packFor(request, stays)));
    expect(one).toMatchObject({ kind: 'bytes', bytes: expect.any(Buffer) });
    expect(other).toEqual(one);
    await vi.waitFor(async () => expect(await readdir(folder)).toHaveLength(1));
    await discardSharedPacks(folder);
    for (const pack of packs) expect(await pack.packFor(request, stays)).toEqual(one);
    expect(started()).toBe(1);
  });

  test('compute one too large for memory once', async () => {
    const { packs, request, started } = await several({ smallBytes: 10 });
    const texts = await Promise.all(
      [...packs, ...packs].map((pack) => readStream(pack.packFor(request, stays))),
    );
    expect(texts[0]).toContain('version 2');
    expect(new Set(texts).size).toBe(1);
    expect(started()).toBe(1);
  });

  test('go on where the clients of the one that computes have left', async () => {
    const { registry, packs, request, started } = await several();
    // git waits for somebody to write into the pipe.
    const pipe = join(registry.indexDirectory, 'packed-refs');
    await promisify(execFile)('mkfifo', [pipe]);
    const listing = { ...request, protocol: 0 as const };
    const leaving = createCaller();
    const left = packs[0].packFor(listing, leaving);
    await vi.waitFor(() => expect(started()).toBe(1));
    const waiting = packs[1].packFor(listing, stays);
    await rm(pipe);
    leaving.leave();
    await expect(left).rejects.toThrow();
    expect(await waiting).toMatchObject({ kind: 'bytes' });
    expect(started()).toBe(2);
  });

  test('refuse alike, and share no refusal', async () => {
    const { packs, request, folder, started } = await several();
    const wrong = `0014command=fetch0001000dofs-delta0035shallow ${'1'.repeat(40)}\n0009done\n0000`;
    const input = { bytes: Buffer.from(wrong), listsRefs: false, digest: 'wrong' };
    const answers = await Promise.all(packs.map((pack) => pack.packFor({ ...request, input }, stays)));
    expect(answers.map(({ kind }) => kind)).not.toContain('bytes');
    expect([started(), existsSync(folder)]).toEqual([2, false]);
  });

  test('compute for themselves where the disk takes nothing', async () => {
    const file = await fileInPlaceOfFolder();
    const { uploadPack, request } = await world({ shared: { packFolder: file, lockFolder: file } });
    expect(await uploadPack.packFor(request, stays)).toMatchObject({ kind: 'bytes' });
  });
});
