import { describe, expect, test } from 'vitest';
import { parseConfig } from '../config/load.ts';
import { judgeClock, judgeStateDate } from './upkeep/doctor/doctor-clock.ts';
import { findTraps, holdsSecrets } from './upkeep/doctor/doctor-config.ts';
import { judgeFiles, judgeOpenFiles, judgeSpace } from './upkeep/doctor/doctor-data.ts';
import { describeConfig, judgeClientVersion } from './upkeep/doctor/doctor-moon.ts';
import { judgeCertificate } from './upkeep/doctor/doctor-network.ts';
import { judgeGit, judgeNode } from './upkeep/doctor/doctor-tools.ts';
import { judgeView } from './upkeep/doctor/doctor-views.ts';

describe('git and Node.js', () => {
  test.each([
    ['git version 2.31.8', 'failure'],
    ['git version 2.32.0', 'warning'],
    ['git version 2.36.0', 'ok'],
    ['git version 2.39.5 (Apple Git-154)', 'ok'],
    ['git version 2.100.0', 'ok'],
    ['git version 3.0.0-rc1', 'ok'],
    ['hello', 'failure'],
  ])('"%s" is %s', (answer, result) => {
    expect(judgeGit(answer).result).toBe(result);
  });

  test.each([
    ['20.19.0', 'ok'],
    ['22.3.0', 'ok'],
    ['20.18.3', 'failure'],
  ])('Node.js %s is %s', (version, result) => {
    expect(judgeNode(version).result).toBe(result);
  });
});

const gibibyte = 1024 ** 3;
test.each([
  [200, 1000, 'ok'],
  [0.9, 10, 'warning'],
  [40, 1000, 'warning'],
  [1, 20, 'ok'],
])('%d GiB free of %d is %s', (free, total, result) => {
  expect(judgeSpace(free * gibibyte, total * gibibyte).result).toBe(result);
});

test.each([
  [1024, 4096, 'warning'],
  [4096, 4096, 'warning'],
  [4396, 4096, 'ok'],
  [1024, 700, 'ok'],
  [Number.NaN, 4096, 'ok'],
])('%d open files for %d connections is %s', (limit, connections, result) => {
  expect(judgeOpenFiles(limit, connections).result).toBe(result);
});

test('too few open files come with what to run', () => {
  expect(judgeOpenFiles(1024, 4096)).toMatchObject({
    detail: 'at most 1024 for a process here; 4096 connections (server.max_connections) need 4396',
    hint: expect.stringMatching(/ulimit -n 4396 .*config server\.max_connections 724$/),
  });
});

