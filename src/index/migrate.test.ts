import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { git } from '../../test/support/git-client.ts';
import { moduleName } from '../../test/support/registry-world.ts';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { StorageError } from '../errors.ts';
import type { OperatorDecision } from '../model/operator-decision.ts';
import { createGitIndex } from './create-index.ts';
import { openGitIndex } from './git-index.ts';
import {
  downgrade,
  downgradeLedgerFile,
  downgradeProblem,
  downgradeState,
  downgradeToFormat2,
  keptRefOf,
  migrate,
  upgradeLedgerFile,
} from './migrate.ts';
import { formatState, parseState, type SnapshotRecord } from './registry-state.ts';

const date = new Date('2026-03-04T05:06:07Z');
const sum = (digit: string) => digit.repeat(64);
const pinLine = (version: string, digit: string, more = '') =>
  `${version} ${sum(digit)} 2026-01-01T00:00:00.000Z public${more}\n`;
const line = (version: string, digit: string, more = '') =>
  `{"version":"${version}","checksum":"${sum(digit)}"${more}}\n`;
const requirements = (ledger: Buffer) =>
  ledger
    .toString()
    .trimEnd()
    .split('\n')
    .map((text) => text.split(' ')[4]);

describe('a ledger file of format 1', () => {
  const upgrade = (ledger: string, served?: string) =>
    upgradeLedgerFile(Buffer.from(ledger), served === undefined ? undefined : Buffer.from(served));

  test('learns requirements from the lines that are served', () => {
    const ledger = pinLine('1.0.0', 'a') + pinLine('1.1.0', 'b');
    const deps = ',"deps":{"x/y":"1.0.0"}';
    const upgraded = upgrade(ledger, line('1.0.0', 'a') + line('1.1.0', 'b', deps));
    expect(requirements(upgraded)).toEqual(['none', expect.stringMatching(/^[0-9a-f]{64}$/)]);
    expect(upgraded.toString().split('\n')[0]).toBe(`${pinLine('1.0.0', 'a').trimEnd()} none`);
    const asObject = line('1.1.0', 'b', ',"deps":{"x/y":{"version":"1.0.0"}}');
    expect(requirements(upgrade(ledger, asObject))[1]).toBe(requirements(upgraded)[1]);
  });

  test.each([
    ['is not served', pinLine('1.0.0', 'a'), undefined],
    ['is not in the served file', pinLine('1.0.0', 'a'), line('2.0.0', 'a')],
    ['is served with other bytes', pinLine('1.0.0', 'a'), line('1.0.0', 'f')],
    ['is served by a line that cannot be read', pinLine('1.0.0', 'a'), '{"version":"1.0.0"\n'],
  ])('learns nothing of a version that %s', (_, ledger, served) => {
    expect(requirements(upgrade(ledger, served))).toEqual(['-']);
  });

  test('takes the last of several lines, which is the one that clients read', () => {
    const served = line('1.0.0', 'a', ',"deps":{"x/y":"1.0.0"}') + line('1.0.0', 'a');
    expect(requirements(upgrade(pinLine('1.0.0', 'a'), served))).toEqual(['none']);
  });

  test('is the same again after a downgrade, byte for byte', () => {
    const ledger = pinLine('1.0.0', 'a') + pinLine('1.0.0+1', 'b');
    for (const served of [undefined, line('1.0.0', 'a')])
      expect(downgradeLedgerFile(upgrade(ledger, served)).toString()).toBe(ledger);
  });

  test('that is upgraded again learns nothing twice', () => {
    const once = upgrade(pinLine('1.0.0', 'a'), line('1.0.0', 'a'));
    const other = line('1.0.0', 'a', ',"deps":{"x/y":"1.0.0"}');
    expect(upgrade(once.toString(), other).equals(once)).toBe(true);
  });
});

describe('a state of format 1', () => {
  const old = {
    served: 'a'.repeat(40),
    modules: 3,
    changedSinceRoot: 7,
    policy: 'digest',
    snapshots: [
      {
        source: 'public',
        commit: 'b'.repeat(40),
        tree: 'c'.repeat(40),
        since: '2026-01-01T00:00:00.000Z',
        priority: 100,
      },
    ],
  };

  test('is read as today’s, and written back as it was', () => {
    const state = parseState(Buffer.from(JSON.stringify(old)), 1, 'here');
    expect(state).toMatchObject({ ...old, planner: 1, acceptedNames: [] });
    expect(JSON.parse(downgradeState(state))).toEqual(old);
  });

  test('and one of format 2 have nothing blocked, and lose that key alone on the way back', () => {
    const state = parseState(Buffer.from(JSON.stringify(old)), 1, 'here');
    const { blocks, ...format2 } = JSON.parse(formatState(state));
    expect(blocks).toEqual([]);
    expect(JSON.parse(downgradeToFormat2(state))).toEqual(format2);
    expect(parseState(Buffer.from(JSON.stringify(format2)), 2, 'here').blocks).toEqual([]);
    // What is refused must not be served for a line that is damaged.
    const damaged = [
      undefined,
      {},
      [{ module: 'alice/json' }],
      [{ module: 'no name', reason: '', at: '', by: '' }],
    ];
    for (const blocked of damaged)
      expect(() =>
        parseState(Buffer.from(JSON.stringify({ ...format2, blocks: blocked })), 3, 'here'),
      ).toThrow(StorageError);
  });

  test('has other keys today, so that the program before stops', () => {
    const state = parseState(Buffer.from(JSON.stringify(old)), 1, 'here');
    const today = JSON.parse(formatState(state));
    expect(Object.keys(today)).not.toContain('served');
    expect(Object.keys(today)).not.toContain('snapshots');
    expect(parseState(Buffer.from(JSON.stringify(today)), 2, 'here')).toMatchObject(old);
    expect(() => parseState(Buffer.from(JSON.stringify(old)), 2, 'here')).toThrow(StorageError);
    expect(() => parseState(Buffer.from(JSON.stringify(today)), 1, 'here')).toThrow(StorageError);
  });
});

