/** Data of any release open in every later one, and no program writes to data that it does not know. */

import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { StorageError } from '../src/errors.ts';
import { openGitIndex } from '../src/index/git-index.ts';
import { openRegistry } from '../src/registry/open.ts';
import type { Registry } from '../src/registry/registry.ts';
import { tester } from './support/actor.ts';
import { git } from './support/git-client.ts';
import { createRegistry, moduleName, readServed, version, writeSettings } from './support/registry-world.ts';
import { runCli } from './support/run-cli.ts';
import {
  buildRelease,
  openStored,
  readRefs,
  rewriteState,
  show,
  startStoredUpstream,
  stateRef,
} from './support/stored-formats.ts';
import { startUpstream } from './support/worlds.ts';

const nowhere = { url: 'http://127.0.0.1:9', indexUrl: 'http://127.0.0.1:9/git/index' };
/** The sources of `test/data/format-1`. */
const sources = [
  { name: 'public', upstream: nowhere, priority: 100 },
  { name: 'internal', upstream: nowhere, priority: 25 },
];

const idOf = async (gitDir: string, name: string) =>
  (await git(['--git-dir', gitDir, 'rev-parse', name])).trim();

/** Every index file that clients see. */
async function readMain(gitDir: string, commit = 'refs/heads/main'): Promise<string> {
  return git(['--git-dir', gitDir, 'ls-tree', '-r', commit]);
}

/** `PATH LINE` of every pin. */
async function readLedger(gitDir: string, state = stateRef): Promise<string[]> {
  const names = await git(['--git-dir', gitDir, 'ls-tree', '-r', '--name-only', `${state}:ledger`]);
  const paths = names.trimEnd().split('\n');
  const files = await Promise.all(paths.map((path) => show(gitDir, `${state}:ledger/${path}`)));
  return files.flatMap((file, i) =>
    file
      .trimEnd()
      .split('\n')
      .map((line) => `${paths[i]} ${line}`),
  );
}

async function openOld() {
  const { directory, gitDir } = await openStored(1);
  const [state, served] = await Promise.all([idOf(gitDir, stateRef), readMain(gitDir)]);
  return { directory, gitDir, state, served };
}

