import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createRegistry } from '../../../test/support/registry-world.ts';
import { temporaryDirectory } from '../../../test/support/temporary-directory.ts';
import { startUpstream } from '../../../test/support/worlds.ts';
import { NotFoundError, UnavailableError, UsageError } from '../../errors.ts';
import { chooseSource, chooseTargets } from './mirror-targets.ts';
import { readProject } from './project-requirements.ts';

async function createWorld() {
  const mooncakes = await startUpstream([
    'moonbitlang/x@0.4.0',
    'moonbitlang/x@0.5.0-rc',
    'moonbitlang/async@0.1.0',
    'moonbitlang/async/http@0.1.0',
    'company/tool@99.0.0',
  ]);
  const internal = await startUpstream(['company/tool@1.0.0', 'company/lib@1.0.0']);
  const registry = await createRegistry({
    sources: [
      { name: 'mooncakes', upstream: mooncakes, priority: 100 },
      { name: 'internal', upstream: internal, priority: 25 },
      { name: 'partner', upstream: internal, priority: 50, enabled: false },
    ],
  });
  return { registry, mooncakes, internal };
}

describe('the source to mirror from', () => {
  test('is the default one unless another is named', async () => {
    const { registry } = await createWorld();
    expect(chooseSource(registry.config, undefined).name).toBe('mooncakes');
    expect(chooseSource(registry.config, 'internal').name).toBe('internal');
  });

  test('that is unknown or disabled is an error that names those there are', async () => {
    const { registry } = await createWorld();
    const names = 'mooncakes, internal, partner';
    for (const name of ['mooncake', 'nothing like it'])
      expect(() => chooseSource(registry.config, name)).toThrow(
        expect.objectContaining({ code: 'not-found', hint: expect.stringContaining(names) }),
      );
    expect(() => chooseSource(registry.config, 'mooncake')).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('"mooncakes"') }),
    );
    expect(() => chooseSource(registry.config, 'partner')).toThrow(names);
    expect(() => chooseSource(registry.config, 'partner')).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('source enable partner') }),
    );
  });
});

describe('the patterns in force', () => {
  test('are those typed, all for --full, else those of the file', async () => {
    const { registry } = await createWorld();
    const config = {
      ...registry.config,
      mirror: { ...registry.config.mirror, packages: [{ source: 'internal', pattern: 'file/*' }] },
    };
    expect(chooseTargets({ patterns: ['typed/*', 'a/b@1.0.0'] }, config)).toEqual([
      { source: 'mooncakes', pattern: 'typed/*' },
      { source: 'mooncakes', pattern: 'a/b', version: '1.0.0' },
    ]);
    expect(chooseTargets({ patterns: [], full: true, source: 'internal' }, config)).toEqual([
      { source: 'internal', pattern: '*' },
    ]);
    expect(chooseTargets({ patterns: ['x/*'], source: '*' }, config)).toEqual([
      { source: '*', pattern: 'x/*' },
    ]);
    expect(chooseTargets({ patterns: [] }, config)).toEqual([{ source: 'internal', pattern: 'file/*' }]);
    expect(() => chooseTargets({ patterns: [], source: 'mooncakes' }, config)).toThrow(UsageError);
  });

  test('are never guessed', async () => {
    const { registry } = await createWorld();
    expect(() => chooseTargets({ patterns: [] }, registry.config)).toThrow(UsageError);
    expect(() => chooseTargets({ patterns: ['a/*'], full: true }, registry.config)).toThrow(UsageError);
  });
});

