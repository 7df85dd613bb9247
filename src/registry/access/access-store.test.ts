import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createGate } from '../../../test/support/gate.ts';
import { createGitIndex } from '../../index/create-index.ts';
import { runGit } from '../../support/git/git.ts';
import { silentLog } from '../../support/log.ts';
import { accessRef, openAccessStore } from './access-store.ts';
import { createFailedAttempts } from './failed-attempts.ts';
import { createLastUse, readLastUse } from './last-use.ts';
import { addToken, revokeToken } from './token-changes.ts';
import { createToken } from './token-text.ts';
import { watchTokens } from './token-watch.ts';

const date = new Date('2026-11-27T12:00:00Z');
const stamp = { now: date, by: 'tester' };
let folder = '';
let directory = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'access-'));
  directory = join(folder, 'index');
  await createGitIndex(directory, date);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function add(name: string) {
  const { text, digest } = createToken();
  const request = { name, owner: 'ada', grants: { read: ['*'] }, lifetimeMs: undefined };
  return {
    text,
    change: (tokens: Parameters<typeof addToken>[0]) => addToken(tokens, request, digest, stamp),
  };
}

test('tokens stand in a ref of their own, none of them is lost to another change, and clients never see it', async () => {
  const stores = [openAccessStore(directory), openAccessStore(directory), openAccessStore(directory)];
  expect(await stores[0]?.read(stores[0].version())).toEqual([]);
  const names = ['a', 'b', 'c', 'd', 'e', 'f'];
  await Promise.all(
    names.map((name, i) => stores[i % 3]?.change(add(name).change, `token create ${name}`, date)),
  );
  const store = openAccessStore(directory);
  expect((await store.read(store.version())).map(({ name }) => name).sort()).toEqual(names);
  const history = await runGit(['log', '--format=%s', accessRef], { gitDir: directory });
  expect(history.toString().trim().split('\n')).toHaveLength(names.length);
  const advertised = await runGit(['ls-remote', directory]);
  expect(advertised.toString()).not.toContain('access');
});

test('a change that throws changes nothing', async () => {
  const store = openAccessStore(directory);
  const before = store.version();
  await expect(store.change((tokens) => revokeToken(tokens, 'zzzzzz', stamp), 'x', date)).rejects.toThrow(
    'there is no token',
  );
  expect(store.version()).toBe(before);
});

test('a watch lets in who may, follows a change, and lets nobody in when it cannot tell', async () => {
  const store = openAccessStore(directory);
  const watched = add('watched');
  let now = 0;
  let isBroken = false;
  const watch = watchTokens({
    store: {
      version: () => {
        if (isBroken) throw new Error('no disk');
        return store.version();
      },
      read: store.read,
      readRevocations: store.readRevocations,
    },
    entries: () => [],
    log: silentLog,
    now: () => now,
  });
  try {
    expect(watch.glance()).toBeUndefined();
    await watch.look();
    expect(watch.glance()?.find(watched.text, undefined, date.getTime()).kind).toBe('unknown');
    await store.change(watched.change, 'token create watched', date);
    await watch.look();
    expect(watch.glance()?.find(watched.text, undefined, date.getTime()).kind).toBe('holder');
    // Kept busy for long, it sees that nothing has changed without waiting.
    now += 60_000;
    expect(watch.glance()?.find(watched.text, undefined, date.getTime()).kind).toBe('holder');
    await store.change((tokens) => revokeToken(tokens, 'watched', stamp), 'token revoke watched', date);
    now += 60_000;
    expect(watch.glance()).toBeUndefined();
    await watch.look();
    expect(watch.glance()?.find(watched.text, undefined, date.getTime()).kind).toBe('spent');
    isBroken = true;
    now += 60_000;
    expect(watch.glance()).toBeUndefined();
  } finally {
    watch.close();
  }
});

test('who looks hears of what was made before, also where a look was on its way that had begun earlier', async () => {
  const store = openAccessStore(directory);
  const made = add('made-meanwhile');
  const { gate, open } = createGate();
  let isSlow = true;
  const watch = watchTokens({
    store: {
      version: store.version,
      async read(version) {
        const tokens = await store.read(version);
        if (isSlow) await gate;
        return tokens;
      },
      readRevocations: store.readRevocations,
    },
    entries: () => [],
    log: silentLog,
    now: () => 0,
  });
  try {
    const first = watch.look();
    await new Promise((resolve) => setImmediate(resolve));
    await store.change(made.change, 'token create made-meanwhile', date);
    isSlow = false;
    const second = watch.look();
    open();
    await Promise.all([first, second]);
    expect(watch.glance()?.find(made.text, undefined, date.getTime()).kind).toBe('holder');
  } finally {
    watch.close();
  }
});

test('the hour of the last use is kept once for each token and hour, and what is rubbish in the file is passed by', async () => {
  const file = join(folder, 'token-use.log');
  await writeFile(file, 'rubbish\nold 2026-11-26T09:00Z\n\u0000\u0000');
  const use = createLastUse({
    file,
    lockFile: join(folder, 'use.lock'),
    onFailure: (error) => {
      throw error;
    },
  });
  for (let i = 0; i < 100; i++) use.note('ci', date.getTime() + i);
  await use.flush();
  use.note('ci', date.getTime() + 3_600_000);
  use.note('old', date.getTime());
  await use.flush();
  expect((await readFile(file, 'utf8')).match(/ci /g)).toHaveLength(2);
  expect(Object.fromEntries(await readLastUse(file))).toMatchObject({
    ci: '2026-11-27T13:00Z',
    old: '2026-11-27T12:00Z',
  });
});

test('the file of last uses does not grow for ever', async () => {
  const file = join(folder, 'long-use.log');
  await writeFile(file, 'ci 2026-11-26T09:00Z\n'.repeat(20_000));
  const use = createLastUse({
    file,
    lockFile: join(folder, 'use.lock'),
    onFailure: (error) => {
      throw error;
    },
  });
  use.note('ci', date.getTime());
  await use.flush();
  expect(await readFile(file, 'utf8')).toBe('ci 2026-11-27T12:00Z\n');
});

test('failed attempts are slowed down by address, or by network of IPv6, and heard again later', () => {
  const attempts = createFailedAttempts();
  const many = (address: string, now: number) =>
    Array.from({ length: 30 }, () => attempts.count(address, now)).filter((waitMs) => waitMs === 0).length;
  expect(many('192.0.2.1', 0)).toBe(20);
  expect(many('192.0.2.2', 0)).toBe(20);
  expect(many('192.0.2.1', 3000)).toBe(1);
  expect(many('2001:db8::1', 0)).toBe(20);
  expect(many('2001:db8::2', 0)).toBe(0);
  expect(many('2001:db8:0:1::2', 0)).toBe(20);
});
