/** Plans made of real snapshots in a real repository, and carried out. */
import { mkdirSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { git } from '../../../test/support/git-client.ts';
import { writeTree } from '../../../test/support/git-tree.ts';
import { moduleName } from '../../../test/support/registry-world.ts';
import { temporaryDirectory } from '../../../test/support/temporary-directory.ts';
import { sha256 } from '../../../test/support/worlds.ts';
import { openFileArchiveStore } from '../../archives/file-archive-store.ts';
import { StorageError } from '../../errors.ts';
import { createGitIndex } from '../../index/create-index.ts';
import { openGitIndex } from '../../index/git-index.ts';
import type { SnapshotRecord } from '../../index/registry-state.ts';
import { isChecksum } from '../../model/checksum.ts';
import { policyConfig } from '../decide/policy.fixture.ts';
import { applyPlan, plannedModules, reRoots } from './apply-plan.ts';
import { planSync } from './plan-sync.ts';
import type { SyncPlan } from './sync-plan.ts';

const date = new Date('2026-03-04T05:06:07Z');

/** The archive of which `bytes` is the content has this checksum. */
const lineOf = (version: string, bytes: string) =>
  `{"version":"${version}","checksum":"${sha256(Buffer.from(bytes))}"}\n`;
const pathOf = (module: string) => `user/${module}.index`;

/** Modules of a source: `{ 'a/b': ['1.0.0=bytes'] }`. */
type Listing = Readonly<Record<string, readonly string[]>>;

function filesOf(listing: Listing): Record<string, string> {
  return Object.fromEntries(
    Object.entries(listing).map(([module, versions]) => [
      pathOf(module),
      versions
        .map((text) => {
          const [version = '', bytes = ''] = text.split('=');
          return lineOf(version, bytes);
        })
        .join(''),
    ]),
  );
}

async function createWorld() {
  const root = temporaryDirectory();
  const directory = join(root, 'index');
  const packages = join(root, 'packages');
  mkdirSync(packages);
  await createGitIndex(directory, date);
  const index = await openGitIndex(directory);
  onTestFinished(() => index.close());
  const archives = openFileArchiveStore(packages);
  let config = policyConfig([{ name: 'public', priority: 100 }]);
  let snapshots: SnapshotRecord[] = [];

  async function plan(more: { readonly whole?: boolean; readonly touched?: readonly string[] } = {}) {
    const state = await index.state();
    return planSync({
      index,
      archives,
      config,
      // With another digest every module is planned, whether or not its files changed.
      state: more.whole ? { ...state, policy: 'another' } : state,
      snapshots,
      current: new Set(snapshots.map(({ source }) => source)),
      touched: (more.touched ?? []).map(moduleName),
      now: date.toISOString(),
      taken: [],
      onBug: () => {},
    });
  }

  return {
    index,
    directory,
    plan,
    configure(...settings: Parameters<typeof policyConfig>) {
      config = policyConfig(...settings);
    },
    /** What the next plans see of a source. */
    async read(source: string, listing: Listing, extra: Readonly<Record<string, string>> = {}) {
      const tree = await writeTree(directory, { ...filesOf(listing), ...extra });
      const priority = config.sources.find(({ name }) => name === source)?.priority ?? 0;
      // In the order of what is read from the state, so that equal records are equal text.
      const commit = sha256(Buffer.from(tree)).slice(24);
      const record = { source, commit, tree, since: '', priority, indexUrl: undefined };
      snapshots = [...snapshots.filter((known) => known.source !== source), record];
    },
    async store(bytes: string) {
      const checksum = sha256(Buffer.from(bytes));
      // Put there as it would be, whatever the bytes: what is under test asks for names alone.
      if (!isChecksum(checksum)) return;
      const file = archives.locate(checksum);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, bytes);
    },
    /** Plans by what changed, applies, and expects a look at everything to find nothing left to do. */
    async sync(more: { readonly touched?: readonly string[] } = {}): Promise<SyncPlan> {
      const made = await plan(more);
      await applyPlan(index, made, date);
      const whole = await plan({ whole: true });
      expect(whole.modules).toEqual([]);
      const after = await index.state();
      expect((await applyPlan(index, await plan(), date)).commit).toBe(after.commit);
      return made;
    },
    /** `module@version=bytes`, as far as `known` tells bytes. */
    async served(...known: string[]): Promise<string[]> {
      const { served } = await index.state();
      const names = new Map(known.map((bytes) => [sha256(Buffer.from(bytes)), bytes]));
      const files = [...(await index.list(served))].sort(([a], [b]) => (a < b ? -1 : 1));
      const lines = await Promise.all(
        files.map(async ([path, id]) =>
          ((await index.read(id))?.toString() ?? '')
            .split('\n')
            .filter((line) => line !== '')
            .map((line) => {
              const { version, checksum } = JSON.parse(line) as { version: string; checksum: string };
              return `${path.slice('user/'.length, -'.index'.length)}@${version}=${names.get(checksum) ?? '?'}`;
            }),
        ),
      );
      return lines.flat();
    },
    async ledger(): Promise<string[]> {
      return [...(await index.list(`${(await index.state()).commit}:ledger`)).keys()].sort();
    },
  };
}