describe('what stands against a downgrade', () => {
  const facts = {
    snapshots: [] as readonly SnapshotRecord[],
    pending: new Map(),
    decisions: [] as readonly OperatorDecision[],
    findingKinds: new Set<string>(),
  };
  const module = moduleName('alice/json');
  const since = '2026-01-01T00:00:00.000Z';
  const id = 'a'.repeat(40);
  const record = { source: 'main', commit: id, tree: id, since, priority: 1, indexUrl: undefined };
  const stamp = { module, at: since, by: 'alice' };

  test.each([
    ['nothing', facts],
    [
      'findings that format 1 knows',
      { ...facts, findingKinds: new Set(['checksum-conflict', 'dropped-line']) },
    ],
    [
      'a module that stays where it is',
      {
        ...facts,
        pending: new Map([[module, { since, kind: 'contended' as const, source: 'a', origin: 'b' }]]),
      },
    ],
    [
      'decisions that format 1 knows',
      {
        ...facts,
        decisions: [{ ...stamp, action: 'accept-origin' as const, from: 'a', to: 'b' }],
      },
    ],
  ])('is nothing where there is %s', (_, given) => {
    expect(downgradeProblem(given)).toBeUndefined();
  });

  const problems: readonly [string, RegExp, Parameters<typeof downgradeProblem>[0]][] = [
    [
      'an undecided name',
      /alice\/json is undecided/,
      {
        ...facts,
        pending: new Map([[module, { since, kind: 'undecided' as const, waitsFor: [] }]]),
      },
    ],
    [
      'a reading that is held',
      /"main" is held back/,
      {
        ...facts,
        snapshots: [{ ...record, held: { commit: id, tree: id, since } }],
      },
    ],
    [
      'accepted requirements',
      /alice\/json \(accept-requirements\)/,
      {
        ...facts,
        decisions: [
          {
            ...stamp,
            action: 'accept-requirements' as const,
            version: '1.0.0' as never,
            from: 'a',
            to: 'b',
            source: 'x',
          },
        ],
      },
    ],
    [
      'an accepted name',
      /alice\/json \(accept-name\)/,
      {
        ...facts,
        decisions: [{ ...stamp, action: 'accept-name' as const }],
      },
    ],
    ...['requirements-conflict', 'look-alike', 'broken-file'].map(
      (kind) =>
        [`a ${kind}`, new RegExp(kind), { ...facts, findingKinds: new Set([kind]) }] as [
          string,
          RegExp,
          typeof facts,
        ],
    ),
  ];
  test.each(problems)('is %s', (_, words, given) => {
    expect(downgradeProblem(given)).toMatch(words);
  });
});

describe('a migration', () => {
  async function openOld() {
    const directory = join(temporaryDirectory(), 'index');
    await createGitIndex(directory, date);
    const index = await openGitIndex(directory);
    onTestFinished(() => index.close());
    await downgrade(index, date, 1);
    const refs = () => git(['--git-dir', directory, 'for-each-ref', '--format=%(refname) %(objectname)']);
    return { directory, index, refs };
  }

  test('is one commit on the state before, which stays under a ref of its own', async () => {
    const { directory, index } = await openOld();
    const before = await index.state();
    expect(before.format).toBe(1);
    await migrate(index, date, () => undefined);
    const after = await index.state();
    expect(after.format).toBe(3);
    const parents = await git(['--git-dir', directory, 'log', '-1', '--format=%P', after.commit]);
    expect(parents.trim()).toBe(before.commit);
    expect(after.blocks).toEqual([]);
    const kept = await git(['--git-dir', directory, 'rev-parse', keptRefOf(1)]);
    expect(kept.trim()).toBe(before.commit);
    expect(after.served).toBe(before.served);
  });

  test('from format 2 adds a place for what is blocked, and changes nothing else', async () => {
    const { directory, index } = await openOld();
    await migrate(index, date, () => undefined);
    const first = await index.state();
    await downgrade(index, date, 2);
    expect((await index.state()).format).toBe(2);
    await migrate(index, date, () => undefined);
    const again = await index.state();
    const treeOf = (commit: string) => git(['--git-dir', directory, 'rev-parse', `${commit}^{tree}`]);
    expect(await treeOf(again.commit)).toBe(await treeOf(first.commit));
  });

  test('of what has today’s format does nothing, and neither does a downgrade of the oldest', async () => {
    const { index, refs } = await openOld();
    const old = await refs();
    await expect(downgrade(index, date, 1)).rejects.toThrow(StorageError);
    expect(await refs()).toBe(old);
    await migrate(index, date, () => undefined);
    const now = await refs();
    await migrate(index, date, () => undefined);
    expect(await refs()).toBe(now);
  });

  test('has to come before any other writing', async () => {
    const { index, refs } = await openOld();
    const base = await index.state();
    const before = await refs();
    const change = {
      ...{ base, state: base, stateEdits: [], findings: [], pending: new Map(), message: 'No\n', date },
    };
    await expect(index.commit(change)).rejects.toMatchObject({
      message: expect.stringContaining('format 1'),
    });
    await expect(index.prepare(change)).rejects.toThrow(StorageError);
    expect(await refs()).toBe(before);
  });
});
