import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createRegistry } from '../../../test/support/registry-world.ts';
import { temporaryDirectory } from '../../../test/support/temporary-directory.ts';
import { startUpstream } from '../../../test/support/worlds.ts';
import type { Registry } from '../registry.ts';
import type { ListOptions } from './served-modules.ts';

async function createWorld({ upstreamFallback = true } = {}) {
  const main = await startUpstream(['alice/json@1.0.0', 'moonbitlang/x@0.4.9', 'moonbitlang/x@0.4.10']);
  await main.publish('moonbitlang/core@0.1.0');
  await main.publish('alice/app@1.0.0', { deps: { 'moonbitlang/x': '0.4.10' } });
  const partner = await startUpstream(['alice/json@1.0.0', 'alice/json@1.1.0', 'alice/json@2.0.0']);
  const registry = await createRegistry({
    upstreamFallback,
    sources: [
      { name: 'main', upstream: main, priority: 100 },
      { name: 'partner', upstream: partner, priority: 25 },
    ],
  });
  await registry.sync();
  return { registry, main, partner };
}

async function list(registry: Registry, options?: ListOptions) {
  const modules = [];
  for await (const one of registry.list(options)) modules.push(Object.values(one).join(' '));
  return modules;
}

describe('a list', () => {
  test('has every served module with its latest version, how many, its origin and how many are cached', async () => {
    const { registry, main, partner } = await createWorld();
    await registry.mirror({ patterns: ['moonbitlang/x'], strict: true, latest: true });
    for (const upstream of [main, partner]) upstream.resetCounts();
    expect(await list(registry)).toEqual([
      'alice/app 1.0.0 1 main 0',
      'alice/json 2.0.0 3 partner 0',
      'moonbitlang/core 0.1.0 1 main 0',
      'moonbitlang/x 0.4.10 2 main 1',
    ]);
    expect(await list(registry, { patterns: ['moonbitlang/*'] })).toHaveLength(2);
    expect(await list(registry, { patterns: ['nobody/*'] })).toEqual([]);
    expect(main.count() + partner.count()).toBe(0);
  });

  test('of what is cached tells of cached versions alone', async () => {
    const { registry } = await createWorld();
    expect(await list(registry, { cachedOnly: true })).toEqual([]);
    await registry.mirror({ patterns: ['moonbitlang/x'], strict: true, latest: true });
    expect(await list(registry, { cachedOnly: true })).toEqual(['moonbitlang/x 0.4.10 1 main 1']);
  });
});

test.each([
  ['served', true],
  ['merely listed by a source, as nothing is cached', false],
])('the nearest name is found among those that are %s', async (_, upstreamFallback) => {
  const { registry } = await createWorld({ upstreamFallback });
  expect(await list(registry)).toHaveLength(upstreamFallback ? 4 : 0);
  expect(await registry.suggestModule('moonbitlang/y')).toBe('moonbitlang/x');
  expect(await registry.suggestModule('alice/jsno')).toBe('alice/json');
  expect(await registry.suggestModule('nobody/has-anything-like-it')).toBeUndefined();
});

describe('what a project could update', () => {
  async function findOutdated(manifest: object) {
    const { registry } = await createWorld();
    const project = join(temporaryDirectory(), 'app');
    await mkdir(project);
    await writeFile(join(project, 'moon.mod.json'), JSON.stringify(manifest));
    const report = await registry.findOutdated(project);
    expect(report.project).toBe(join(project, 'moon.mod.json'));
    return report;
  }

  test('is compared with what a client builds with: another requirement may have raised it', async () => {
    const report = await findOutdated({
      deps: { 'alice/json': '1.0.0', 'moonbitlang/x': '0.4.9', 'alice/app': '1.0.0' },
      'bin-deps': { 'alice/json': '1.0.0' },
    });
    expect(report).toMatchObject({
      requirements: 3,
      // alice/app requires moonbitlang/x@0.4.10, which is the latest.
      outdated: [
        { module: 'alice/json', wanted: '1.0.0', selected: '1.0.0', latest: '2.0.0', origin: 'partner' },
      ],
      unsatisfied: [],
    });
  });

  test('names what nothing served satisfies, and leaves out paths and what the toolchain brings', async () => {
    const report = await findOutdated({
      deps: {
        'alice/json': '3.0.0',
        'bob/none': '1.0.0',
        'bob/odd': '*',
        'bob/path': { path: '../path' },
        'moonbitlang/core': '0.0.1',
      },
    });
    expect(report).toMatchObject({ requirements: 3, outdated: [] });
    expect(report.unsatisfied.map((one) => `${one.module} ${one.wanted} ${one.reason}`)).toEqual([
      'alice/json 3.0.0 has no such version, nor a compatible higher one',
      'bob/none 1.0.0 is not served',
      'bob/odd "*" is not served',
    ]);
  });
});