const kinds = (plan: SyncPlan) =>
  plan.findings.map(({ kind, module, source }) => `${kind} ${module} ${source}`);

describe('a plan', () => {
  test('of a first snapshot adds every module, and says so', async () => {
    const world = await createWorld();
    await world.read(
      'public',
      { 'a/b': ['1.0.0=x', '1.1.0=y'], 'a/b/c': ['1.0.0=z'] },
      { 'README.md': 'Hello.\n' },
    );
    const plan = await world.plan();
    expect(plan.modules.map(({ change }) => change)).toEqual([
      {
        module: 'a/b',
        kind: 'added',
        origin: 'public',
        versionsAdded: ['1.0.0', '1.1.0'],
        versionsRemoved: [],
      },
      { module: 'a/b/c', kind: 'added', origin: 'public', versionsAdded: ['1.0.0'], versionsRemoved: [] },
    ]);
    expect(plannedModules(plan)).toBe(2);
    expect(await world.served()).toEqual([]);
    await applyPlan(world.index, plan, date);
    expect(await world.served('x', 'y', 'z')).toEqual(['a/b@1.0.0=x', 'a/b@1.1.0=y', 'a/b/c@1.0.0=z']);
    expect((await world.index.state()).modules).toBe(2);
  });

  test('serves the source’s own file, byte for byte', async () => {
    const world = await createWorld();
    const odd = `${lineOf('1.0.0', 'x').trim()}  \r\n${lineOf('1.1.0', 'y').trim()}`;
    await world.read('public', {}, { [pathOf('a/b')]: odd });
    await world.sync();
    const { served } = await world.index.state();
    expect((await world.index.read(`${served}:${pathOf('a/b')}`))?.toString()).toBe(odd);
  });

  test('counts modules as they come and go', async () => {
    const world = await createWorld();
    for (const [listing, count] of [
      [{ 'a/b': ['1.0.0=x'], 'a/c': ['1.0.0=x'] }, 2],
      [{ 'a/b': ['1.0.0=x', '1.1.0=y'] }, 1],
      [{}, 0],
      [{ 'a/c': ['1.0.0=x'] }, 1],
    ] as const) {
      await world.read('public', listing, { README: 'Never empty.\n' });
      await world.sync();
      expect((await world.index.state()).modules).toBe(count);
      expect(new Set((await world.served()).map((line) => line.split('@')[0])).size).toBe(count);
    }
    expect(await world.ledger()).toEqual(['public/user/a/b.index', 'public/user/a/c.index']);
  });

  test('leaves the ledger where it is when a source of more trust lists the module too', async () => {
    const world = await createWorld();
    await world.read('public', { 'a/b': ['1.0.0=x'], 'a/c': ['1.0.0=x'] });
    await world.sync();
    world.configure([
      { name: 'public', priority: 100 },
      { name: 'internal', priority: 25 },
    ]);
    await world.read('internal', { 'a/b': ['1.0.0=x', '2.0.0=y'], 'a/c': ['1.0.0=x'] });
    const plan = await world.sync();
    expect(plan.modules).toEqual([]);
    expect(plan.findings).toMatchObject([
      { kind: 'origin-conflict', source: 'internal', origin: 'public', count: 2, modules: ['a/b', 'a/c'] },
    ]);
    expect(await world.ledger()).toEqual(['public/user/a/b.index', 'public/user/a/c.index']);
    expect(await world.served('x', 'y')).toEqual(['a/b@1.0.0=x', 'a/c@1.0.0=x']);
  });

  test('moves the ledger with the module to a source that claims it', async () => {
    const world = await createWorld();
    await world.read('public', { 'a/b': ['1.0.0=x'] });
    await world.sync();
    world.configure([
      { name: 'public', priority: 100 },
      { name: 'internal', priority: 25, namespaces: ['a/*'] },
    ]);
    await world.read('internal', { 'a/b': ['1.0.0=x', '2.0.0=y'] });
    const plan = await world.sync();
    expect(plan.modules[0]?.change).toMatchObject({
      kind: 'moved',
      origin: 'internal',
      previousOrigin: 'public',
    });
    expect(await world.ledger()).toEqual(['internal/user/a/b.index']);
    expect(await world.served('x', 'y')).toEqual(['a/b@1.0.0=x', 'a/b@2.0.0=y']);
  });

  test('reports names that are none, and passes the rest on', async () => {
    const world = await createWorld();
    await world.read('public', { 'a/b': ['1.0.0=x'] }, { [pathOf('a/b:c')]: lineOf('1.0.0', 'x') });
    expect(kinds(await world.sync())).toEqual(['refused-name a/b:c public']);
    expect(await world.served('x')).toEqual(['a/b@1.0.0=x']);
    await world.read('public', { 'a/b': ['1.0.0=x'] });
    expect(kinds(await world.sync())).toEqual([]);
  });

  test('keeps findings until they no longer hold, though other modules change', async () => {
    const world = await createWorld();
    await world.read('public', { 'a/b': ['1.0.0=x'], 'a/c': ['1.0.0=x'] });
    await world.sync();
    const conflict = 'checksum-conflict a/b public';
    await world.read('public', { 'a/b': ['1.0.0=changed'], 'a/c': ['1.0.0=x'] });
    expect(kinds(await world.sync())).toEqual([conflict]);
    await world.read('public', { 'a/b': ['1.0.0=changed'], 'a/c': ['1.0.0=x', '2.0.0=y'] });
    expect(kinds(await world.sync())).toEqual([conflict]);
    expect(await world.served('x', 'y')).toEqual(['a/b@1.0.0=x', 'a/c@1.0.0=x', 'a/c@2.0.0=y']);
    await world.read('public', { 'a/b': ['1.0.0=x'], 'a/c': ['1.0.0=x'] });
    expect(kinds(await world.sync())).toEqual([]);
  });

  test('lists what is cached when nothing may be fetched, as archives arrive', async () => {
    const world = await createWorld();
    world.configure([{ name: 'public', priority: 100 }], false);
    await world.read('public', { 'a/b': ['1.0.0=x', '1.1.0=y'] });
    await world.sync();
    expect(await world.served('x', 'y')).toEqual([]);
    await world.store('y');
    await world.sync({ touched: ['a/b'] });
    expect(await world.served('x', 'y')).toEqual(['a/b@1.1.0=y']);
    expect((await world.index.state()).modules).toBe(1);
    world.configure([{ name: 'public', priority: 100 }], true);
    await world.sync();
    expect(await world.served('x', 'y')).toEqual(['a/b@1.0.0=x', 'a/b@1.1.0=y']);
  });

  test('of an older state fails, and changes nothing', async () => {
    const world = await createWorld();
    await world.read('public', { 'a/b': ['1.0.0=x'] });
    const [first, second] = [await world.plan(), await world.plan()];
    const after = await applyPlan(world.index, first, date);
    await expect(applyPlan(world.index, second, date)).rejects.toThrow(StorageError);
    expect((await world.index.state()).commit).toBe(after.commit);
  });
});

