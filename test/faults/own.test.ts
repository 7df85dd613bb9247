import { silentLog } from '../../src/support/log.ts';
/** Our own files go bad: nothing wrong is served, what is sound goes on, and somebody is told what to run. */

import { spawnSync } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, readlink, rm, truncate, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { StorageError } from '../../src/errors.ts';
import { openGitIndex } from '../../src/index/git-index.ts';
import { openRegistry } from '../../src/registry/open.ts';
import type { VerifyOptions } from '../../src/registry/upkeep/verify-options.ts';
import type { VerifyReport } from '../../src/registry/upkeep/verify-report.ts';
import { verifyRegistry } from '../../src/registry/verify.ts';
import { startServer } from '../../src/server/listen.ts';
import { temporaryName } from '../../src/support/disk/temporary-file.ts';
import type { Log } from '../../src/support/log.ts';
import { tester } from '../support/actor.ts';
import { git } from '../support/git-client.ts';
import { createRegistry, download, moduleName, readServed } from '../support/registry-world.ts';
import { runCli } from '../support/run-cli.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { sha256, startUpstream } from '../support/worlds.ts';

const ids = ['alice/json@1.0.0', 'alice/json@1.1.0', 'bob/http@0.1.0'];

async function createScene(options: { upstreamFallback?: boolean } = {}) {
  const upstream = await startUpstream(ids);
  const lines: string[] = [];
  const record = (message: string, fields: object = {}) =>
    void lines.push(`${message} ${JSON.stringify(fields)}`);
  const log: Log = { debug: () => {}, info: record, warn: record, error: record };
  const settings = {
    upstreamFallback: options.upstreamFallback ?? true,
    sources: [{ name: 'public', upstream }],
    directory: join(temporaryDirectory(), 'registry'),
  };
  const registry = await createRegistry({ ...settings, log });
  await registry.mirror({ patterns: ['*/*'] });
  const listing = await readServed(registry);
  upstream.resetCounts();
  const { directory } = settings;
  const fileOf = (id: string) => {
    const checksum = listing[id] ?? '';
    return join(directory, 'data', 'packages', checksum.slice(0, 2), `${checksum}.zip`);
  };
  return {
    ...{ upstream, registry, directory, settings, listing, lines, fileOf },
    index: join(directory, 'data', 'index'),
    /** As after a restart: another registry on the same folder. */
    reopen: () => createRegistry({ ...settings, log }),
    verify: (verifyOptions: VerifyOptions = {}) =>
      verifyRegistry({ directory, env: {}, actor: tester }, verifyOptions),
    quarantined: () => readdir(join(directory, 'data', 'quarantine')).catch(() => []),
  };
}

async function flipBit(file: string): Promise<void> {
  const bytes = await readFile(file);
  const at = Math.floor(bytes.length / 2);
  bytes[at] = (bytes[at] ?? 0) ^ 4;
  await writeFile(file, bytes);
}

function problemsOf(report: VerifyReport): string[] {
  return report.steps.flatMap(({ step, findings }) =>
    findings
      .filter(({ severity }) => severity === 'problem')
      .map(
        ({ subject, detail, isRepaired }) =>
          `${step}${isRepaired ? ' (repaired)' : ''}: ${subject} ${detail}`,
      ),
  );
}