describe('data of format 1', () => {
  test('open in this program: one commit more, and clients see the same', async () => {
    const { directory, gitDir, state, served } = await openOld();
    const main = await idOf(gitDir, 'refs/heads/main');
    const registry = await createRegistry({ directory, sources });
    expect(await registry.servedCommit()).toBe(main);
    expect(await readMain(gitDir)).toBe(served);
    expect(Object.keys(await readServed(registry))).toEqual([
      ...['Company/Tool@1.0.0', 'Maria/Parser@0.1.0', 'alice/json@1.0.0', 'alice/json@1.1.0', 'bob/x@1.0.0'],
      'company/tool@1.0.0',
    ]);
    expect(await show(gitDir, `${stateRef}:format`)).toBe('3\n');
    expect(await idOf(gitDir, 'refs/registry/format-1')).toBe(state);
    expect(await idOf(gitDir, `${stateRef}^1`)).toBe(state);
    const verified = await registry.verify({ deep: true });
    expect(verified.filter(({ outcome }) => outcome !== 'sound')).toEqual([]);
    // And that was all: the next opening finds nothing to do.
    const refs = await readRefs(gitDir);
    await createRegistry({ directory, sources });
    expect(await readRefs(gitDir)).toBe(refs);
  });

  test('are found as they were at dates of then, each state with what it served', async () => {
    const { directory, gitDir, state } = await openOld();
    const registry = await createRegistry({ directory, sources });
    const found = await registry.findState({ kind: 'state', text: state });
    if (found.kind !== 'found') throw new Error(found.reason);
    expect(found.state.view.format).toBe(1);
    const past = registry.serveState(found.state);
    expect(await past.servedCommit()).toBe(await idOf(gitDir, 'refs/heads/main'));
    expect(await past.explain(moduleName('alice/json'), version('1.0.0'))).toMatchObject({
      ...{ isServed: true, origin: 'public', versions: ['1.0.0', '1.1.0'] },
    });
    const atSeconds = Date.parse(found.state.since) / 1000;
    const byTime = await registry.findState({ kind: 'time', text: found.state.since, atSeconds });
    expect(byTime.kind === 'found' && byTime.state.commit).toBe(state);
  });

  test('learn what versions require from the lines that are served, whatever sources say now', async () => {
    const { directory, gitDir, state } = await openOld();
    const before = await readLedger(gitDir);
    await createRegistry({ directory, sources });
    const after = await readLedger(gitDir);
    expect(after.map((line) => line.split(' ').slice(0, 5).join(' '))).toEqual(before);
    const requirements = new Map(
      after.map((line) => {
        const [path = '', stated, , , , digest] = line.split(' ');
        return [`${path.replace(/^.*user\/|\.index$/g, '')}@${stated}`, digest];
      }),
    );
    // `public` lists alice/json@1.0.0 with other bytes, which require eve/evil; the line that is served requires bob/x.
    expect(await show(gitDir, `${state}:sources/public/user/alice/json.index`)).toContain('eve/evil');
    expect(requirements.get('alice/json@1.0.0')).toMatch(/^[0-9a-f]{64}$/);
    expect(requirements.get('alice/json@1.1.0')).toBe('none');
    expect(requirements.get('company/tool@1.0.0')).toMatch(/^[0-9a-f]{64}$/);
    expect(requirements.get('company/tool@1.0.0')).not.toBe(requirements.get('alice/json@1.0.0'));
    // Not served, so nobody knows.
    expect(requirements.get('company/gone@1.0.0')).toBe('-');
  });

  test('keep origins, decisions and findings', async () => {
    const { directory } = await openOld();
    const registry = await createRegistry({ directory, sources });
    expect(await registry.originOf(moduleName('Maria/Parser'))).toBe('internal');
    expect(await registry.originOf(moduleName('company/gone'))).toBe('internal');
    expect(await registry.conflicts()).toMatchObject([
      { kind: 'checksum-conflict', module: 'alice/json', version: '1.0.0', kept: { by: 'root' } },
    ]);
  });

  test('change clients nothing but what the changelog says, as plan shows before the first sync', async () => {
    const { directory, gitDir } = await openOld();
    const registry = await createRegistry({ directory, sources });
    const before = await readServed(registry);
    const change = { kind: 'removed', module: 'Company/Tool', origin: 'public' };
    expect((await registry.plan()).changes).toMatchObject([change]);
    const report = await registry.sync();
    expect(report.changes).toMatchObject([change]);
    expect(report.findings).toMatchObject([
      { kind: 'look-alike', module: 'Company/Tool', source: 'public' },
      { kind: 'checksum-conflict', module: 'alice/json', kept: { by: 'root' } },
    ]);
    const { 'Company/Tool@1.0.0': _, ...others } = before;
    expect(await readServed(registry)).toEqual(others);
    expect(await readLedger(gitDir)).toContainEqual(
      expect.stringContaining('user/Company/Tool.index 1.0.0 '),
    );
  });

  test('go on with sources that are as they were, and a version that is served again tells what it requires', async () => {
    const { directory, gitDir, state } = await openOld();
    const [open, internal] = [
      await startStoredUpstream(gitDir, state, 'public'),
      await startStoredUpstream(gitDir, state, 'internal'),
    ];
    const gone = (await readLedger(gitDir)).find((line) => line.includes('company/gone'))?.split(' ')[2];
    const at = [
      { name: 'public', upstream: open, priority: 100 },
      { name: 'internal', upstream: internal, priority: 25 },
    ];
    const registry = await createRegistry({ directory, sources: at });
    const before = await readServed(registry);
    const line = { name: 'company/gone', version: '1.0.0', checksum: gone, deps: { 'bob/x': '1.0.0' } };
    await internal.writeIndexFile('user/company/gone.index', `${JSON.stringify(line)}\n`);
    await open.publish('new/name@1.0.0');
    await registry.sync();
    const { 'Company/Tool@1.0.0': _, ...others } = before;
    const served = await readServed(registry);
    expect(served).toEqual({ ...others, 'company/gone@1.0.0': gone, 'new/name@1.0.0': expect.any(String) });
    const learnt = (await readLedger(gitDir)).filter((one) => /company\/gone|alice\/json.*1\.0\.0/.test(one));
    // Both require bob/x and nothing else.
    const digests = learnt.map((one) => one.split(' ')[5]);
    expect(digests).toEqual([digests[0], digests[0]]);
    expect(digests[0]).toMatch(/^[0-9a-f]{64}$/);
    await internal.writeIndexFile('user/company/gone.index', `${JSON.stringify({ ...line, deps: {} })}\n`);
    expect((await registry.sync()).findings).toContainEqual(
      expect.objectContaining({ kind: 'requirements-conflict', module: 'company/gone' }),
    );
  });

  test('come back as they were with a downgrade, and can be upgraded again', async () => {
    const { directory, gitDir, state } = await openOld();
    const registry = await createRegistry({ directory, sources });
    const upgraded = await idOf(gitDir, stateRef);
    await registry.downgrade(1);
    expect(await show(gitDir, `${stateRef}:format`)).toBe('1\n');
    for (const path of ['ledger', 'sources', 'findings.jsonl', 'decisions.jsonl'])
      expect(await idOf(gitDir, `${stateRef}:${path}`), path).toBe(await idOf(gitDir, `${state}:${path}`));
    const [before, after] = await Promise.all([
      show(gitDir, `${state}:state.json`),
      show(gitDir, `${stateRef}:state.json`),
    ]);
    expect(JSON.parse(after)).toEqual(JSON.parse(before));
    expect(await idOf(gitDir, 'refs/registry/format-3')).toBe(upgraded);
    await expect(registry.downgrade(1)).rejects.toMatchObject({
      message: expect.stringContaining('format 1 already'),
    });
    const again = await createRegistry({ directory, sources });
    expect(await show(gitDir, `${stateRef}:format`)).toBe('3\n');
    expect(Object.keys(await readServed(again))).toHaveLength(6);
  });
});

