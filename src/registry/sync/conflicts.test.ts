import { beforeEach, describe, expect, test } from 'vitest';
import {
  createRegistry,
  download,
  moduleName,
  readServed,
  version,
  writeSettings,
} from '../../../test/support/registry-world.ts';
import { startUpstream } from '../../../test/support/worlds.ts';
import type { UpstreamRegistry } from '../../../test/worlds/upstream-registry.ts';
import type { Checksum } from '../../model/checksum.ts';
import { isOpenConflict } from '../../model/finding.ts';
import { runGit } from '../../support/git/git.ts';
import type { Registry } from '../registry.ts';
import type { ConflictRuling } from './conflict.ts';

const parser = moduleName('maria/parser');
const tool = moduleName('company/tool');

let time: number;
beforeEach(() => {
  time = Date.UTC(2026, 0, 1);
});
/** A minute later each time it is asked. */
const now = () => {
  time += 60_000;
  return new Date(time);
};

function acceptVersion(checksum: string, which = '0.1.0'): ConflictRuling {
  return {
    action: 'accept-version',
    module: parser,
    version: version(which),
    checksum: checksum as Checksum,
  };
}

const openOnes = async (registry: Registry) => (await registry.conflicts()).filter(isOpenConflict);

describe('a re-published version', () => {
  /** `maria/parser@0.1.0` was served, and upstream has replaced it. */
  async function createConflict() {
    const upstream = await startUpstream(['maria/parser@0.1.0']);
    const registry = await createRegistry({ sources: [{ name: 'main', upstream }], now });
    await registry.sync();
    const old = (await readServed(registry))['maria/parser@0.1.0'] ?? '';
    const { checksum } = await upstream.publish('maria/parser@0.1.0', { sizeBytes: 9000 });
    await registry.sync();
    return { upstream, registry, old, checksum };
  }

  test('is listed with both checksums, its pin and when it was found, the same after every sync', async () => {
    const { registry, old, checksum } = await createConflict();
    const conflicts = await registry.conflicts();
    expect(conflicts).toMatchObject([
      {
        kind: 'checksum-conflict',
        origin: 'main',
        pinned: old,
        offered: checksum,
        pin: { checksum: old, source: 'main', firstSeen: expect.stringMatching(/^2026-01-01T/) },
        foundAt: expect.stringMatching(/^2026-01-01T/),
      },
    ]);
    await registry.sync();
    await registry.reaggregate();
    expect(await registry.conflicts()).toEqual(conflicts);
  });

  test('is named to whoever decides about its module, or about another version', async () => {
    const { registry } = await createConflict();
    for (const ruling of [
      { action: 'accept-name', module: parser },
      acceptVersion('0'.repeat(64), '9.9.9'),
    ] satisfies ConflictRuling[])
      await expect(registry.ruleOnConflict(ruling)).rejects.toMatchObject({
        message: expect.stringMatching(
          /^there is no conflict about maria\/parser(@9\.9\.9)? as such to decide; there is one about maria\/parser@0\.1\.0$/,
        ),
        hint: expect.stringContaining(
          'moonbit-registry conflicts accept maria/parser@0.1.0 --checksum SHA256',
        ),
      });
  });

  test('stays as it was once it is kept, and is open again when something else is offered', async () => {
    const { upstream, registry, old } = await createConflict();
    const { decisions } = await registry.ruleOnConflict({
      action: 'keep',
      module: parser,
      version: undefined,
    });
    expect(decisions).toMatchObject([{ action: 'keep', module: parser }]);
    expect(await openOnes(registry)).toEqual([]);
    expect((await registry.sync()).findings).toMatchObject([{ kept: { at: decisions[0]?.at } }]);
    expect((await registry.explain(parser)).findings).toMatchObject([{ kept: {} }]);
    expect((await readServed(registry))['maria/parser@0.1.0']).toBe(old);
    const again = await registry.ruleOnConflict({
      action: 'keep',
      module: parser,
      version: version('0.1.0'),
    });
    expect(again.decisions).toEqual([]);

    await upstream.publish('maria/parser@0.1.0', { sizeBytes: 11_000 });
    await registry.sync();
    expect(await openOnes(registry)).toHaveLength(1);
    expect((await readServed(registry))['maria/parser@0.1.0']).toBe(old);
  });

  test('that has gone and comes back is open again although it was kept', async () => {
    const { upstream, registry, old, checksum } = await createConflict();
    const file = upstream.index.read('user/maria/parser.index')?.toString() ?? '';
    await registry.ruleOnConflict({ action: 'keep', module: parser, version: undefined });
    await upstream.writeIndexFile('user/maria/parser.index', file.replaceAll(checksum, old));
    await registry.sync();
    expect(await registry.conflicts()).toEqual([]);
    await upstream.writeIndexFile('user/maria/parser.index', file);
    await registry.sync();
    expect(await openOnes(registry)).toHaveLength(1);
  });

  test('is served with its new bytes once their checksum was typed out, and the old pin stays on record', async () => {
    const { registry, old, checksum } = await createConflict();
    const { decisions } = await registry.ruleOnConflict(acceptVersion(checksum));
    expect(decisions).toMatchObject([{ action: 'accept-version', from: old, to: checksum, source: 'main' }]);
    expect(await readServed(registry)).toEqual({ 'maria/parser@0.1.0': checksum });
    expect(await download(registry, 'maria/parser@0.1.0')).toBe(checksum);
    expect((await registry.explain(parser, version('0.1.0'))).pin?.checksum).toBe(checksum);
    const report = await registry.sync();
    expect(report.changes).toEqual([]);
    expect(report.findings.filter(isOpenConflict)).toEqual([]);

    const gitDir = registry.indexDirectory;
    const words = [
      'log',
      '-3',
      '--format=%B',
      '--first-parent',
      '-m',
      '-p',
      'refs/registry/state',
      '--',
      'ledger',
    ];
    const log = await runGit(words, { gitDir });
    expect(log.toString()).toContain(`accept maria/parser@0.1.0: ${old} -> ${checksum} (main), by `);
    expect(log.toString()).toContain(`-0.1.0 ${old}`);
    expect(log.toString()).toContain(`+0.1.0 ${checksum}`);
    const served = await runGit(['log', '--format=%B', 'refs/heads/main'], { gitDir });
    expect(served.toString()).not.toContain(', by ');
  });

  test('is refused for a checksum that is not offered, which changes nothing', async () => {
    const { registry, old, checksum } = await createConflict();
    const state = () => runGit(['rev-parse', 'refs/registry/state'], { gitDir: registry.indexDirectory });
    const before = await state();
    await expect(registry.ruleOnConflict(acceptVersion('a'.repeat(64)))).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining(checksum),
    });
    await expect(registry.ruleOnConflict(acceptVersion(old))).rejects.toMatchObject({ code: 'usage' });
    await expect(registry.ruleOnConflict(acceptVersion(checksum, '9.0.0'))).rejects.toMatchObject({
      code: 'not-found',
    });
    const nobody = { action: 'keep', module: moduleName('no/body'), version: undefined } as const;
    await expect(registry.ruleOnConflict(nobody)).rejects.toMatchObject({ code: 'not-found' });
    expect(await state()).toEqual(before);
  });

  test('leaves the index until it is mirrored, where only cached versions are listed', async () => {
    const upstream = await startUpstream(['maria/parser@0.1.0']);
    const sources = [{ name: 'main', upstream }];
    const registry = await createRegistry({ sources, upstreamFallback: false });
    await registry.mirror({ patterns: ['maria/*'] });
    const { checksum } = await upstream.publish('maria/parser@0.1.0', { sizeBytes: 9000 });
    await registry.sync();
    expect(Object.keys(await readServed(registry))).toEqual(['maria/parser@0.1.0']);
    await registry.ruleOnConflict(acceptVersion(checksum));
    expect(await readServed(registry)).toEqual({});
    await registry.mirror({ patterns: ['maria/*'] });
    expect(await readServed(registry)).toEqual({ 'maria/parser@0.1.0': checksum });
  });
});

