/** Whatever goes wrong while one source is read, the others' news is served in the same sync. */

import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { StorageError } from '../../src/errors.ts';
import type { GitIndex } from '../../src/index/git-index.ts';
import { openParts } from '../../src/registry/parts.ts';
import { syncRegistry } from '../../src/registry/sync/sync.ts';
import type { SyncReport } from '../../src/registry/sync/sync-report.ts';
import type { ConnectionTuning } from '../../src/sources/connect.ts';
import { readingSteps } from '../../src/sources/read-snapshot.ts';
import { GitError } from '../../src/support/git/git.ts';
import { createLog } from '../../src/support/log.ts';
import { tester } from '../support/actor.ts';
import { createRegistry, readServed } from '../support/registry-world.ts';
import { startUpstream } from '../support/worlds.ts';
import { fastDirectory } from './fast-directory.ts';

const root = fastDirectory();

const thrown: readonly (readonly [string, () => unknown])[] = [
  ['a stack that overflows', () => new RangeError('Maximum call stack size exceeded')],
  ['a type error', () => new TypeError("Cannot read properties of undefined (reading 'id')")],
  ['something that is no error', () => 'oops'],
  [
    'git without memory',
    () => new GitError('git ls-tree', { status: 128, stderr: 'fatal: Out of memory, malloc failed' }),
  ],
];

/** Two sources that were read before, of which `evil` then fails at one step of reading while both have news. */
async function createWorld() {
  const good = await startUpstream(['alice/json@1.0.0']);
  const evil = await startUpstream(['mallory/tool@1.0.0']);
  const directory = join(root, randomUUID());
  const lines: Record<string, unknown>[] = [];
  const log = createLog({
    level: 'error',
    format: 'json',
    now: () => new Date(0),
    write: (line) => lines.push(JSON.parse(line)),
  });
  let failing: { readonly step: string; readonly error: () => unknown } | undefined;
  const fail = (step: string) => {
    if (failing?.step === step) throw failing.error();
  };
  const connections: ConnectionTuning = {
    http: { retry: { sleep: async () => {} } },
    steps: (source) => {
      if (source !== 'evil') return undefined;
      return Object.fromEntries(
        Object.entries(readingSteps).map(([step, work]) => [
          step,
          (...args: never[]) => {
            fail(step);
            return (work as (...given: never[]) => unknown)(...args);
          },
        ]),
      );
    },
  };
  const settings = {
    sources: [
      { name: 'evil', upstream: evil, priority: 90 },
      { name: 'good', upstream: good, priority: 10 },
    ],
    directory,
    log,
    connections,
  };
  const registry = await createRegistry(settings);
  await registry.sync();
  await good.publish('alice/json@1.1.0');
  await evil.publish('mallory/tool@1.1.0');
  return {
    registry,
    directory,
    settings,
    lines,
    failAt: (step: string, error: () => unknown) => {
      failing = { step, error };
    },
    heal: () => {
      failing = undefined;
    },
  };
}

function outcomes({ sources }: SyncReport): Record<string, string> {
  return Object.fromEntries(sources.map(({ source, outcome }) => [source, outcome]));
}

const steps = ['readHead', 'fetch', 'check', 'adopt'] as const;

const every = steps.flatMap((step) =>
  thrown
    .filter((_, position) => position === 0 || step === 'check')
    .map(([what, error]) => ({ step, what, error })),
);

describe('when reading one source fails', () => {
  test.each(every)(
    'at the step $step with $what, the other is served all the same, and later both are',
    async ({ step, error }) => {
      const { registry, failAt, heal, lines } = await createWorld();
      failAt(step, error);
      const report = await registry.sync();
      expect(outcomes(report)).toEqual({ good: 'fresh', evil: 'stale' });
      expect(Object.keys(await readServed(registry))).toEqual([
        'alice/json@1.0.0',
        'alice/json@1.1.0',
        'mallory/tool@1.0.0',
      ]);
      if (error() instanceof GitError) expect(lines).toEqual([]);
      else expect(lines).toEqual([expect.objectContaining({ source: 'evil', stack: expect.any(String) })]);
      heal();
      expect(outcomes(await registry.sync())).toEqual({ good: 'unchanged', evil: 'fresh' });
      expect(Object.keys(await readServed(registry))).toContain('mallory/tool@1.1.0');
    },
  );

  test.each(steps)('at the step %s with our own disk, it is nobody else who failed', async (step) => {
    const { registry, failAt } = await createWorld();
    failAt(step, () => new StorageError('cannot write: ENOSPC'));
    await expect(registry.sync()).rejects.toMatchObject({ code: 'storage' });
  });
});

test.each(thrown)(
  'when comparing one source with what it was fails with %s, the other is served',
  async (_, error) => {
    const { directory, settings, lines } = await createWorld();
    const parts = await openParts({
      directory,
      env: {},
      actor: tester,
      log: settings.log,
      connections: settings.connections,
    });
    onTestFinished(async () => {
      await parts.connections.close();
      parts.index.close();
    });
    const before = await parts.index.state();
    const evilTree = before.snapshots.find(({ source }) => source === 'evil')?.tree;
    const index: GitIndex = {
      ...parts.index,
      diff: async (from, to) => {
        if (from === evilTree) throw error();
        return parts.index.diff(from, to);
      },
    };
    const { report } = await syncRegistry({ ...parts.context(), index });
    expect(outcomes(report)).toEqual({ good: 'fresh', evil: 'stale' });
    expect(report.changes.map(({ module }) => module)).toEqual(['alice/json']);
    expect(lines).toHaveLength(error() instanceof GitError ? 0 : 1);
  },
);

test('a source whose connection is missing is a bug that only its reading shows', async () => {
  const { directory, settings, lines } = await createWorld();
  const parts = await openParts({
    directory,
    env: {},
    actor: tester,
    log: settings.log,
    connections: settings.connections,
  });
  onTestFinished(async () => {
    await parts.connections.close();
    parts.index.close();
  });
  const sources = new Map(parts.context().sources);
  sources.delete('evil');
  const { report } = await syncRegistry({ ...parts.context(), sources });
  expect(outcomes(report)).toEqual({ good: 'fresh', evil: 'stale' });
  expect(lines).toEqual([expect.objectContaining({ source: 'evil' })]);
});
