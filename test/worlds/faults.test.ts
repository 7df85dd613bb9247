import { describe, expect, test } from 'vitest';
import { tryGit } from '../support/git-client.ts';
import { readEntries, sha256, startUpstream } from '../support/worlds.ts';

async function startWithArchive() {
  const upstream = await startUpstream(['alice/json@1.2.0']);
  return { upstream, archive: `${upstream.url}/user/alice/json/1.2.0.zip` };
}

describe('the faults of an upstream', () => {
  test('status answers with it, and with Retry-After', async () => {
    const { upstream, archive } = await startWithArchive();
    Object.assign(upstream.faults, { status: 429, retryAfter: '7' });
    const response = await fetch(archive);
    expect([response.status, response.headers.get('retry-after')]).toEqual([429, '7']);
    expect((await tryGit(['ls-remote', upstream.indexUrl])).stderr).toContain('429');
    upstream.clearFaults();
    expect((await fetch(archive)).status).toBe(200);
  });

  test('can be limited to the index, the archives, or chosen requests', async () => {
    const { upstream, archive } = await startWithArchive();
    Object.assign(upstream.faults, { status: 503, only: 'archives' });
    expect((await fetch(archive)).status).toBe(503);
    expect((await tryGit(['ls-remote', upstream.indexUrl])).code).toBe(0);
    upstream.faults.only = 'index';
    expect((await fetch(archive)).status).toBe(200);
    expect((await tryGit(['ls-remote', upstream.indexUrl])).code).toBe(128);
    upstream.faults.only = ({ method, url }) => method === 'HEAD' && url.includes('json');
    expect((await fetch(archive)).status).toBe(200);
    expect((await fetch(archive, { method: 'HEAD' })).status).toBe(503);
  });

  test('can be limited to a number of requests', async () => {
    const { upstream, archive } = await startWithArchive();
    Object.assign(upstream.faults, { status: 500, times: 2 });
    const statuses = [await fetch(archive), await fetch(archive), await fetch(archive)].map(
      (answer) => answer.status,
    );
    expect(statuses).toEqual([500, 500, 200]);
  });

  test('down closes connections without an answer', async () => {
    const { upstream, archive } = await startWithArchive();
    upstream.faults.down = true;
    await expect(fetch(archive)).rejects.toThrow('fetch failed');
    expect((await tryGit(['ls-remote', upstream.indexUrl])).code).toBe(128);
  });

  test('blackHole takes the request and never answers', async () => {
    const { upstream, archive } = await startWithArchive();
    upstream.faults.blackHole = true;
    const leaving = new AbortController();
    const answer = fetch(archive, { signal: leaving.signal });
    await expect.poll(() => upstream.count('/user/')).toBe(1);
    leaving.abort();
    await expect(answer).rejects.toMatchObject({ name: 'AbortError' });
  });

  test('delayMs holds the answer back for that long, and others meanwhile do not wait for it', async () => {
    const { upstream, archive } = await startWithArchive();
    upstream.faults.delayMs = 3_600_000;
    const leaving = new AbortController();
    const held = fetch(archive, { signal: leaving.signal });
    await expect.poll(() => upstream.count()).toBe(1);
    upstream.faults.delayMs = 1;
    const first = await Promise.race([held.then(() => 'held'), fetch(archive).then(({ status }) => status)]);
    expect(first).toBe(200);
    leaving.abort();
    await expect(held).rejects.toMatchObject({ name: 'AbortError' });
  });

  test('wrongBytes changes the bytes and not their number', async () => {
    const { upstream, archive } = await startWithArchive();
    const right = new Uint8Array(await (await fetch(archive)).arrayBuffer());
    upstream.faults.wrongBytes = true;
    const wrong = new Uint8Array(await (await fetch(archive)).arrayBuffer());
    expect(wrong.length).toBe(right.length);
    expect(sha256(right)).toBe(readEntries(upstream.index.read('user/alice/json.index'))[0]?.checksum);
    expect(sha256(wrong)).not.toBe(sha256(right));
  });

  test('truncate cuts the body short of what was announced', async () => {
    const { upstream, archive } = await startWithArchive();
    upstream.faults.truncate = true;
    const response = await fetch(archive);
    const announced = Number(response.headers.get('content-length'));
    let received = 0;
    const reading = async () => {
      for await (const chunk of response.body ?? []) received += chunk.length;
    };
    await expect(reading()).rejects.toThrow();
    expect(received).toBe(Math.floor(announced / 2));
    expect((await tryGit(['ls-remote', upstream.indexUrl])).code).toBe(128);
  });

  test('html answers 200 with a page', async () => {
    const { upstream, archive } = await startWithArchive();
    upstream.faults.html = true;
    const response = await fetch(archive);
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/html']);
    expect(await response.text()).toMatch(/^<!doctype html>/);
  });

  test('redirectTo sends the same path elsewhere', async () => {
    const { upstream, archive } = await startWithArchive();
    const elsewhere = await startUpstream(['alice/json@1.2.0']);
    upstream.faults.redirectTo = elsewhere.origin;
    const response = await fetch(archive);
    expect([response.status, response.url]).toEqual([200, `${elsewhere.url}/user/alice/json/1.2.0.zip`]);
  });

  test('an upstream that stops listening refuses, and comes back at the same address', async () => {
    const { upstream, archive } = await startWithArchive();
    expect((await fetch(archive)).status).toBe(200);
    await upstream.stopListening();
    await expect(fetch(archive)).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
    await upstream.listenAgain();
    expect((await fetch(archive)).status).toBe(200);
  });
});

describe('the requests of an upstream', () => {
  test('are recorded with method, raw target and headers, and counted', async () => {
    const { upstream } = await startWithArchive();
    await fetch(`${upstream.url}/user/alice%2Fjson%2F1.2.0.zip?x=1`, {
      headers: { 'user-agent': 'mooncake/0.1.0' },
    });
    expect(upstream.requests).toMatchObject([
      {
        method: 'GET',
        url: '/user/alice%2Fjson%2F1.2.0.zip?x=1',
        headers: { 'user-agent': 'mooncake/0.1.0' },
      },
    ]);
    expect([upstream.count(), upstream.count('%2F'), upstream.count('/git/')]).toEqual([1, 1, 0]);
    expect(upstream.count(({ method }) => method === 'POST')).toBe(0);
    upstream.resetCounts();
    expect(upstream.count()).toBe(0);
  });
});