describe('what format 1 has no place for', () => {
  const line = (more: object) => `${JSON.stringify({ ...more })}\n`;

  /** A registry with something that only today's format can hold. */
  const worlds: readonly [string, RegExp, () => Promise<Registry>][] = [
    [
      'an undecided name',
      /alice\/new is undecided/,
      async () => {
        const [open, internal] = [await startUpstream(['alice/new@1.0.0']), await startUpstream()];
        internal.faults.down = true;
        const registry = await createRegistry({
          sources: [
            { name: 'public', upstream: open, priority: 100 },
            { name: 'internal', upstream: internal, priority: 10 },
          ],
        });
        await registry.sync();
        return registry;
      },
    ],
    [
      'a reading that is held back',
      /source "public" is held back/,
      async () => {
        const open = await startUpstream(['alice/a@1.0.0', 'alice/b@1.0.0']);
        const registry = await createRegistry({ sources: [{ name: 'public', upstream: open }] });
        await registry.sync();
        await open.removeIndexFile('user/alice/b.index');
        await registry.sync();
        return registry;
      },
    ],
    [
      'a conflict about requirements',
      /requirements-conflict/,
      async () => {
        const open = await startUpstream(['alice/a@1.0.0']);
        const registry = await createRegistry({ sources: [{ name: 'public', upstream: open }] });
        await registry.sync();
        const stated = JSON.parse(open.index.read('user/alice/a.index')?.toString() ?? '');
        await open.writeIndexFile('user/alice/a.index', line({ ...stated, deps: { 'eve/evil': '1.0.0' } }));
        await registry.sync();
        return registry;
      },
    ],
    [
      'a decision about requirements',
      /alice\/a \(accept-requirements\)/,
      async () => {
        const open = await startUpstream(['alice/a@1.0.0']);
        const registry = await createRegistry({ sources: [{ name: 'public', upstream: open }] });
        await registry.sync();
        const stated = JSON.parse(open.index.read('user/alice/a.index')?.toString() ?? '');
        await open.writeIndexFile('user/alice/a.index', line({ ...stated, deps: { 'bob/x': '1.0.0' } }));
        const { findings } = await registry.sync();
        const conflict = findings.find((finding) => finding.kind === 'requirements-conflict');
        await registry.ruleOnConflict({
          ...{ action: 'accept-requirements', module: moduleName('alice/a'), version: version('1.0.0') },
          requirements: conflict?.requirements?.offered ?? '',
        });
        return registry;
      },
    ],
    [
      'a look-alike',
      /look-alike/,
      async () => {
        const [open, internal] = [
          await startUpstream(['Alice/a@1.0.0']),
          await startUpstream(['alice/a@1.0.0']),
        ];
        const registry = await createRegistry({
          sources: [
            { name: 'public', upstream: open, priority: 100 },
            { name: 'internal', upstream: internal, priority: 10 },
          ],
        });
        await registry.sync();
        return registry;
      },
    ],
    [
      'a file that broke',
      /broken-file/,
      async () => {
        const open = await startUpstream(['alice/a@1.0.0']);
        const registry = await createRegistry({ sources: [{ name: 'public', upstream: open }] });
        await registry.sync();
        await open.writeIndexFile('user/alice/a.index', '<html>\n');
        await registry.sync();
        return registry;
      },
    ],
  ];

  test.each(worlds)('keeps the data as they are, and is named: %s', async (_, words, create) => {
    const registry = await create();
    const refs = await readRefs(registry.indexDirectory);
    const failure = await registry.downgrade(1).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(StorageError);
    expect(failure).toMatchObject({ message: expect.stringMatching(words), hint: expect.any(String) });
    expect(await readRefs(registry.indexDirectory)).toBe(refs);
  });
});

