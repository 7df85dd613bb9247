import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { git } from '../../../test/support/git-client.ts';
import { createRegistry, readServed } from '../../../test/support/registry-world.ts';
import { startUpstream } from '../../../test/support/worlds.ts';
import { createManualClock } from '../../support/flow/monotonic-clock.fixture.ts';
import type { Registry } from '../registry.ts';

/** All that a look could leave behind: refs, objects, readings and what was fetched. */
async function traces(registry: Registry) {
  const run = (...words: string[]) => git(['--git-dir', registry.indexDirectory, ...words]);
  const data = registry.config.registry.dataDir;
  const files = await readdir(data, { recursive: true, withFileTypes: true });
  return {
    refs: await run('for-each-ref'),
    objects: await run('count-objects', '-v'),
    files: files.flatMap((file) => (file.isFile() ? [join(file.parentPath, file.name)] : [])).sort(),
  };
}

describe('a look at a source', () => {
  test('tells what it lists and who would supply it, and leaves nothing', async () => {
    const open = await startUpstream(['alice/json@1.0.0', 'bob/x@1.0.0', 'company/tool@9.0.0']);
    const partner = await startUpstream([
      ...['alice/json@1.0.0', 'company/tool@1.0.0', 'org/a@1.0.0', 'org/b@1.0.0', 'bob/y@1.0.0'],
    ]);
    const sources = [
      { name: 'open', upstream: open, priority: 100 },
      { name: 'partner', upstream: partner, priority: 50, include: ['alice/*', 'org/*', 'bob/*'] },
    ];
    const registry = await createRegistry({ sources: sources.slice(0, 1) });
    await registry.sync();
    await open.publish('alice/later@1.0.0');
    const { directory } = registry.config;
    const edited = await createRegistry({ directory, sources });
    await edited.reaggregate();
    const before = await traces(edited);
    expect(await edited.lookAtSource('partner')).toEqual({
      source: 'partner',
      listing: {
        ...{ modules: 5, owners: 4, comparedWith: ['open'] },
        // Recorded where they are served from now.
        shared: [{ supplier: 'open', modules: 2 }],
        ownOwners: [{ owner: 'org', modules: 2 }],
      },
      failure: undefined,
      archive: { name: 'alice/json@1.0.0', problem: undefined },
      holdsBack: { names: 'all', of: ['open'] },
      ready: 3,
      heldBack: [],
    });
    expect(await traces(edited)).toEqual(before);
    expect(Object.keys(await readServed(edited))).toHaveLength(3);
    // What it foresees is what the sync does.
    expect((await edited.sync()).changes.filter(({ origin }) => origin === 'partner')).toHaveLength(3);
  });

  test('of one that cannot be read tells why, and which names begin to wait for it', async () => {
    const open = await startUpstream(['alice/json@1.0.0', 'bob/x@1.0.0']);
    const internal = await startUpstream(['company/tool@1.0.0']);
    const sources = [
      { name: 'open', upstream: open, priority: 100, include: ['alice/*'] },
      { name: 'internal', upstream: internal, priority: 25 },
    ];
    const { config } = await createRegistry({ sources: sources.slice(0, 1) }).then(async (registry) => {
      await registry.sync();
      return registry;
    });
    internal.faults.status = 401;
    const [first, second] = sources.map(({ include: _, ...source }) => source);
    if (!first || !second) throw new TypeError('there are two');
    const registry = await createRegistry({ directory: config.directory, sources: [first, second] });
    await registry.reaggregate();
    const before = await traces(registry);
    expect(await registry.lookAtSource('internal')).toMatchObject({
      listing: undefined,
      failure: { class: 'unauthorized' },
      holdsBack: { names: 'all', of: ['open'] },
      ready: 0,
      heldBack: [{ names: 1, examples: ['bob/x'], waitsFor: [{ source: 'internal' }] }],
    });
    expect(await traces(registry)).toEqual(before);
  });

  test('foresees that several that were never read are waited for together', async () => {
    const open = await startUpstream(['alice/json@1.0.0']);
    const down = await startUpstream();
    down.faults.down = true;
    const registry = await createRegistry({
      sources: [
        { name: 'open', upstream: open, priority: 100 },
        { name: 'partner', upstream: down, priority: 50 },
        { name: 'internal', upstream: down, priority: 25, namespaces: ['company/*'] },
      ],
    });
    expect(await registry.lookAtSource('open')).toMatchObject({
      listing: { modules: 1, comparedWith: [], shared: [] },
      heldBack: [{ names: 1, waitsFor: [{ source: 'partner', failureClass: 'not-read' }] }],
    });
    expect(await registry.lookAtSource('internal')).toMatchObject({
      listing: undefined,
      holdsBack: { names: 'claimed' },
    });
  });

  test('takes ten seconds at most, and ends when it is interrupted; nothing of it is left', async () => {
    const silent = await startUpstream(['alice/json@1.0.0']);
    silent.faults.blackHole = true;
    const clock = createManualClock();
    const registry = await createRegistry({
      sources: [{ name: 'silent', upstream: silent }],
      connections: { clock },
    });
    const before = await traces(registry);
    const looking = registry.lookAtSource('silent');
    await expect.poll(() => silent.count()).toBe(1);
    await clock.advance(9_999);
    await clock.advance(1);
    expect(await looking).toMatchObject({
      failure: { class: 'timeout', text: 'it was not read within 10 seconds' },
    });
    const interrupted = new AbortController();
    const again = registry.lookAtSource('silent', { signal: interrupted.signal });
    await expect.poll(() => silent.count()).toBe(2);
    interrupted.abort(new Error('enough'));
    await expect(again).rejects.toThrow('enough');
    expect(await traces(registry)).toEqual(before);
  });

  test('tells that archives cannot be had, and looks at one that is not in the file', async () => {
    const upstream = await startUpstream(['alice/json@1.0.0']);
    upstream.faults.only = 'archives';
    upstream.faults.status = 404;
    const { config } = await createRegistry({ sources: [{ name: 'new', upstream }] });
    const registry = await createRegistry({ sources: [] });
    const before = await traces(registry);
    expect(await registry.lookAtSource('new', { config })).toMatchObject({
      listing: { modules: 1 },
      archive: { name: 'alice/json@1.0.0', problem: { text: expect.stringContaining('HTTP 404') } },
    });
    expect(await traces(registry)).toEqual(before);
  });

  test('asks for no archive of what another source claims', async () => {
    const open = await startUpstream(['company/tool@9.0.0', 'zoe/x@1.0.0']);
    const internal = await startUpstream();
    const registry = await createRegistry({
      sources: [
        { name: 'open', upstream: open, priority: 100 },
        { name: 'internal', upstream: internal, priority: 25, namespaces: ['company/*'] },
      ],
    });
    expect(await registry.lookAtSource('open')).toMatchObject({ archive: { name: 'zoe/x@1.0.0' } });
    expect(open.count('company')).toBe(0);
  });

  test('is contained: what is no index, or is larger than it may be, is a reason', async () => {
    const upstream = await startUpstream(['alice/json@1.0.0', 'alice/xml@1.0.0']);
    const registry = await createRegistry({
      sources: [{ name: 'large', upstream, lines: 'limits = { modules = 1 }' }],
    });
    expect(await registry.lookAtSource('large')).toMatchObject({
      listing: undefined,
      failure: { class: 'bad-answer', text: expect.stringContaining('limits.modules') },
    });
    upstream.faults.html = true;
    expect(await registry.lookAtSource('large')).toMatchObject({
      failure: { text: expect.stringContaining('web page') },
    });
    await expect(registry.lookAtSource('none')).rejects.toMatchObject({ code: 'not-found' });
  });
});
