/** What an operator has at hand when something is wrong: doctor, conflicts, the audit file, logs. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { HealthCheck } from '../../src/model/health-check.ts';
import type { DoctorReport } from '../../src/registry/doctor.ts';
import type { SourceCheck } from '../../src/registry/sync/check-source.ts';
import type { Conflict } from '../../src/registry/sync/conflict.ts';
import type { StatusReport } from '../../src/registry/upkeep/status.ts';
import { createCertificateAuthority } from '../support/certificates.ts';
import { startCli } from '../support/run-cli.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { startUpstream } from '../support/worlds.ts';
import { type CliRegistry, cliRegistryIn, createCliRegistry } from './cli-registry.ts';

type Line = Readonly<Record<string, unknown>>;

function parseLines(text: string): Line[] {
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as Line);
}

async function readAudit({ directory }: CliRegistry): Promise<Line[]> {
  return parseLines(await readFile(join(directory, 'data', 'audit.jsonl'), 'utf8'));
}

describe('conflicts', () => {
  async function createConflict() {
    const upstream = await startUpstream(['maria/parser@0.1.0']);
    const registry = await createCliRegistry({ sources: [{ name: 'main', upstream }] });
    await registry.run('sync');
    const pinned = (await registry.served())['maria/parser@0.1.0'] ?? '';
    const { checksum } = await upstream.publish('maria/parser@0.1.0', { sizeBytes: 9000 });
    expect((await registry.run('sync')).code).toBe(3);
    return { registry, pinned, offered: checksum };
  }

  test('are listed with what to run, and end with 3 until they are kept', async () => {
    const { registry, pinned, offered } = await createConflict();
    const listed = await registry.run('conflicts');
    expect(listed.code).toBe(3);
    for (const words of [
      'maria/parser@0.1.0: checksum-conflict',
      `Served:   ${pinned} since `,
      `Offered:  ${offered} by "main", line 1`,
      'Found:    ',
      '$ moonbit-registry conflicts keep maria/parser@0.1.0',
      '$ moonbit-registry conflicts accept maria/parser@0.1.0 --checksum SHA256',
    ])
      expect(listed.stdout).toContain(words);
    expect((await registry.run('status')).code).toBe(3);

    expect((await registry.run('conflicts', 'keep', 'maria/parser@0.1.0')).code).toBe(0);
    const { code, json } = await registry.report<Conflict[]>('conflicts');
    expect([code, json]).toMatchObject([0, [{ kept: { by: expect.any(String) } }]]);
    expect((await registry.run('sync')).code).toBe(0);
    const status = await registry.report<StatusReport>('status');
    expect([status.code, status.json.findings]).toMatchObject([0, [{ kept: {} }]]);
    expect((await registry.run('status')).stdout).toContain('1 conflict, kept as decided:');
    expect((await registry.run('conflicts', 'keep', 'maria/parser')).stdout).toBe('It is kept already.\n');
    expect((await registry.served())['maria/parser@0.1.0']).toBe(pinned);
  });

  test('are accepted only by the checksum that is offered, typed out', async () => {
    const { registry, pinned, offered } = await createConflict();
    const accept = (...words: string[]) =>
      registry.run('conflicts', 'accept', 'maria/parser@0.1.0', ...words);
    const before = await registry.state();
    expect(await accept()).toMatchObject({ code: 2, stderr: expect.stringContaining('--checksum') });
    expect(await accept('--checksum', offered.slice(0, 12))).toMatchObject({ code: 2 });
    const refused = await accept('--checksum', pinned);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining(`offers ${offered}`) });
    expect(await registry.state()).toBe(before);

    const accepted = await accept('--checksum', offered.toUpperCase());
    expect(accepted.stdout).toContain(`accept maria/parser@0.1.0: ${pinned} -> ${offered} (main), by `);
    expect(accepted.stdout).toContain('  http://localhost:8080/user/maria%2Fparser%2F0.1.0.zip\n');
    expect(accepted.stdout).toContain('  http://localhost:8080/user/maria/parser/0.1.0.zip\n');
    expect(await registry.served()).toEqual({ 'maria/parser@0.1.0': offered });
    expect((await registry.run('conflicts')).stdout).toBe('No conflicts.\n');
    expect(await readAudit(registry)).toContainEqual(
      expect.objectContaining({
        event: 'conflict-accepted',
        actor: expect.stringMatching(/^.+: conflicts accept$/),
        from: pinned,
        to: offered,
      }),
    );
  });
});

describe('the audit file', () => {
  test('tells who changed which setting, without credentials, and what a server did by itself', async () => {
    const upstream = await startUpstream(['alice/json@1.0.0'], {
      auth: { type: 'bearer', token: 'very-secret-token' },
    });
    const surroundings = temporaryDirectory();
    const registry = cliRegistryIn(surroundings, 'registry');
    const env = { SECRET: 'very-secret-token' };
    await registry.runWith({ cwd: surroundings }, 'init', 'registry');
    const add = ['source', 'add', 'main', '--url', upstream.url, '--index-url', upstream.indexUrl];
    expect((await registry.run(...add)).code).toBe(0);
    await registry.run('config', 'sources.main.priority', '7');
    const file = join(registry.directory, 'registry.toml');
    const text = await readFile(file, 'utf8');
    await writeFile(file, `${text}\n[sources.auth]\ntype = "bearer"\ntoken = "\${SECRET}"\n`);
    expect((await registry.runWith({ env }, 'mirror', 'alice/*')).code).toBe(0);

    const server = await startCli(['serve', '--port', '0'], { cwd: registry.directory, env });
    await writeFile(file, (await readFile(file, 'utf8')).replace('priority = 7', 'priority = 8'));
    await expect
      .poll(async () => (await readAudit(registry)).at(-1), { timeout: 8000 })
      .toMatchObject({
        event: 'config-reloaded',
        actor: 'server',
        changes: ['sources.main.priority = 8 (was 7)'],
      });
    await server.stop();

    expect(await readAudit(registry)).toMatchObject([
      {
        event: 'config-changed',
        actor: expect.stringMatching(/^.+: source add$/),
        changes: expect.arrayContaining([`sources.main.url = ${JSON.stringify(upstream.url)}`]),
      },
      {
        event: 'config-changed',
        actor: expect.stringMatching(/: config$/),
        changes: ['sources.main.priority = 7 (was 50)'],
      },
      { event: 'origin-decided', actor: expect.stringMatching(/: mirror$/), module: 'alice/json' },
      { event: 'archive-fetched', module: 'alice/json', version: '1.0.0', source: 'main' },
      { event: 'config-reloaded', actor: 'server' },
    ]);
    expect(JSON.stringify(await readAudit(registry))).not.toContain('very-secret');
  });
});

describe('logs', () => {
  test('are objects with --log-format json, and the id of a request is in answer, problem and log', async () => {
    const upstream = await startUpstream(['alice/json@1.0.0']);
    const { directory, run } = await createCliRegistry({ sources: [{ name: 'main', upstream }] });
    await run('sync');
    const words = ['--log-format', 'json', 'serve', '--port', '0', '--access-log'];
    const server = await startCli(words, { cwd: directory });
    const missing = await fetch(`${server.baseUrl}/user/no/body/1.0.0.zip`);
    const problem = (await missing.json()) as { instance: string };
    const id = missing.headers.get('x-request-id');
    const { stderr } = await server.stop();
    const entry = parseLines(stderr).find(({ message }) => message === 'request');
    expect(entry).toMatchObject({ level: 'info', id, status: 404, time: expect.stringMatching(/Z$/) });
    expect(problem.instance).toBe(`urn:uuid:${id}`);
  });

  test('leave out ordinary requests without --access-log, and say what ended a command', async () => {
    const upstream = await startUpstream(['alice/json@1.0.0']);
    const registry = await createCliRegistry({ sources: [{ name: 'main', upstream }] });
    const server = await startCli(['serve', '--port', '0'], { cwd: registry.directory });
    await (await fetch(`${server.baseUrl}/health`)).text();
    expect((await server.stop()).stderr).not.toContain('/health');
    const failed = await registry.run('--log-format=json', 'explain', 'nonsense');
    expect(failed.code).toBe(2);
    expect(parseLines(failed.stderr)).toMatchObject([
      { level: 'error', code: 'usage', message: expect.stringContaining('nonsense') },
    ]);
  });
});

test('source check without a name asks enabled sources only', async () => {
  const upstream = await startUpstream(['alice/json@1.0.0']);
  const off = { name: 'off', upstream: { url: 'http://127.0.0.1:9', indexUrl: 'http://127.0.0.1:9/git' } };
  const registry = await createCliRegistry({
    sources: [
      { name: 'main', upstream },
      { ...off, enabled: false },
    ],
  });
  const { code, json } = await registry.report<SourceCheck[]>('source', 'check');
  expect([code, json.map(({ source }) => source)]).toEqual([0, ['main']]);
});

describe('doctor', () => {
  const byName = (report: DoctorReport, name: string) =>
    report.checks.filter((check) => check.name === name) as [HealthCheck, ...HealthCheck[]];
  const notOk = ({ checks }: DoctorReport) => checks.filter(({ result }) => result !== 'ok');

  async function createSynced() {
    const upstream = await startUpstream(['alice/json@1.0.0']);
    const registry = await createCliRegistry({ sources: [{ name: 'main', upstream }] });
    await registry.run('sync');
    return { upstream, registry };
  }
  async function examine(registry: CliRegistry, env: Readonly<Record<string, string>> = {}) {
    const { code, stdout } = await registry.runWith({ env }, 'doctor', '--json');
    return { code, report: JSON.parse(stdout) as DoctorReport };
  }

  test('finds nothing wrong with a sound registry, and changes nothing', async () => {
    const { registry } = await createSynced();
    const before = await registry.state();
    const { code, report } = await examine(registry);
    // Of the machine that runs this test: its disk may be full, its git old, its limits low.
    const ours = notOk(report).filter(({ name }) => !['disk space', 'git', 'open files'].includes(name));
    expect(ours).toEqual([]);
    expect([0, 3]).toContain(code);
    for (const step of ['DNS', 'TCP', 'reach', 'authenticate', 'index', 'archive'])
      expect(byName(report, `source main: ${step}`)).toMatchObject([{ result: 'ok' }]);
    expect(await registry.state()).toBe(before);
  });

  test('suspects a newer format where the newest versions of many modules are dropped', async () => {
    const { registry, upstream } = await createSynced();
    const publish = (names: readonly string[], deps: Readonly<Record<string, unknown>>) =>
      upstream.publishMany(names.map((name) => ({ module: `bob/${name}`, version: '1.0.0', deps })));
    await publish(['a', 'b'], { 'alice/json': { range: '>=1.0.0' } });
    expect(byName((await examine(registry)).report, 'source main: format')).toEqual([]);
    await publish(['c'], { 'alice/json': { range: '>=1.0.0' } });
    expect(byName((await examine(registry)).report, 'source main: format')).toEqual([
      {
        name: 'source main: format',
        result: 'warning',
        detail: expect.stringMatching(/^the newest versions of 3 of 4 modules .*"range":">=1\.0\.0"/),
        hint: expect.stringContaining('update moonbit-registry'),
      },
    ]);
  });

  test('reports every problem of a registry.toml that does not load, and a secret in it', async () => {
    const { registry } = await createSynced();
    const file = join(registry.directory, 'registry.toml');
    const auth = '[sources.auth]\ntype = "bearer"\ntoken = "very-secret-token"\n';
    await writeFile(file, `${await readFile(file, 'utf8')}${auth}\n[server2]\nport = 1\n`);
    await chmod(file, 0o644);
    const { code, report } = await examine(registry);
    expect(code).toBe(1);
    const failures = notOk(report).filter(({ result }) => result === 'failure');
    expect(failures.map(({ name }) => name.replace(/:\d+:\d+$/, ''))).toEqual([
      'registry.toml',
      'registry.toml',
      'secrets',
    ]);
    expect(failures.at(-1)?.detail).toContain('everybody on this machine can read it (mode 644)');
    expect(JSON.stringify(report)).not.toContain('very-secret');
    expect(byName(report, 'data folder')[0].result).toBe('ok');
    const nothing = await registry.runWith({ cwd: registry.surroundings }, 'doctor');
    expect(nothing).toMatchObject({ code: 1, stdout: expect.stringContaining('moonbit-registry init') });
  });

  test.runIf(existsSync('/proc/self/limits'))('finds that too few files may be open', async () => {
    const { registry } = await createSynced();
    const limited = `ulimit -n 1000 && exec "${process.execPath}" dist/main.js --dir "$1" doctor --json`;
    const ran = await promisify(execFile)('sh', ['-c', limited, 'sh', registry.directory]).catch(
      (error) => error,
    );
    const { stdout } = ran as { readonly stdout: string };
    expect(byName(JSON.parse(stdout), 'open files')).toMatchObject([
      {
        result: 'warning',
        detail: expect.stringContaining('at most 1000'),
        hint: expect.stringContaining('4396'),
      },
    ]);
  });

  test('finds folders that everybody may write, and a source that is down', async () => {
    const { upstream, registry } = await createSynced();
    await chmod(join(registry.directory, 'data', 'packages'), 0o777);
    await upstream.close();
    const { code, report } = await examine(registry);
    expect(code).toBe(1);
    expect(byName(report, 'permissions')[0]).toMatchObject({
      result: 'warning',
      detail: expect.stringContaining('packages'),
      hint: expect.stringContaining('chmod'),
    });
    expect(byName(report, 'source main: TCP')[0]).toMatchObject({
      result: 'failure',
      detail: expect.stringContaining('ECONNREFUSED'),
    });
  });

  test('looks at certificates: whose authority is unknown, and that end soon', async () => {
    const authority = await createCertificateAuthority(join(temporaryDirectory(), 'ca'));
    const upstream = await startUpstream(['alice/json@1.0.0'], { tls: await authority.issue(['127.0.0.1']) });
    const registry = await createCliRegistry({ sources: [{ name: 'main', upstream }] });
    const unknown = await examine(registry);
    expect(unknown.code).toBe(1);
    expect(byName(unknown.report, 'source main: TLS')).toMatchObject([
      { result: 'failure', hint: expect.stringContaining('NODE_EXTRA_CA_CERTS') },
    ]);
    const known = await examine(registry, { NODE_EXTRA_CA_CERTS: authority.caFile });
    expect(byName(known.report, 'source main: TLS')).toMatchObject([
      { result: 'warning', detail: expect.stringMatching(/good for [12] days?/) },
    ]);
  });

  test('looks at moon: a config.json that wins over the variable, and a client that is too old', async () => {
    const { registry } = await createSynced();
    const home = join(registry.surroundings, 'moon-home');
    const bin = join(registry.surroundings, 'bin');
    await Promise.all([mkdir(home), mkdir(bin)]);
    await writeFile(join(home, 'config.json'), '{"registry": "https://mooncakes.io", "index": "x"}');
    await writeFile(join(bin, 'moon'), '#!/bin/sh\necho "moon 0.1.20260601 (abc 2026-06-01)"\n');
    await chmod(join(bin, 'moon'), 0o755);
    const { report } = await examine(registry, { MOON_HOME: home, PATH: `${bin}:${process.env.PATH}` });
    expect(byName(report, 'moon: config.json')).toMatchObject([
      {
        result: 'warning',
        detail: expect.stringContaining('names https://mooncakes.io'),
        hint: expect.stringContaining('"registry": "http://localhost:8080"'),
      },
    ]);
    expect(byName(report, 'moon: version')).toMatchObject([
      { result: 'warning', detail: expect.stringContaining('20260601 fetches archives from mooncakes.io') },
    ]);
  });
});
