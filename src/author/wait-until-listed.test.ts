import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { anyDestination } from '../support/net/destination.ts';
import { createHttpClient } from '../support/net/fetch-http.ts';
import { waitUntilListed } from './wait-until-listed.ts';

const versions = [
  { module: 'company/app', version: '1.0.0+b' },
  { module: 'company/tool', version: '2.0.0' },
];

/** Waits for `versions` where each is answered by the next of its answers: a status, or the version that is listed. */
async function waitFor(
  answers: Readonly<Record<string, (number | string)[]>>,
  controller = new AbortController(),
) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const id = decodeURIComponent(request.url ?? '').replace('/api/v0/manifest/', '');
    asked.push(id);
    const [answer = 404] = answers[id]?.splice(0, 1) ?? [];
    if (typeof answer === 'number') response.writeHead(answer).end('{}');
    else response.end(answer);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const http = createHttpClient({ userAgent: 'test', environment: {}, destinations: anyDestination });
  onTestFinished(async () => {
    await http.close();
    await new Promise((resolve) => server.close(resolve));
  });
  const slept: number[] = [];
  const clock = {
    now: () => slept.reduce((sum, ms) => sum + ms, 0),
    random: () => 0,
    sleep: async (ms: number) => void slept.push(ms),
  };
  const registry = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { signal } = controller;
  const wait = { registry, token: 'the-token', versions, limitMs: 10_000, clock, signal };
  return { waited: await waitUntilListed(http, wait), asked, slept };
}

const listed = (version: string) => JSON.stringify({ version });

test('each is asked for until it is listed, through failures and other versions', async () => {
  const { waited, asked, slept } = await waitFor({
    'company/app@1.0.0+b': [404, 503, 'no JSON', listed('0.9.0'), listed('1.0.0+b')],
    'company/tool@2.0.0': [listed('2.0.0')],
  });
  expect(waited).toEqual({ kind: 'listed' });
  expect(asked).toHaveLength(6);
  expect(slept).toEqual([100, 200, 400, 800]);
});

test('the time ends, and what is missing is named', async () => {
  const { waited, slept } = await waitFor({ 'company/app@1.0.0+b': [listed('1.0.0+b')] });
  expect(waited).toEqual({ kind: 'not-yet', missing: ['company/tool@2.0.0'] });
  expect(slept.at(-1)).toBe(2000);
  expect(slept.reduce((sum, ms) => sum + ms, 0)).toBeLessThanOrEqual(10_000);
});

test.each([401, 403])('whoever may not read (%i) is not kept waiting', async (status) => {
  const { waited, slept } = await waitFor({ 'company/app@1.0.0+b': [status] });
  expect(waited).toEqual({ kind: 'unreadable', missing: ['company/app@1.0.0+b', 'company/tool@2.0.0'] });
  expect(slept).toEqual([]);
});

test('ends when it is told to', async () => {
  const controller = new AbortController();
  controller.abort(new Error('enough'));
  await expect(waitFor({}, controller)).rejects.toThrow('enough');
});