describe('data of a newer format', () => {
  async function createNewer(format: string) {
    const upstream = await startUpstream(['alice/json@1.0.0']);
    const registry = await createRegistry({ sources: [{ name: 'main', upstream }] });
    await registry.sync();
    const before = await registry.servedCommit();
    await upstream.publish('alice/json@1.1.0');
    await registry.sync();
    const gitDir = registry.indexDirectory;
    // As after a crash of the newer program: whoever opens the folder would roll `main` forward.
    await git(['--git-dir', gitDir, 'update-ref', 'refs/heads/main', before]);
    await rewriteState(gitDir, { format, 'later.bin': 'what later programs know\n' });
    return { registry, upstream, gitDir, refs: await readRefs(gitDir), directory: registry.config.directory };
  }

  const isRefusal = (failure: unknown, format: string) => {
    expect(failure).toBeInstanceOf(StorageError);
    expect(failure).toMatchObject({
      message: expect.stringMatching(new RegExp(`format ${format}.*knows format 3`)),
      hint: expect.stringContaining('newer'),
    });
  };

  test.each(['4', '4000'])('are refused by every opening, with both versions named: %s', async (format) => {
    const { gitDir, directory, refs } = await createNewer(`${format}\n`);
    isRefusal(
      await openRegistry({ directory, env: {}, actor: tester }).catch((error: unknown) => error),
      format,
    );
    isRefusal(await openGitIndex(gitDir).catch((error: unknown) => error), format);
    expect(await readRefs(gitDir)).toBe(refs);
  });

  test.each(['', 'two\n', '0\n', '-1\n', '2.0\n', '1e3\n', '2\n3\n', '99999999999999999999\n'])(
    'and of a format that is no number are refused: %j',
    async (format) => {
      const { directory, gitDir, refs } = await createNewer(format);
      await expect(openRegistry({ directory, env: {}, actor: tester })).rejects.toThrow(StorageError);
      expect(await readRefs(gitDir)).toBe(refs);
    },
  );

  const acts: readonly [string, (registry: Registry) => Promise<unknown>][] = [
    ['sync', (registry) => registry.sync()],
    ['dry run', (registry) => registry.sync({ dryRun: true })],
    ['reaggregate', (registry) => registry.reaggregate()],
    ['mirror', (registry) => registry.mirror({ patterns: ['*'] })],
    [
      'keep',
      (registry) =>
        registry.ruleOnConflict({ action: 'keep', module: moduleName('alice/json'), version: undefined }),
    ],
    ['downgrade', (registry) => registry.downgrade(1)],
    ['status', (registry) => registry.status()],
    ['explain', (registry) => registry.explain(moduleName('alice/json'))],
  ];
  test.each(acts)('are left alone by a program that has them open already: %s', async (_, act) => {
    const { registry, upstream, gitDir, refs } = await createNewer('4\n');
    await upstream.publish('alice/json@1.2.0');
    isRefusal(await act(registry).catch((error: unknown) => error), '4');
    expect(await readRefs(gitDir)).toBe(refs);
  });

  test('are left alone by every command, which says so', async () => {
    const { directory, gitDir, refs } = await createNewer('4\n');
    const commands = [
      ...[
        ['sync'],
        ['sync', '--dry-run'],
        ['mirror', '*'],
        ['status'],
        ['explain', 'alice/json'],
        ['conflicts'],
      ],
      ...[
        ['conflicts', 'keep', 'alice/json'],
        ['plan'],
        ['state', 'downgrade'],
        ['path', 'alice/json@1.0.0'],
      ],
      ...[
        ['serve', '--port', '0'],
        ['verify'],
        ['verify', '--repair', '--deep'],
        ['source', 'rename', 'main', 'other'],
      ],
    ];
    for (const command of commands) {
      const { code, stderr, stdout } = await runCli(['-d', directory, ...command]);
      // What `verify` says is its result.
      expect([command.join(' '), code]).toEqual([command.join(' '), command[0] === 'verify' ? 3 : 1]);
      expect(stderr + stdout, command.join(' ')).toMatch(/format 4.*knows format 3/);
      expect(await readRefs(gitDir), command.join(' ')).toBe(refs);
    }
  }, 180_000);
});