describe('a claim by a source that has never been read', () => {
  test('takes nothing away that was served, and lets nothing new in from elsewhere', async () => {
    const world = await createWorld();
    const claiming = { name: 'internal', priority: 25, namespaces: ['company/*'] };
    await world.read('public', { 'company/tool': ['1.0.0=x'] });
    await world.sync();

    world.configure([{ name: 'public', priority: 100 }, claiming]);
    await world.read('public', { 'company/tool': ['1.0.0=x', '1.2.0=z'], 'company/new': ['1.0.0=n'] });
    // There is nothing to decide before it was read.
    expect(kinds(await world.sync())).toEqual([]);
    expect(await world.served('x')).toEqual(['company/tool@1.0.0=x']);
    expect(await world.ledger()).toEqual(['public/user/company/tool.index']);

    // The claim is withdrawn, and upstream has other bytes meanwhile: the pin still holds.
    await world.read('public', { 'company/tool': ['1.0.0=x'] });
    world.configure([{ name: 'public', priority: 100 }]);
    await world.sync();
    expect(await world.served('x')).toEqual(['company/tool@1.0.0=x']);
    await world.read('public', { 'company/tool': ['1.0.0=changed', '1.1.0=y'] });
    expect(kinds(await world.sync())).toEqual(['checksum-conflict company/tool public']);
    expect(await world.served('x', 'y')).toEqual(['company/tool@1.0.0=x', 'company/tool@1.1.0=y']);
  });

  test('is recorded once it has been read', async () => {
    const world = await createWorld();
    const claiming = { name: 'internal', priority: 25, namespaces: ['company/*'] };
    await world.read('public', { 'company/tool': ['1.0.0=x'] });
    await world.sync();
    world.configure([{ name: 'public', priority: 100 }, claiming]);
    await world.sync();
    await world.read('internal', { 'company/tool': ['1.0.0=x', '2.0.0=y'] });
    await world.sync();
    expect(await world.served('x', 'y')).toEqual(['company/tool@1.0.0=x', 'company/tool@2.0.0=y']);
    expect(await world.ledger()).toEqual(['internal/user/company/tool.index']);
  });
});