describe('a module that another source contends for', () => {
  async function createContest(
    lower: readonly string[],
    publishLower?: (lower: UpstreamRegistry) => unknown,
  ) {
    const mooncakes = await startUpstream(lower);
    await publishLower?.(mooncakes);
    const internal = await startUpstream(['company/tool@1.0.0', 'company/keep@1.0.0']);
    const registry = await createRegistry({
      sources: [
        { name: 'mooncakes', upstream: mooncakes, priority: 100 },
        { name: 'internal', upstream: internal, priority: 25 },
      ],
      now,
    });
    await registry.sync();
    await internal.removeIndexFile('user/company/tool.index');
    // A source that loses modules is believed at the second reading.
    await registry.sync();
    await registry.sync();
    return { mooncakes, internal, registry };
  }
  const moveTo = (origin: string, checksums: readonly [string, string][] = []): ConflictRuling => ({
    action: 'accept-origin',
    module: tool,
    origin,
    checksums: new Map(checksums.map(([of, checksum]) => [version(of), checksum as Checksum])),
    requirements: new Map(),
  });

  test('moves to it when the operator says so and no served version changes', async () => {
    const { registry } = await createContest(['company/tool@1.0.0', 'company/tool@1.1.0']);
    expect(await openOnes(registry)).toMatchObject([{ kind: 'origin-conflict', origin: 'internal' }]);
    const { decisions, report } = await registry.ruleOnConflict(moveTo('mooncakes'));
    expect(decisions).toMatchObject([{ action: 'accept-origin', from: 'internal', to: 'mooncakes' }]);
    expect(report.changes).toMatchObject([{ kind: 'moved', origin: 'mooncakes' }]);
    expect(await registry.originOf(tool)).toBe('mooncakes');
    expect(Object.keys(await readServed(registry))).toContain('company/tool@1.1.0');
    expect(await registry.conflicts()).toEqual([]);
    expect((await registry.sync()).changes).toEqual([]);
  });

  test('is refused while a served version would change, until its new checksum is typed out too', async () => {
    let checksum = '';
    const { registry } = await createContest([], async (lower) => {
      ({ checksum } = await lower.publish('company/tool@1.0.0', { sizeBytes: 5000 }));
      await lower.publish('company/tool@2.0.0');
    });
    expect(await registry.conflicts()).toMatchObject([
      { changes: [{ version: '1.0.0', offered: checksum }] },
    ]);
    await expect(registry.ruleOnConflict(moveTo('mooncakes'))).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining(checksum),
      hint: expect.stringContaining('--checksum VERSION=SHA256'),
    });
    const wrong = moveTo('mooncakes', [['1.0.0', 'b'.repeat(64)]]);
    await expect(registry.ruleOnConflict(wrong)).rejects.toMatchObject({ code: 'usage' });
    const needless = moveTo('mooncakes', [
      ['1.0.0', checksum],
      ['2.0.0', checksum],
    ]);
    await expect(registry.ruleOnConflict(needless)).rejects.toMatchObject({ code: 'usage' });
    expect(await registry.originOf(tool)).toBe('internal');

    await registry.ruleOnConflict(moveTo('mooncakes', [['1.0.0', checksum]]));
    expect(await registry.originOf(tool)).toBe('mooncakes');
    expect((await readServed(registry))['company/tool@1.0.0']).toBe(checksum);
    expect(await registry.conflicts()).toEqual([]);
  });

  test('stays when it is kept, also when the contender publishes more', async () => {
    const { mooncakes, registry } = await createContest(['company/tool@99.0.0']);
    await registry.ruleOnConflict({ action: 'keep', module: tool, version: undefined });
    await mooncakes.publish('company/tool@99.1.0');
    await registry.sync();
    expect(await openOnes(registry)).toEqual([]);
    expect(Object.keys(await readServed(registry))).toEqual(['company/keep@1.0.0']);
  });

  test('cannot move to a source that does not contend for it', async () => {
    const { mooncakes, internal, registry } = await createContest(['company/tool@1.0.0']);
    await expect(registry.ruleOnConflict(moveTo('partner'))).rejects.toMatchObject({ code: 'not-found' });
    const partner = await startUpstream(['partner/own@1.0.0']);
    await writeSettings(registry.config.directory, {
      sources: [
        { name: 'mooncakes', upstream: mooncakes, priority: 100 },
        { name: 'partner', upstream: partner, priority: 50 },
        { name: 'internal', upstream: internal, priority: 25 },
      ],
    });
    await registry.reload();
    await registry.sync();
    await expect(registry.ruleOnConflict(moveTo('partner'))).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('"partner" is no source that could supply company/tool'),
    });
    const other = { ...moveTo('mooncakes'), module: moduleName('company/keep') };
    await expect(registry.ruleOnConflict(other)).rejects.toMatchObject({ code: 'not-found' });
  });
});