describe('traps in registry.toml', () => {
  const source = (name: string, lines = '', url = `https://${name}.example.com`) =>
    `[[sources]]\nname = "${name}"\nurl = "${url}"\nindex_url = "${url}/git/index"\n${lines}\n`;
  const traps = (text: string) =>
    findTraps(parseConfig(text, { directory: '/r' })).map(({ detail }) => detail);
  const auth = `[sources.auth]\ntype = "bearer"\ntoken = "\${TOKEN}"`;
  const claimed = 'namespaces = ["company/*"]';

  test('a disabled default source comes with the name of one that could be it', () => {
    const text = `default_source = "partner"\n${source('partner', 'enabled = false')}${source('public')}`;
    expect(findTraps(parseConfig(text, { directory: '/r' })).map(({ hint }) => hint)).toEqual([
      'moonbit-registry source enable partner, or moonbit-registry source default public',
    ]);
  });

  test.each([
    ['a good file', `${source('partner')}${source('public')}`, []],
    ['one source that looks private', source('internal'), []],
    [
      'a misplaced default_source',
      `${source('partner')}default_source = "partner"`,
      [/default_source stands below/],
    ],
    [
      'a disabled default source',
      `default_source = "partner"\n${source('partner', 'enabled = false')}${source('public')}`,
      [/default source "partner" is disabled/],
    ],
    [
      'a host for other machines without base_url',
      `[server]\nhost = "0.0.0.0"\n${source('partner')}`,
      [/base_url/],
    ],
    [
      'the same with base_url',
      `[server]\nhost = "0.0.0.0"\nbase_url = "https://r.example.com"\n${source('partner')}`,
      [],
    ],
    [
      'credentials without encryption',
      source('partner', `${claimed}\n${auth}`, 'http://partner.example.com'),
      [/unencrypted/],
    ],
    ['credentials on loopback', source('partner', `${claimed}\n${auth}`, 'http://127.0.0.1:80'), []],
    ['credentials without a claim', `${source('partner', auth)}${source('public')}`, [/claims no names/]],
    [
      'a private name without a claim',
      `${source('internal')}${source('public')}`,
      [/"internal" looks private/],
    ],
    ['a private name with a claim', `${source('internal', claimed)}${source('public')}`, []],
    [
      'a private address without a claim',
      `${source('one', '', 'http://10.1.2.3')}${source('two', '', 'https://moon.corp.lan')}${source('three', '', 'http://registry')}`,
      [/"one"/, /"two"/, /"three"/],
    ],
  ])('%s', (_, text, expected) => {
    const found = traps(text);
    expect(found).toHaveLength(expected.length);
    for (const [position, pattern] of expected.entries()) expect(found[position]).toMatch(pattern);
    expect(found.join()).not.toContain('very-secret');
  });
});

test.each([
  ['token = "abc"', true],
  ['auth = { type = "basic", username = "x", password = \'abc\' }', true],
  [`token = "\${TOKEN}"`, false],
  [`token = "Bearer-\${TOKEN}"`, false],
  ['token = ""', false],
  ['# token = "abc"', false],
  ['url = "https://me:secret@example.com"', true],
  ['index_url = "ssh://git@example.com/x"', false],
  ['url = "https://example.com:8080/a@b"', false],
])('%s in clear text: %s', (text, expected) => {
  expect(holdsSecrets(text)).toBe(expected);
});

describe('a certificate', () => {
  const judge = (validTo: string, refusal?: string) =>
    judgeCertificate('a.example.com', validTo, refusal, Date.UTC(2026, 0, 1));
  test.each([
    ['Jun 01 00:00:00 2026 GMT', undefined, 'ok', 'good for 151 days'],
    ['Jan 15 00:00:01 2026 GMT', undefined, 'ok', 'good for 14 days'],
    ['Jan 14 23:59:59 2026 GMT', undefined, 'warning', 'good for 13 days'],
    ['Jan 02 12:00:00 2026 GMT', undefined, 'warning', 'good for 1 day'],
    ['Dec 30 00:00:00 2025 GMT', 'CERT_HAS_EXPIRED', 'failure', 'ended 2 days ago'],
    ['Jun 01 00:00:00 2026 GMT', 'SELF_SIGNED_CERT_IN_CHAIN', 'failure', 'SELF_SIGNED_CERT_IN_CHAIN'],
  ])('until %s, refused for %s, is %s', (validTo, refusal, result, words) => {
    expect(judge(validTo, refusal)).toMatchObject({ result, detail: expect.stringContaining(words) });
  });
});

test.each([
  [[], 'ok', 'not compared'],
  [[0.4], 'ok', 'within 1 s'],
  [[-59], 'ok', 'within 59 s'],
  [[61], 'warning', '61 s ahead of'],
  [[-3600, -3601, 0], 'warning', '3600 s behind'],
  [[0, 0, 9000], 'ok', 'within 1 s'],
])('clocks that differ by %j s are %s', (seconds, result, words) => {
  const readings = seconds.map((ahead, i) => ({ source: `s${i}`, aheadMs: ahead * 1000 }));
  expect(judgeClock(readings)).toMatchObject({ result, detail: expect.stringContaining(words) });
});