describe('an archive', () => {
  const id = 'alice/json@1.0.0';

  test.each([
    ['with a flipped bit', 1, flipBit],
    ['that was truncated', 1, (file: string) => truncate(file, 10)],
    ['of no bytes', 1, (file: string) => truncate(file, 0)],
    ['that was deleted', 0, (file: string) => rm(file)],
  ])('%s is fetched again when first read after a restart', async (_, damaged, damage) => {
    const { fileOf, listing, reopen, upstream, quarantined, lines } = await createScene();
    await damage(fileOf(id));
    const registry = await reopen();
    const answers = await Promise.all(Array.from({ length: 10 }, () => download(registry, id)));
    expect(new Set(answers)).toEqual(new Set([listing[id]]));
    expect(upstream.requests.filter(({ url }) => url.endsWith('.zip'))).toHaveLength(1);
    await registry.close();
    expect(sha256(await readFile(fileOf(id)))).toBe(listing[id]);
    expect(await quarantined()).toHaveLength(damaged);
    expect(lines.filter((line) => line.includes('was damaged'))).toHaveLength(damaged);
  });

  test('that was damaged is never served, also while no source can supply it', async () => {
    const { fileOf, reopen, upstream, listing } = await createScene();
    await flipBit(fileOf(id));
    upstream.faults.down = true;
    const registry = await reopen();
    expect(await download(registry, id)).toMatch(/^unavailable/);
    expect(await download(registry, 'bob/http@0.1.0')).toBe(listing['bob/http@0.1.0']);
    expect(Object.keys(await readServed(registry)).sort()).toEqual([...ids].sort());
    upstream.clearFaults();
    expect(await download(registry, id)).toBe(listing[id]);
  });

  test('that was damaged is replaced by nothing but its pinned bytes', async () => {
    const { fileOf, reopen, upstream } = await createScene();
    await flipBit(fileOf(id));
    upstream.faults.wrongBytes = true;
    const registry = await reopen();
    expect(await download(registry, id)).toBe('unavailable: wrong-bytes');
    await expect(readFile(fileOf(id))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('that was damaged comes back without upstream fallback, too: no client asked for something new', async () => {
    const { fileOf, reopen, listing } = await createScene({ upstreamFallback: false });
    await flipBit(fileOf(id));
    expect(await download(await reopen(), id)).toBe(listing[id]);
  });

  test('that is damaged or deleted under a running server costs no client an error', async () => {
    const { registry, fileOf, listing, upstream } = await createScene();
    await upstream.publish('carol/large@1.0.0', { sizeBytes: 2_000_000 });
    await registry.mirror({ patterns: ['carol/*'] });
    const server = await startServer(registry, { host: '127.0.0.1', port: 0, log: silentLog });
    const fetched = async (path: string) => {
      const answer = await fetch(`http://127.0.0.1:${server.port}/user/${path}.zip`);
      return sha256(Buffer.from(await answer.arrayBuffer()));
    };
    const large = (await readServed(registry))['carol/large@1.0.0'] ?? '';
    const file = join(fileOf(id), '..', '..', large.slice(0, 2), `${large}.zip`);
    for (const damage of [async () => {}, () => truncate(file, 1_000_000), () => rm(file)]) {
      await damage();
      await truncate(fileOf(id), 10);
      expect(await fetched('alice/json/1.0.0')).toBe(listing[id]);
      expect(await fetched('carol/large/1.0.0')).toBe(large);
    }
    await server.close(0);
  });

  test('that nobody asks for is found by the scrub, which goes on where it was interrupted', async () => {
    const { registry, fileOf, listing, lines, upstream } = await createScene();
    for (const wanted of ids) await flipBit(fileOf(wanted));
    const controller = new AbortController();
    upstream.faults.down = true;
    await expect(registry.scrub(AbortSignal.abort(new Error('the server is stopping')))).rejects.toThrow(
      'stopping',
    );
    upstream.clearFaults();
    expect(await registry.scrub(controller.signal)).toMatchObject({ archives: 3, damaged: 3, repaired: 3 });
    for (const wanted of ids) expect(sha256(await readFile(fileOf(wanted)))).toBe(listing[wanted]);
    expect(lines.filter((line) => line.includes('was damaged'))).toHaveLength(3);
    expect(lines.filter((line) => line.includes('read again'))).toHaveLength(1);
    expect(await registry.scrub()).toMatchObject({ archives: 3, damaged: 0 });
  });
});

describe('verify', () => {
  test('finds nothing in a registry that is sound, and changes nothing', async () => {
    const { verify, directory } = await createScene();
    const before = (await readdir(directory, { recursive: true })).sort();
    for (const deep of [false, true]) {
      const report = await verify({ deep });
      expect(report).toMatchObject({ isSound: true, deep, repair: false });
      expect(report.steps.map(({ step, checked }) => [step, checked > 0])).toEqual([
        ['repository', true],
        ['state', true],
        ['ledger', true],
        ['index', true],
        ['archives', true],
        ['temporary-files', false],
      ]);
    }
    expect((await readdir(directory, { recursive: true })).sort()).toEqual(before);
  });

  test('finds every damaged archive, repairs it by its pin, and moves what was damaged away', async () => {
    const { verify, fileOf, listing, quarantined } = await createScene({ upstreamFallback: false });
    await flipBit(fileOf(ids[0] ?? ''));
    await truncate(fileOf(ids[1] ?? ''), 0);
    await rm(fileOf(ids[2] ?? ''));
    expect(problemsOf(await verify())).toHaveLength(2);
    const deep = await verify({ deep: true });
    expect(deep.isSound).toBe(false);
    expect(problemsOf(deep)).toEqual([
      expect.stringContaining('SHA-256'),
      expect.stringContaining('SHA-256'),
      expect.stringContaining('bob/http@0.1.0 is listed, but its archive is missing'),
    ]);
    expect(await quarantined()).toEqual([]);
    const repaired = await verify({ deep: true, repair: true });
    expect(repaired.isSound).toBe(true);
    expect(problemsOf(repaired)).toHaveLength(3);
    expect(await quarantined()).toHaveLength(2);
    for (const id of ids) expect(sha256(await readFile(fileOf(id)))).toBe(listing[id]);
    expect(problemsOf(await verify({ deep: true }))).toEqual([]);
  });

  test('says what it could not fetch, and that what was quarantined before is still missing', async () => {
    const { verify, fileOf, upstream, listing } = await createScene();
    await flipBit(fileOf('bob/http@0.1.0'));
    upstream.faults.down = true;
    const failed = await verify({ deep: true, repair: true });
    expect(failed.isSound).toBe(false);
    expect(problemsOf(failed)).toEqual([expect.stringContaining('could not be fetched again')]);
    expect(problemsOf(await verify())).toEqual([
      expect.stringContaining('bob/http@0.1.0 was moved to quarantine'),
    ]);
    upstream.clearFaults();
    expect((await verify({ repair: true })).isSound).toBe(true);
    expect(sha256(await readFile(fileOf('bob/http@0.1.0')))).toBe(listing['bob/http@0.1.0']);
  });

  test('with fallback, an archive that nobody has asked for yet is no problem', async () => {
    const { upstream, registry, verify } = await createScene();
    await upstream.publish('dora/unread@1.0.0');
    await registry.sync();
    expect(await verify({ deep: true })).toMatchObject({ isSound: true });
  });

  test('notes an archive that nothing names, and leaves it', async () => {
    const { verify, directory } = await createScene();
    const stray = Buffer.from('PK\u0005\u0006 stray');
    const file = join(directory, 'data', 'packages', sha256(stray).slice(0, 2), `${sha256(stray)}.zip`);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, stray);
    const report = await verify({ deep: true, repair: true });
    expect(report.isSound).toBe(true);
    const notes = report.steps.flatMap(({ findings }) => findings);
    expect(notes).toMatchObject([
      { severity: 'note', subject: file, detail: expect.stringContaining('nothing names') },
    ]);
    expect(await readFile(file)).toEqual(stray);
  });

  test('finds a ledger that disagrees with what is served, and never mends it', async () => {
    const { verify, index, listing } = await createScene();
    const wrong = sha256(Buffer.from('other bytes'));
    const repository = await openGitIndex(index);
    const base = await repository.state();
    const file = (content: string) => ({ path: 'ledger/public/user/alice/json.index', content });
    await repository.commit({
      ...{ base, state: base, findings: [], pending: new Map(), message: 'Tamper\n', date: new Date() },
      stateEdits: [
        file(`1.0.0 ${wrong} 2026-01-01T00:00:00.000Z public\n`),
        { path: 'ledger/elsewhere/user/bob/http.index', content: 'no pin\n' },
      ],
    });
    const tampered = (await repository.state()).commit;
    repository.close();
    const report = await verify({ repair: true });
    expect(report.isSound).toBe(false);
    expect(problemsOf(report)).toEqual([
      expect.stringContaining('ledger/elsewhere/user/bob/http.index cannot be read: line 1 '),
      expect.stringContaining('bob/http is recorded under two origins: elsewhere and public'),
      `ledger: alice/json@1.0.0 is served with the checksum ${listing['alice/json@1.0.0']}, but pinned to ${wrong}`,
      'ledger: alice/json@1.1.0 is served, but not pinned in the ledger',
    ]);
    expect((await git(['--git-dir', index, 'rev-parse', 'refs/registry/state'])).trim()).toBe(tampered);
  });

  test('reports main behind the state and what killed processes left, and clears both away', async () => {
    const { verify, index, directory, upstream, registry } = await createScene();
    const old = await registry.servedCommit();
    await upstream.publish('dora/new@1.0.0');
    await registry.sync();
    const served = await registry.servedCommit();
    await git(['--git-dir', index, 'update-ref', 'refs/heads/main', old]);
    await writeFile(join(index, 'refs', 'heads', 'main.lock'), '');
    const ended = spawnSync(process.execPath, ['-e', '']).pid;
    const name = temporaryName('').replace(`.${process.pid}-`, `.${ended}-`);
    const leftover = join(directory, 'data', 'symbols', name);
    await writeFile(leftover, '');
    const report = await verify({ repair: true });
    expect(problemsOf(report)).toEqual([expect.stringContaining('state (repaired): refs/heads/main')]);
    expect(report).toMatchObject({ isSound: true });
    expect(report.steps.at(-1)?.findings).toMatchObject([{ subject: leftover, isRepaired: true }]);
    expect(await registry.servedCommit()).toBe(served);
    expect(await readdir(dirname(leftover))).not.toContain(name);
  });
});

describe('a git repository', () => {
  const inside = (index: string, ...args: string[]) => git(['--git-dir', index, ...args]);

  const packs = async (index: string) => {
    await inside(index, 'repack', '-a', '-d', '-q');
    const names = await readdir(join(index, 'objects', 'pack'));
    return names.filter((name) => name.endsWith('.pack')).map((name) => join(index, 'objects', 'pack', name));
  };
  /** Into one file for each object. */
  const unpack = async (index: string, pack: string) => {
    const input = await readFile(pack);
    await rm(pack);
    await rm(pack.replace(/pack$/, 'idx'));
    await git(['--git-dir', index, 'unpack-objects', '-q'], { input });
  };
  const damageObject = async (index: string, name: string, content = 'no object') => {
    for (const pack of await packs(index)) await unpack(index, pack);
    const id = (await inside(index, 'rev-parse', name)).trim();
    const file = join(index, 'objects', id.slice(0, 2), id.slice(2));
    await chmod(file, 0o644);
    await writeFile(file, content);
  };
  const replaceState = async (index: string, text: string) => {
    const blob = (await git(['--git-dir', index, 'hash-object', '-w', '--stdin'], { input: text })).trim();
    const listing = await inside(index, 'ls-tree', 'refs/registry/state');
    const changed = listing.replace(/[0-9a-f]{40}\tstate.json/, `${blob}\tstate.json`);
    const tree = (await git(['--git-dir', index, 'mktree'], { input: changed })).trim();
    const commit = (await inside(index, 'commit-tree', '-m', 'x', tree)).trim();
    await inside(index, 'update-ref', 'refs/registry/state', commit);
  };

  const damages: Record<string, (index: string) => Promise<unknown>> = {
    'whose state is a corrupt object': (index) => damageObject(index, 'refs/registry/state^{tree}'),
    'whose served tree is a corrupt object': (index) => damageObject(index, 'main^{tree}'),
    'with a corrupt index file': (index) => damageObject(index, 'main:user/alice/json.index'),
    'with a corrupt ledger': (index) =>
      damageObject(index, 'refs/registry/state:ledger/public/user/alice/json.index'),
    'with an index file lost in a power cut': (index) =>
      damageObject(index, 'main:user/alice/json.index', ''),
    'with a truncated pack': async (index) => {
      for (const pack of await packs(index)) await truncate(pack, 100);
    },
    'without its pack': async (index) => {
      for (const pack of await packs(index)) await rm(pack);
    },
    'whose state ref points nowhere': (index) =>
      writeFile(join(index, 'refs', 'registry', 'state'), `${'d'.repeat(40)}\n`),
    'whose state ref is empty': (index) => writeFile(join(index, 'refs', 'registry', 'state'), ''),
    'whose state.json is no JSON': (index) => replaceState(index, '{"served": '),
    'whose state.json says something else': (index) => replaceState(index, '7\n'),
    'of another format': (index) => replaceState(index, '{}'),
    'without HEAD': (index) => rm(join(index, 'HEAD')),
  };

  test.each(Object.entries(damages))(
    '%s is an error that says where and what to run',
    async (name, damage) => {
      const { registry, index, directory, upstream } = await createScene();
      await upstream.publish('alice/json@1.2.0');
      await registry.close();
      await damage(index);
      const failures: unknown[] = [];
      const attempt = async (work: () => Promise<unknown>) => work().catch((error) => failures.push(error));
      await attempt(async () => {
        const opened = await openRegistry({ directory, env: {}, actor: tester });
        await attempt(() => readServed(opened));
        await attempt(() => opened.sync());
        await attempt(() => opened.status());
        await attempt(() => opened.explain(moduleName('alice/json')));
        await attempt(() => opened.mirror({ patterns: ['*/*'] }));
        await opened.close();
      });
      expect(failures.length).toBeGreaterThan(0);
      for (const failure of failures) {
        expect(failure).toBeInstanceOf(StorageError);
        expect((failure as StorageError).message).toContain(directory);
        expect((failure as StorageError).hint).toEqual(expect.any(String));
      }
      const report = await verifyRegistry({ directory, env: {}, actor: tester }, { repair: true });
      expect(report.isSound).toBe(name === 'without HEAD');
      expect(problemsOf(report).length).toBeGreaterThan(0);
    },
  );
});

test('a git repository that was tidied by hand loses what git sees no use for, and syncs on', async () => {
  const { registry, index, upstream, verify } = await createScene();
  for (const [version, tidy] of [
    ['1.2.0', ['gc', '--quiet', '--prune=now']],
    ['1.3.0', ['repack', '-a', '-d', '-q']],
    ['1.4.0', ['pack-refs', '--all']],
  ] as const) {
    await git(['--git-dir', index, ...tidy]);
    await upstream.publish(`alice/json@${version}`);
    expect((await registry.sync()).sources).toMatchObject([{ outcome: 'fresh' }]);
    expect(Object.keys(await readServed(registry))).toContain(`alice/json@${version}`);
  }
  expect(await verify()).toMatchObject({ isSound: true });
});

describe('two writers', () => {
  test('that sync, mirror and edit at once both end well', async () => {
    const { upstream, directory } = await createScene();
    await upstream.publishMany([
      { module: 'alice/json', version: '1.2.0' },
      { module: 'dora/new', version: '1.0.0' },
    ]);
    const outcomes = await Promise.all(
      [
        ['sync'],
        ['mirror', '*/*'],
        ['mirror', 'alice/*'],
        ['source', 'disable', 'public'],
        ['sync'],
        ['source', 'enable', 'public'],
        ['verify', '--deep'],
      ].map((words) => runCli([...words, '-d', directory])),
    );
    for (const { code, stderr } of outcomes) expect([0, 1, 3], stderr).toContain(code);
    for (const { stderr } of outcomes) expect(stderr).not.toMatch(/unexpected|at .*\.js:/);
    await runCli(['source', 'enable', 'public', '-d', directory]);
    expect(await runCli(['mirror', '*/*', '-d', directory])).toMatchObject({ code: 0 });
    expect(await runCli(['verify', '--deep', '-d', directory])).toMatchObject({ code: 0 });
  });

  test('one of which was killed: its locks are taken over at once', async () => {
    const { directory, index } = await createScene();
    const { pid } = spawnSync(process.execPath, ['-e', '']);
    const host = hostname();
    const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '')).trim();
    const namespace = await readlink('/proc/self/ns/pid').catch(() => '');
    const holder = JSON.stringify({ host, place: [host, boot, namespace].join('/'), pid, token: 'x' });
    for (const name of ['registry', 'source-public'])
      await writeFile(join(directory, 'data', 'locks', name), `${holder}\n`);
    await writeFile(join(index, 'refs', 'registry', 'state.lock'), '');
    await writeFile(join(index, 'packed-refs.lock'), '');
    expect(await runCli(['sync', '-d', directory])).toMatchObject({ code: 0 });
    expect(await readdir(join(directory, 'data', 'locks'))).toEqual([]);
    expect((await readdir(index, { recursive: true })).filter((name) => name.endsWith('.lock'))).toEqual([]);
  });
});

describe('the verify command', () => {
  test('prints its steps, and its exit status tells what it found', async () => {
    const { directory, fileOf } = await createScene();
    const sound = await runCli(['verify', '-d', directory]);
    expect(sound).toMatchObject({ code: 0 });
    expect(sound.stdout).toContain('archives: 3 archives checked\n');
    expect(sound.stdout).toContain('\nSound.\n');
    expect(sound.stderr).toContain('Checking the archives…\n');
    await flipBit(fileOf('bob/http@0.1.0'));
    const found = await runCli(['verify', '--deep', '--json', '-d', directory]);
    expect(found).toMatchObject({ code: 3 });
    expect(JSON.parse(found.stdout)).toMatchObject({ isSound: false, deep: true });
    expect(await runCli(['verify', '--deep', '--repair', '-q', '-d', directory])).toMatchObject({
      code: 0,
      stderr: '',
    });
    const audit = await readFile(join(directory, 'data', 'audit.jsonl'), 'utf8');
    for (const event of ['archive-quarantined', 'archive-fetched'])
      expect(audit).toMatch(new RegExp(`"event":"${event}","actor":"\\S+: verify"`));
    expect(await runCli(['verify', '-d', join(directory, 'data')])).toMatchObject({ code: 1 });
  });
});