describe('the served history', () => {
  const many = (count: number, bytes = 'x'): Listing =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`o/m${i}`, [`1.0.0=${bytes}`]]));
  const length = async (directory: string) =>
    Number(await git(['--git-dir', directory, 'rev-list', '--count', 'main']));

  test('grows by one commit a change, and by none where nothing changed', async () => {
    const world = await createWorld();
    await world.read('public', many(3));
    await world.sync();
    const before = await length(world.directory);
    await world.sync();
    expect(await length(world.directory)).toBe(before);
    await world.read('public', { ...many(3), 'o/new': ['1.0.0=x'] });
    expect(reRoots(await world.sync())).toBe(false);
    expect(await length(world.directory)).toBe(before + 1);
  });

  test('starts anew before a client could face more than 300 files in one pull', async () => {
    const world = await createWorld();
    await world.read('public', many(200));
    expect(reRoots(await world.sync())).toBe(false);
    await world.read('public', many(300));
    expect(reRoots(await world.sync())).toBe(false);
    expect((await world.index.state()).changedSinceRoot).toBe(300);
    await world.read('public', many(301));
    expect(reRoots(await world.sync())).toBe(true);
    expect(await length(world.directory)).toBe(1);
    expect((await world.index.state()).changedSinceRoot).toBe(0);
    expect((await world.index.list('main')).size).toBe(301);
  });

  test('tells what changed, with names that nobody can forge lines by', async () => {
    const world = await createWorld();
    await world.read('public', { 'a/b': ['1.0.0=x'] });
    await world.sync();
    await world.read('public', { 'a/b': ['1.1.0=y'] });
    await world.sync();
    const message = await git(['--git-dir', world.directory, 'log', '-1', '--format=%B', 'main']);
    expect(message.trim()).toBe('Update a/b\n\nchanged a/b (public) +1.1.0 -1.0.0');
    expect(await git(['--git-dir', world.directory, 'log', '-1', '--format=%B', 'refs/registry/state'])).toBe(
      message,
    );
  });
});