test.each([
  ['2026-11-27T10:00:00Z', []],
  ['2026-11-28T10:01:00Z', []],
  ['2026-11-28T10:01:01Z', ['warning']],
  [undefined, []],
])('where the newest state is dated %s, at 10 o’clock of that day, it says %j', (since, results) =>
  expect(judgeStateDate(since, Date.parse('2026-11-28T10:00:00Z')).map(({ result }) => result)).toEqual(
    results,
  ),
);

test('a view without what its modules need is told, with what to do', () => {
  const view = (...withheld: string[]) => ({
    ...{ name: 'partner', modules: 2 },
    withheld: withheld.map((module) => ({ module, neededBy: 'company/api' })),
  });
  expect(judgeView(view())).toEqual([]);
  expect(judgeView(view('company/log', 'company/x'))).toEqual([
    {
      result: 'warning',
      detail:
        '"partner" does not show company/log, which company/api needs, and 1 more: builds of its readers fail there',
      hint: 'add "company/log" to "include" of the view "partner" in registry.toml if its readers may see it (moonbit-registry status)',
    },
  ]);
});

describe('config.json of moon', () => {
  const url = 'https://moon.company.com';
  const legacy = { registry: url, index: `${url}/git/index`, symbols: `${url}/symbols.zip` };
  const split = { api: url, index: `${url}/git/index`, download: url };
  const judge = (text: string) => describeConfig(text, { configFile: '/m/config.json', url });
  test.each([
    ['everything', JSON.stringify({ ...legacy, ...split }), 'ok', 'for clients of every date'],
    ['the older form', JSON.stringify(legacy), 'ok', 'older form'],
    [
      'the older form without symbols',
      JSON.stringify({ ...legacy, symbols: undefined }),
      'warning',
      '"symbols"',
    ],
    ['the newer form', JSON.stringify(split), 'warning', '28 August 2026'],
    ['half of a form', JSON.stringify({ registry: url }), 'failure', 'panics'],
    ['a list', '[]', 'failure', 'panics'],
    ['no JSON', '{', 'failure', 'panics'],
    [
      'comments and commas',
      `{ // mine\n "registry": "${url}/", /* x */ "index": "i", "symbols": "s", }`,
      'ok',
      '',
    ],
    [
      'another registry',
      JSON.stringify({ ...legacy, registry: 'https://me:secret@mooncakes.io' }),
      'warning',
      'https://mooncakes.io',
    ],
  ])('with %s', (_, text, result, words) => {
    const check = judge(text);
    expect(check).toMatchObject({ result, detail: expect.stringContaining(words) });
    expect(check.detail).not.toContain('secret');
    const wanted = JSON.stringify({ ...legacy, api: url, download: url }, undefined, 2);
    expect(check.hint).toBe(result === 'ok' ? undefined : `put this into it:\n${wanted}`);
  });
});

test.each([
  ['moon 0.1.20260920 (914d7da 2026-09-20)', 'ok', '0.1.20260920'],
  ['moon 0.1.20260716 (abc 2026-07-16)', 'warning', 'fetches archives from mooncakes.io'],
  ['moon 0.1.20260717 (abc 2026-07-17)', 'warning', 'does not verify'],
  ['moon 0.1.20260810 (abc 2026-08-10)', 'warning', 'symbols.zip'],
  ['command not found', 'warning', 'nothing that looks like one'],
])('"%s" is %s', (answer, result, words) => {
  expect(judgeClientVersion(answer)).toMatchObject({ result, detail: expect.stringContaining(words) });
});

test('a disk that takes no more files is told although it has space', () => {
  expect(judgeFiles(0, 400)).toMatchObject({
    result: 'warning',
    hint: expect.any(String),
  });
  expect(judgeFiles(900, 10_000_000)?.result).toBe('warning');
  expect(judgeFiles(5000, 10_000_000)).toBeUndefined();
  expect(judgeFiles(0, 0)).toBeUndefined();
});
