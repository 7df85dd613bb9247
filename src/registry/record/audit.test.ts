import { mkdir, readFile, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  createRegistry,
  download,
  moduleName,
  version,
  writeSettings,
} from '../../../test/support/registry-world.ts';
import { temporaryDirectory } from '../../../test/support/temporary-directory.ts';
import { startUpstream } from '../../../test/support/worlds.ts';
import type { Checksum } from '../../model/checksum.ts';
import { createLog } from '../../support/log.ts';
import type { Registry } from '../registry.ts';
import { openAudit } from './audit.ts';

type Line = Readonly<Record<string, unknown>>;

async function readAudit(registry: Registry): Promise<Line[]> {
  const text = await readFile(join(registry.config.registry.dataDir, 'audit.jsonl'), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
}

test('origins, pins, conflicts, decisions, archives and settings are told, each once', async () => {
  const mooncakes = await startUpstream(['alice/json@1.0.0', 'maria/parser@0.1.0']);
  const internal = await startUpstream(['company/x@1.0.0']);
  const sources = [
    { name: 'mooncakes', upstream: mooncakes, priority: 100 },
    { name: 'internal', upstream: internal, priority: 25 },
  ];
  const registry = await createRegistry({ sources });
  await registry.sync();
  await registry.sync();
  const first = await readAudit(registry);
  const hash = expect.stringMatching(/^[0-9a-f]{64}$/);
  expect(first).toMatchObject([
    { event: 'origin-decided', module: 'alice/json', origin: 'mooncakes', pinned: { '1.0.0': hash } },
    { event: 'origin-decided', module: 'maria/parser', origin: 'mooncakes', pinned: { '0.1.0': hash } },
    { event: 'origin-decided', module: 'company/x', origin: 'internal', pinned: { '1.0.0': hash } },
  ]);
  expect(first.every(({ time, actor }) => String(time).endsWith('Z') && actor === 'tester: test')).toBe(true);

  const checksum = await download(registry, 'alice/json@1.0.0');
  await download(registry, 'alice/json@1.0.0');
  await internal.publish('alice/json@1.0.0');
  await internal.publish('alice/json@1.1.0');
  await mooncakes.publish('maria/parser@0.2.0');
  const { checksum: offered } = await mooncakes.publish('maria/parser@0.1.0', { sizeBytes: 9000 });
  await registry.sync();
  const parser = moduleName('maria/parser');
  await registry.ruleOnConflict({ action: 'keep', module: parser, version: undefined });
  await registry.ruleOnConflict({
    action: 'accept-version',
    module: parser,
    version: version('0.1.0'),
    checksum: offered as Checksum,
  });
  await registry.ruleOnConflict({
    action: 'accept-origin',
    module: moduleName('alice/json'),
    origin: 'internal',
    checksums: new Map(),
    requirements: new Map(),
  });
  await writeSettings(registry.config.directory, {
    sources,
    upstreamFallback: false,
  });
  await registry.reload();
  const later = (await readAudit(registry)).slice(first.length);
  expect(later).toMatchObject([
    {
      event: 'archive-fetched',
      module: 'alice/json',
      version: '1.0.0',
      source: 'mooncakes',
      url: expect.stringContaining(mooncakes.url),
      checksum,
      bytes: expect.any(Number),
    },
    { event: 'versions-pinned', module: 'maria/parser', pinned: { '0.2.0': hash } },
    { event: 'conflict-found', kind: 'origin-conflict', module: 'alice/json', source: 'internal' },
    { event: 'conflict-found', kind: 'checksum-conflict', module: 'maria/parser', version: '0.1.0', offered },
    { event: 'conflict-kept', module: 'maria/parser', version: '0.1.0', offered },
    { event: 'conflict-accepted', module: 'maria/parser', version: '0.1.0', to: offered },
    { event: 'versions-pinned', module: 'maria/parser', pinned: { '0.1.0': offered } },
    { event: 'conflict-resolved', module: 'maria/parser', version: '0.1.0' },
    { event: 'conflict-accepted', module: 'alice/json', from: 'mooncakes', to: 'internal' },
    {
      event: 'origin-moved',
      module: 'alice/json',
      from: 'mooncakes',
      origin: 'internal',
      pinned: { '1.1.0': hash },
    },
    { event: 'conflict-resolved', kind: 'origin-conflict', module: 'alice/json', source: 'internal' },
    { event: 'config-reloaded', changes: ['server.upstream_fallback = false (was true)'] },
  ]);
});

test('accepted requirements and accepted look-alikes are told, with what they were', async () => {
  const main = await startUpstream();
  await main.publish('alice/json@1.0.0', { deps: { 'bob/x': '1.0.0' } });
  const lesser = await startUpstream(['Bob/x@1.0.0']);
  const registry = await createRegistry({
    sources: [
      { name: 'main', upstream: main, priority: 10 },
      { name: 'lesser', upstream: lesser, priority: 20 },
    ],
  });
  await registry.sync();
  const file = main.index.read('user/alice/json.index')?.toString() ?? '';
  await main.writeIndexFile('user/alice/json.index', file.replace('bob/x', 'eve/x'));
  await main.publish('bob/x@1.0.0');
  const { findings } = await registry.sync();
  const conflict = findings.find((finding) => finding.kind === 'requirements-conflict');
  const { pinned: from, offered: to = '' } = conflict?.requirements ?? {};
  const first = (await readAudit(registry)).length;
  await registry.ruleOnConflict({
    action: 'accept-requirements',
    module: moduleName('alice/json'),
    version: version('1.0.0'),
    requirements: to,
  });
  await registry.ruleOnConflict({ action: 'accept-name', module: moduleName('Bob/x') });
  const later = (await readAudit(registry)).slice(first);
  expect(later.map(({ event }) => event)).toEqual([
    'requirements-accepted',
    'versions-pinned',
    'conflict-resolved',
    'name-accepted',
    'conflict-resolved',
  ]);
  expect(later[0]).toMatchObject({ module: 'alice/json', version: '1.0.0', source: 'main', from, to });
  expect(later[3]).toMatchObject({ module: 'Bob/x' });
});

test('a file that cannot be written loses no work, and is told once', async () => {
  const upstream = await startUpstream(['alice/json@1.0.0']);
  const directory = join(temporaryDirectory(), 'registry');
  const lines: string[] = [];
  const log = createLog({
    write: (line) => lines.push(line),
    level: 'error',
    format: 'text',
    now: () => new Date(),
  });
  const registry = await createRegistry({ directory, sources: [{ name: 'main', upstream }], log });
  await mkdir(join(directory, 'data', 'audit.jsonl'));
  expect((await registry.sync()).modules).toBe(1);
  expect(await download(registry, 'alice/json@1.0.0')).toMatch(/^[0-9a-f]{64}$/);
  expect(lines).toEqual([expect.stringMatching(/audit\.jsonl.*EISDIR/)]);
});

test('that a file can be written again is told, with how much is not in it and since when', async () => {
  const dataDir = temporaryDirectory();
  const file = join(dataDir, 'audit.jsonl');
  await mkdir(join(dataDir, 'locks'));
  await mkdir(file);
  const lines: string[] = [];
  const log = createLog({
    write: (line) => lines.push(line),
    level: 'info',
    format: 'text',
    now: () => new Date(0),
  });
  let time = 0;
  const actor = { user: 'alice', command: 'serve' };
  const audit = openAudit({ dataDir, actor, log, now: () => new Date(time) });
  const record = () => audit.record([{ event: 'config-reloaded', changes: [] }]);
  await record();
  time = 1000;
  await record();
  await rmdir(file);
  await record();
  await record();
  expect(lines).toEqual([
    expect.stringMatching(/error "?.*audit\.jsonl cannot be written/),
    expect.stringMatching(
      /warn .*audit\.jsonl can be written again.* lost=2 since=1970-01-01T00:00:00\.000Z/,
    ),
  ]);
  expect((await readFile(file, 'utf8')).trim().split('\n')).toHaveLength(2);
});

test('a server is told from people', async () => {
  const dataDir = temporaryDirectory();
  await mkdir(join(dataDir, 'locks'));
  const log = createLog({ write: () => {}, level: 'error', format: 'text', now: () => new Date() });
  const open = (command: string) =>
    openAudit({ dataDir, actor: { user: 'alice', command }, log, now: () => new Date(0) });
  await open('serve').record([{ event: 'config-reloaded', changes: [] }]);
  await open('source add').record([{ event: 'config-changed', changes: ['x'] }]);
  expect(await readFile(join(dataDir, 'audit.jsonl'), 'utf8')).toBe(
    '{"time":"1970-01-01T00:00:00.000Z","event":"config-reloaded","actor":"server","changes":[]}\n' +
      '{"time":"1970-01-01T00:00:00.000Z","event":"config-changed","actor":"alice: source add","changes":["x"]}\n',
  );
});
