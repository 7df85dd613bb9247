import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { tester } from '../../../test/support/actor.ts';
import { createRegistry, readServed } from '../../../test/support/registry-world.ts';
import { temporaryDirectory } from '../../../test/support/temporary-directory.ts';
import { startUpstream } from '../../../test/support/worlds.ts';
import type { LogLevel } from '../../support/log.ts';
import { openParts } from '../parts.ts';
import { syncRegistry } from './sync.ts';

test('beyond the bytes of index files that one sync may read of a source, modules stay as they were', async () => {
  const upstream = await startUpstream(['alice/m1@1.0.0', 'alice/m2@1.0.0']);
  const other = await startUpstream(['bob/y@1.0.0']);
  const sources = [
    { name: 'main', upstream, lines: 'limits = { index_bytes = "3KiB" }' },
    { name: 'other', upstream: other, priority: 100 },
  ];
  const registry = await createRegistry({ sources });
  await registry.sync();
  const before = await readServed(registry);
  expect(Object.keys(before)).toHaveLength(3);
  const padding = { description: 'x'.repeat(2000) };
  for (const module of ['m1', 'm2']) await upstream.publish(`alice/${module}@1.1.0`, { line: padding });
  await other.publish('bob/y@1.1.0');
  const { findings } = await registry.sync();
  expect(findings).toMatchObject([{ kind: 'broken-file', source: 'main' }]);
  expect(findings[0]?.message).toContain('than may be read in one sync');
  const after = await readServed(registry);
  expect(after).toMatchObject(before);
  expect(Object.keys(after).filter((id) => id.endsWith('@1.1.0'))).toHaveLength(2);
  expect(after).toHaveProperty('bob/y@1.1.0');
});

test('what nobody foresaw while one module is planned is a finding on it, and it is planned again', async () => {
  const upstream = await startUpstream(['alice/x@1.0.0', 'alice/x@1.1.0']);
  const other = await startUpstream(['bob/y@1.0.0']);
  const directory = join(temporaryDirectory(), 'registry');
  const registry = await createRegistry({
    directory,
    sources: [
      { name: 'main', upstream },
      { name: 'other', upstream: other, priority: 100 },
    ],
  });
  await registry.sync();
  const logged: unknown[] = [];
  const at = (level: LogLevel) => (_: string, fields?: object) => void logged.push({ level, ...fields });
  const log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  const parts = await openParts({ directory, env: {}, actor: tester, log });
  onTestFinished(async () => {
    await parts.connections.close();
    parts.index.close();
  });
  const file = upstream.index.read('user/alice/x.index')?.toString() ?? '';
  await upstream.writeIndexFile('user/alice/x.index', `${file.split('\n')[0]}\n`);
  await other.publish('bob/y@1.1.0');
  const broken = {
    ...parts.context(),
    archives: {
      ...parts.archives,
      has: () => Promise.reject(new TypeError('nobody foresaw this')),
    },
  };
  const { report } = await syncRegistry(broken);
  expect(report.findings).toMatchObject([{ kind: 'unplanned', module: 'alice/x', source: 'main' }]);
  expect(Object.keys(await readServed(registry)).sort()).toEqual([
    'alice/x@1.0.0',
    'alice/x@1.1.0',
    'bob/y@1.0.0',
    'bob/y@1.1.0',
  ]);
  expect(logged).toContainEqual(
    expect.objectContaining({ level: 'error', module: 'alice/x', stack: expect.stringContaining('foresaw') }),
  );
  const again = await syncRegistry(parts.context());
  expect(again.report.findings).toEqual([]);
  expect(Object.keys(await readServed(registry))).not.toContain('alice/x@1.1.0');
});