describe('what patterns select', () => {
  const select = async (patterns: string[], more: { source?: string; latest?: boolean } = {}) => {
    const { registry } = await createWorld();
    const { sources, skipped } = await registry.mirror({ patterns, dryRun: true, strict: true, ...more });
    return { sources: sources.map(({ source, modules, versions }) => [source, modules, versions]), skipped };
  };

  test('are whole names, slashes included, with all their versions', async () => {
    expect(await select(['moonbitlang/*'])).toEqual({ sources: [['mooncakes', 3, 4]], skipped: [] });
    expect(await select(['moonbitlang/async'])).toEqual({ sources: [['mooncakes', 1, 1]], skipped: [] });
  });

  test('are only the latest with --latest, a prerelease if that is it', async () => {
    expect(await select(['moonbitlang/x'], { latest: true })).toEqual({
      sources: [['mooncakes', 1, 1]],
      skipped: [],
    });
  });

  test('skips modules that come from another source, and names it', async () => {
    expect((await select(['*'])).skipped).toEqual([
      { module: 'company/tool', origin: 'internal', kind: 'other-origin', reason: 'served from "internal"' },
    ]);
    expect(await select(['company/*'], { source: 'internal' })).toEqual({
      sources: [['internal', 2, 2]],
      skipped: [],
    });
  });

  test.each([['moonbitlan/*'], ['moonbitlang'], ['Moonbitlang/*'], ['company/lib']])(
    'is an error where %s matches nothing, although another pattern does',
    async (pattern) => {
      const failure = await select(['moonbitlang/x', pattern]).catch((error) => error);
      expect(failure).toBeInstanceOf(NotFoundError);
      expect(failure.message).toContain(`"${pattern}"`);
      expect(failure.message).toContain('owners: company, moonbitlang');
      expect(failure.message).not.toContain('"moonbitlang/x"');
    },
  );

  test.each([
    ['moonbitlng/*', 'moonbitlang/*'],
    ['moonbitlng/asy*', 'moonbitlang/asy*'],
    ['moonbitlng/zz*', 'moonbitlang/*'],
    ['moonbitlang/zz*', 'moonbitlang/*'],
    ['moonbitlang/y', 'moonbitlang/x'],
  ])('suggests for %s, which matches nothing, what would: %s', async (typed, meant) => {
    const failure = await select([typed]).catch((error) => error);
    expect(failure.hint).toBe(`did you mean "${meant}"?`);
  });

  test('says which source has what the default one lacks', async () => {
    const failure = await select(['company/lib']).catch((error) => error);
    expect(failure.hint).toBe('source "internal" has it: moonbit-registry mirror -s internal "company/lib"');
  });

  test('are one version where one is named; one that is not there is said, and the rest is taken', async () => {
    expect(await select(['moonbitlang/x@0.4.0', 'moonbitlang/async@9.0.0'])).toEqual({
      sources: [['mooncakes', 1, 1]],
      skipped: [
        {
          ...{ module: 'moonbitlang/async', origin: 'mooncakes', kind: 'no-version' },
          reason: 'there is no version 9.0.0 of it',
        },
      ],
    });
  });

  test('with "*" for the source take each module from whoever supplies it', async () => {
    expect(await select(['company/*', 'moonbitlang/x'], { source: '*' })).toEqual({
      sources: [
        ['internal', 2, 2],
        ['mooncakes', 1, 2],
      ],
      skipped: [],
    });
  });

  test('cannot be told of a source that has never been read', async () => {
    const { registry, mooncakes } = await createWorld();
    mooncakes.faults.status = 401;
    await expect(registry.mirror({ patterns: ['moonbitlang/x'], dryRun: true })).rejects.toThrow(
      UnavailableError,
    );
  });
});

describe('a project', () => {
  async function writeProject(name: string, text: string): Promise<string> {
    const directory = join(temporaryDirectory(), 'project');
    await mkdir(directory);
    await writeFile(join(directory, name), text);
    return directory;
  }
  const json = '{"name": "me/app", "deps": {"a/b": "1.0.0"}, "bin-deps": {"c/d": "2.0.0"}}';
  const ids = async (path: string) =>
    (await readProject(path)).map(
      ({ dependency, requiredBy }) => `${requiredBy}: ${dependency.module}@${dependency.requirement}`,
    );

  test('may be given by its folder or its module file', async () => {
    const directory = await writeProject('moon.mod.json', json);
    const expected = ['moon.mod.json: a/b@1.0.0', 'moon.mod.json: c/d@2.0.0'];
    expect(await ids(directory)).toEqual(expected);
    expect(await ids(join(directory, 'moon.mod.json'))).toEqual(expected);
  });

  test('is read from moon.mod where both files are there', async () => {
    const directory = await writeProject('moon.mod.json', json);
    await writeFile(join(directory, 'moon.mod'), 'name = "me/app"\nimport { "e/f@3.0.0" }\n');
    expect(await ids(directory)).toEqual(['moon.mod: e/f@3.0.0']);
  });

  test('that is not there, or cannot be read, is an error that says where', async () => {
    const nowhere = join(temporaryDirectory(), 'nowhere');
    await expect(readProject(nowhere)).rejects.toThrow(NotFoundError);
    await expect(readProject(nowhere)).rejects.toThrow(nowhere);
    const broken = readProject(await writeProject('moon.mod.json', '{'));
    await expect(broken).rejects.toThrow(/moon\.mod\.json: line 1, column 2/);
  });
});