test('what is undecided is no conflict: it cannot be kept, only waited for or taken from a source', async () => {
  const mooncakes = await startUpstream(['company/tool@1.0.0']);
  const internal = await startUpstream(['company/x@1.0.0']);
  internal.faults.down = true;
  const registry = await createRegistry({
    sources: [
      { name: 'mooncakes', upstream: mooncakes, priority: 100 },
      { name: 'internal', upstream: internal, priority: 25 },
    ],
  });
  await registry.sync();
  expect(await registry.conflicts()).toEqual([]);
  expect(await registry.heldBack()).toMatchObject([
    { names: 1, examples: [tool], waitsFor: [{ source: 'internal', failureClass: 'connection' }] },
  ]);
  const keep = { action: 'keep', module: tool, version: undefined } as const;
  await expect(registry.ruleOnConflict(keep)).rejects.toMatchObject({
    code: 'usage',
    hint: expect.stringMatching(/source check internal.*accept company\/tool --origin mooncakes; .*include/),
  });
  await expect(registry.ruleOnConflict({ action: 'accept-name', module: tool })).rejects.toMatchObject({
    hint: 'moonbit-registry conflicts accept company/tool --origin mooncakes',
  });
  const accept = { action: 'accept-origin', module: tool, origin: 'mooncakes' } as const;
  await registry.ruleOnConflict({ ...accept, checksums: new Map(), requirements: new Map() });
  expect(await registry.explain(tool)).toMatchObject({ origin: 'mooncakes', isServed: true });
  expect(await registry.heldBack()).toEqual([]);
});