test('what a later program of the same format has written beside ours survives our writing', async () => {
  const upstream = await startUpstream(['alice/json@1.0.0']);
  const source = { name: 'main', upstream, priority: 50 };
  const registry = await createRegistry({ sources: [source] });
  await registry.sync();
  const gitDir = registry.indexDirectory;
  const state = JSON.parse(await show(gitDir, `${stateRef}:state.json`));
  const ledger = (await show(gitDir, `${stateRef}:ledger/main/user/alice/json.index`)).trimEnd();
  const decision = {
    module: 'bob/x',
    at: '2026-01-01T00:00:00.000Z',
    by: 'alice',
    action: 'accept-name',
    later: 1,
  };
  await rewriteState(gitDir, {
    'state.json': JSON.stringify({
      ...state,
      verdicts: { until: '2027-01-01' },
      sources: state.sources.map((record: object) => ({ ...record, checkpoint: ['a', 1] })),
    }),
    'ledger/main/user/alice/json.index': `${ledger} leaf=7 and more\n`,
    'decisions.jsonl': `${JSON.stringify(decision)}\n`,
    'log/head': 'a file of its own\n',
  });
  await upstream.publish('alice/json@1.1.0');
  await upstream.publish('alice/json@1.0.0', { sizeBytes: 9000 });
  expect((await registry.sync()).changes).toHaveLength(1);
  await registry.ruleOnConflict({ action: 'keep', module: moduleName('alice/json'), version: undefined });
  // The same source under another name, and a setting that plans everything anew.
  await writeSettings(registry.config.directory, { sources: [{ ...source, name: 'renamed', priority: 40 }] });
  await registry.reload();
  await registry.sync();

  const after = JSON.parse(await show(gitDir, `${stateRef}:state.json`));
  expect(after.verdicts).toEqual({ until: '2027-01-01' });
  expect(after.sources).toMatchObject([{ name: 'renamed', priority: 40, checkpoint: ['a', 1] }]);
  const [first, second] = (await show(gitDir, `${stateRef}:ledger/renamed/user/alice/json.index`)).split(
    '\n',
  );
  expect(first).toBe(`${ledger} leaf=7 and more`);
  expect(second).toMatch(/^1\.1\.0 /);
  expect((await show(gitDir, `${stateRef}:decisions.jsonl`)).split('\n')[0]).toBe(JSON.stringify(decision));
  expect(await show(gitDir, `${stateRef}:log/head`)).toBe('a file of its own\n');
});

