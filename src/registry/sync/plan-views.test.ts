import { expect, test } from 'vitest';
import { gitBlobId } from '../../index/blob-id.ts';
import { indexPathOf } from '../../index/layout.ts';
import type { ViewRecord } from '../../index/registry-state.ts';
import type { ModuleName } from '../../model/module-name.ts';
import type { Policy } from '../decide/policy.ts';
import { planViews, type ViewsInput } from './plan-views.ts';

const policy = { sources: [], acceptedNames: [] } as unknown as Policy;

const content = (module: string, version: string) =>
  Buffer.from(
    `${JSON.stringify({ name: module, version, deps: {}, checksum: 'a'.repeat(64), created_at: '2026-01-01T00:00:00Z' })}\n`,
  );

/** A registry whose whole index, and one view, are tables from modules to versions. */
function worldOf(
  served: Record<string, string>,
  shown: Record<string, string>,
  record: Partial<ViewRecord> = {},
) {
  const contents = new Map<string, Buffer>();
  const listing = (modules: Record<string, string>) =>
    new Map(
      Object.entries(modules).map(([module, version]) => {
        const bytes = content(module, version);
        contents.set(gitBlobId(bytes), bytes);
        return [indexPathOf(module as ModuleName), gitBlobId(bytes)] as const;
      }),
    );
  const trees = new Map([
    ['served', listing(served)],
    ['shown', listing(shown)],
  ]);
  const before = {
    ...{ name: 'partner', commit: 'shown', changedSinceRoot: 1, rules: 'others', modules: 1, withheld: [] },
    ...record,
  };
  return {
    index: {
      list: async (commit: string) => trees.get(commit) ?? new Map(),
      read: async (id: string) => contents.get(id),
    },
    plan: { base: { served: 'served', views: [before] }, modules: [], snapshots: [] },
    views: [{ name: 'partner', include: ['a/*'], for: [] }],
    policy,
    maxFilesPerPull: 3,
  } as unknown as ViewsInput;
}

const paths = (...modules: string[]) => modules.map((module) => indexPathOf(module as ModuleName)).sort();

async function changeOf(input: ViewsInput) {
  const [change] = (await planViews(input)) ?? [];
  const { record, commit } = change ?? {};
  if (typeof commit === 'string' || commit === undefined) return { record, commit };
  return { record, base: commit.base, paths: commit.edits.map(({ path }) => path).sort() };
}

test('a view goes on from its last commit with the files that differ', async () => {
  const input = worldOf(
    { 'a/one': '1.0.0', 'a/two': '1.1.0', 'b/x': '1.0.0' },
    { 'a/one': '1.0.0', 'a/two': '1.0.0' },
  );
  expect(await changeOf(input)).toMatchObject({
    record: { changedSinceRoot: 2, modules: 2 },
    base: 'shown',
    paths: paths('a/two'),
  });
});

test('it begins anew with all of its files where a client would face more of them than it can take', async () => {
  const served = { 'a/one': '2.0.0', 'a/two': '2.0.0', 'a/three': '1.0.0', 'a/four': '1.0.0' };
  const shown = { ...served, 'a/one': '1.0.0', 'a/two': '1.0.0' };
  const full = worldOf(served, shown, { changedSinceRoot: 1 });
  expect(await changeOf(full)).toMatchObject({ record: { changedSinceRoot: 3 }, base: 'shown' });
  expect(await changeOf(worldOf(served, shown, { changedSinceRoot: 2 }))).toEqual({
    record: expect.objectContaining({ changedSinceRoot: 0 }),
    base: undefined,
    paths: paths('a/one', 'a/two', 'a/three', 'a/four'),
  });
});

test('it begins anew where a module leaves, whose file its history would still have', async () => {
  const input = worldOf({ 'a/one': '1.0.0', 'b/x': '1.0.0' }, { 'a/one': '1.0.0', 'b/x': '1.0.0' });
  expect(await changeOf(input)).toMatchObject({ base: undefined, paths: paths('a/one') });
});

test('where other patterns show the same, its commit stays; where nothing differs, nothing is done', async () => {
  const same = { 'a/one': '1.0.0' };
  const { record, commit } = await changeOf(worldOf(same, same));
  expect(commit).toBe('shown');
  expect(await planViews(worldOf(same, same, record))).toBeUndefined();
});

test('views that the settings name no more leave the state', async () => {
  expect(await planViews({ ...worldOf({}, {}), views: [] })).toEqual([]);
});
