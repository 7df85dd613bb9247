import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tester } from '../../test/support/actor.ts';
import { openRawRepository, type RawEntry } from '../../test/support/raw-repository.ts';
import { createRegistry, writeSettings } from '../../test/support/registry-world.ts';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { startUpstream } from '../../test/support/worlds.ts';
import type { ConnectionTuning } from '../sources/connect.ts';
import { parseId } from '../support/git/git-tree.ts';
import { verifyRegistry } from './verify.ts';

/** Takes an index over as it is, as versions before 0.2.0 did. */
const credulous: ConnectionTuning = {
  steps: () => ({
    check: async ({ path, variables }, commit) => {
      const git = (...args: string[]) =>
        execFileSync('git', ['--git-dir', path, ...args], { env: { ...process.env, ...variables } })
          .toString()
          .trim();
      const ids = git('rev-list', '--objects', '--no-object-names', commit).split('\n');
      const tree = git('rev-parse', `${commit}^{tree}`);
      return { kind: 'good', commit, tree, objects: ids.map(parseId) };
    },
  }),
};

async function createWorld(shape: (entry: RawEntry) => readonly RawEntry[]) {
  const good = await startUpstream(['alice/json@1.0.0']);
  const old = await startUpstream(['bob/tool@1.0.0']);
  const raw = openRawRepository(old.index.repository);
  const entry: RawEntry = {
    mode: '100644',
    name: 'tool.index',
    id: execFileSync('git', ['--git-dir', raw.gitDir, 'rev-parse', 'main:user/bob/tool.index'])
      .toString()
      .trim(),
  };
  const folder = (name: string, id: string) => raw.tree([{ mode: '40000', name, id }]);
  raw.commit(folder('user', folder('bob', raw.tree(shape(entry)))), { committer: '99999999999999999 +0000' });
  const directory = join(temporaryDirectory(), 'registry');
  const sources = [
    { name: 'good', upstream: good, priority: 10 },
    { name: 'old', upstream: old, priority: 50 },
  ];
  const registry = await createRegistry({ directory, sources, connections: credulous });
  await registry.sync();
  const verify = async (deep: boolean) => {
    const { steps } = await verifyRegistry({ directory, env: {}, actor: tester }, { deep });
    return steps.flatMap(({ findings }) =>
      findings.map(({ severity, subject, detail }) => ({ severity, subject, detail })),
    );
  };
  return { directory, sources, registry, verify, old, raw };
}

const shapes: readonly (readonly [string, string, (entry: RawEntry) => readonly RawEntry[]])[] = [
  ['twice the same name', 'two entries of the same name', (entry) => [entry, entry]],
  ['no order', 'out of order', (entry) => [entry, { ...entry, name: 'a.index' }]],
];

test.each(shapes)(
  'an index with %s is blamed on its source, and on nobody once that is gone',
  async (_, reason, shape) => {
    const { directory, sources, registry, verify } = await createWorld(shape);
    const named = { severity: 'problem', subject: 'source old', detail: expect.stringContaining(reason) };
    expect(await verify(false)).toEqual([named]);
    const deep = await verify(true);
    expect(deep.filter(({ severity }) => severity === 'problem').map(({ subject }) => subject)).toEqual([
      'source old',
      'source old',
    ]);
    await writeSettings(directory, { sources: sources.slice(0, 1) });
    await registry.sync();
    // What it once listed stays in the state; that it is not well formed is nobody's problem any more.
    for (const deep of [false, true])
      expect((await verify(deep)).filter(({ severity }) => severity === 'problem')).toEqual([]);
    expect(await verify(true)).toContainEqual({ ...named, severity: 'note' });
  },
);

test('an index with a date that is none is sound, and a source check tells of it', async () => {
  const { registry, verify } = await createWorld((entry) => [entry]);
  expect((await verify(true)).filter(({ severity }) => severity === 'problem')).toEqual([]);
  const [, check] = await registry.checkSources();
  expect(check).toMatchObject({
    source: 'old',
    changedAt: undefined,
    steps: expect.arrayContaining([
      { step: 'index', ok: true, detail: expect.stringMatching(/^1 module at commit .*no usable date$/) },
    ]),
  });
});