describe('the program of an older format', () => {
  const folders = new Set<string>();
  afterAll(async () => {
    for (const folder of folders) await rm(folder, { recursive: true, force: true });
  });

  async function findProgram(skip: (why: string) => never, format = 1): Promise<string> {
    const entry = await buildRelease(format);
    if (entry === undefined)
      return skip('the history of this repository is not here, so its earlier programs cannot be built');
    folders.add(dirname(dirname(entry)));
    return entry;
  }

  const runOld = (entry: string, args: readonly string[]) =>
    new Promise<{ code: number | string | null | undefined; output: string }>((resolve) => {
      execFile('node', [entry, ...args], { timeout: 60_000 }, (error, stdout, stderr) =>
        resolve({ code: error ? error.code : 0, output: stdout + stderr }),
      );
    });

  test('refuses the data of this one, and leaves every ref as it was', async ({ skip }) => {
    const entry = await findProgram(skip);
    const upstream = await startUpstream(['alice/json@1.0.0', 'bob/x@1.0.0']);
    const registry = await createRegistry({ sources: [{ name: 'main', upstream }] });
    const { directory } = registry.config;
    // What a registry has from the start, and what it has after its first sync.
    for (const prepare of [async () => {}, () => registry.sync()]) {
      await prepare();
      const refs = await readRefs(registry.indexDirectory);
      const commands = [
        ...[['sync'], ['mirror', '*'], ['status'], ['explain', 'bob/x'], ['conflicts'], ['verify']],
        ...[
          ['conflicts', 'keep', 'bob/x'],
          ['serve', '--port', '0'],
        ],
      ];
      for (const command of commands) {
        const { code, output } = await runOld(entry, ['-d', directory, ...command]);
        expect([command.join(' '), code], output).toEqual([
          command.join(' '),
          command[0] === 'verify' ? 3 : 1,
        ]);
        expect(await readRefs(registry.indexDirectory), command.join(' ')).toBe(refs);
      }
    }
  }, 180_000);

  test('serves nothing that is blocked: that of format 2 refuses data of this one', async ({ skip }) => {
    const entry = await findProgram(skip, 2);
    const upstream = await startUpstream(['alice/json@1.0.0', 'alice/json@1.1.0']);
    const registry = await createRegistry({ sources: [{ name: 'main', upstream }] });
    await registry.sync();
    const reason = { action: 'block', reason: 'CVE-2026-1' } as const;
    await registry.ruleOnBlock({ ...reason, module: moduleName('alice/json'), version: version('1.0.0') });
    const refs = await readRefs(registry.indexDirectory);
    for (const command of [['sync'], ['path', 'alice/json@1.0.0'], ['serve', '--port', '0']]) {
      const { code, output } = await runOld(entry, ['-d', registry.config.directory, ...command]);
      expect([command.join(' '), code], output).toEqual([command.join(' '), 1]);
      expect(output).toContain('knows format 2');
      expect(await readRefs(registry.indexDirectory)).toBe(refs);
    }
  }, 120_000);

  test('goes on with data that were brought back', async ({ skip }) => {
    const entry = await findProgram(skip);
    const { directory, gitDir, served } = await openOld();
    const registry = await createRegistry({ directory, sources });
    await registry.downgrade(1);
    await registry.close();
    const verified = await runOld(entry, ['-d', directory, 'verify']);
    expect(verified.output).toContain('Sound.');
    expect(verified.code).toBe(0);
    // Its sources cannot be reached, which changes nothing.
    expect((await runOld(entry, ['-d', directory, 'sync'])).code).toBe(3);
    expect(await readMain(gitDir)).toBe(served);
  }, 120_000);
});
