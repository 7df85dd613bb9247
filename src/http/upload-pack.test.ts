import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { text as readText } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createRegistryStandIn } from '../../test/support/registry-stand-in.ts';
import { createUploadPack, type UploadPackOptions } from './upload-pack.ts';

async function world(options: Partial<UploadPackOptions> = {}) {
  const registry = await createRegistryStandIn();
  onTestFinished(() => registry.close());
  const messages: string[] = [];
  const uploadPack = createUploadPack({
    gitDir: registry.indexDirectory,
    readCommit: registry.servedCommit,
    processes: 2,
    queue: 10,
    cacheBytes: 1_000_000,
    answerBytes: 100_000,
    timeoutMs: 60_000,
    log: ({ message, fields }) => messages.push(`${message}: ${fields?.detail}`),
    ...options,
  });
  const request = { commit: await registry.servedCommit(), protocol: 2 as const, input: undefined };
  return { registry, uploadPack, request, messages };
}

function createCaller() {
  const leaving = new AbortController();
  return { signal: () => leaving.signal, leave: () => leaving.abort() };
}

const stays = createCaller();

describe('an answer', () => {
  test('nobody waits for any more is not computed to its end', async () => {
    const { uploadPack, request } = await world();
    const leaving = createCaller();
    const asked = uploadPack.answer(request, leaving);
    leaving.leave();
    await expect(asked).rejects.toThrow();
    await vi.waitFor(() => expect(uploadPack.stats()).toMatchObject({ running: 0, waiting: 0 }));
    expect(await uploadPack.answer(request, stays)).toMatchObject({ kind: 'bytes' });
    expect(uploadPack.stats().servedFromMemory).toBe(0);
  });

  test('survives the client who asked first', async () => {
    const { uploadPack, request } = await world();
    const leaving = createCaller();
    const first = uploadPack.answer(request, leaving);
    const second = uploadPack.answer(request, stays);
    leaving.leave();
    expect(await second).toMatchObject({ kind: 'bytes' });
    expect(await first).toMatchObject({ kind: 'bytes' });
    expect(uploadPack.stats()).toMatchObject({ started: 1, servedFromMemory: 1 });
  });

  test('that takes too long is a failure, and its process ends', async () => {
    const { registry, uploadPack, request, messages } = await world({ timeoutMs: 20 });
    // git waits for somebody to write into the pipe.
    await promisify(execFile)('mkfifo', [join(registry.indexDirectory, 'packed-refs')]);
    const listing = { ...request, protocol: 0 as const };
    expect(await uploadPack.answer(listing, stays)).toMatchObject({ kind: 'failed' });
    expect(messages).toEqual(['git upload-pack failed: was ended: it took longer than 20 ms']);
    await vi.waitFor(() => expect(uploadPack.stats()).toMatchObject({ started: 1, running: 0 }));
  });

  test('that is streamed ends with an error when git falls silent, and so does its process', async () => {
    const { registry, uploadPack, request, messages } = await world({ timeoutMs: 1500, answerBytes: 10 });
    const listing = { ...request, protocol: 0 as const };
    const read = async () => {
      const answer = await uploadPack.answer(listing, stays);
      if (answer.kind !== 'stream') throw new Error(`not a stream: ${answer.kind}`);
      return readText(answer.stream);
    };
    expect(await read()).toContain('refs/heads/main');
    await promisify(execFile)('mkfifo', [join(registry.indexDirectory, 'packed-refs')]);
    await expect(read()).rejects.toThrow('was ended: it was silent for 1500 ms');
    expect(messages).toEqual(['git upload-pack failed: was ended: it was silent for 1500 ms']);
    await vi.waitFor(() => expect(uploadPack.stats()).toMatchObject({ running: 0, waiting: 0 }));
  });

  test('during which the index moved on is not kept under the old commit', async () => {
    const { registry, uploadPack, request } = await world({ readCommit: async () => 'f'.repeat(40) });
    await uploadPack.answer(request, stays);
    await uploadPack.answer({ ...request, commit: await registry.servedCommit() }, stays);
    expect(uploadPack.stats()).toMatchObject({ started: 2, servedFromMemory: 0 });
  });

  test('waits for a process to end, in a bounded queue', async () => {
    const { uploadPack, request } = await world({ processes: 1, queue: 1 });
    const commits = ['a', 'b', 'c'].map((digit) => digit.repeat(40));
    const answers = await Promise.all(
      commits.map((commit) => uploadPack.answer({ ...request, commit }, stays)),
    );
    expect(answers.map(({ kind }) => kind).sort()).toEqual(['busy', 'bytes', 'bytes']);
  });
});
