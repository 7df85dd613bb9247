import { cp, mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { tester } from '../../../test/support/actor.ts';
import { git, tryGit } from '../../../test/support/git-client.ts';
import { temporaryDirectory } from '../../../test/support/temporary-directory.ts';
import { StorageError } from '../../errors.ts';
import { openRegistry } from '../open.ts';
import { type DataFacts, judgeData, lookAtData } from './data-standing.ts';
import { initRegistry } from './init.ts';
import { parseMarker, readMarker } from './registry-marker.ts';

/** A registry whose folder is marked, as after its first command. */
async function createRegistry(name = 'registry'): Promise<{ directory: string; data: string }> {
  const directory = join(temporaryDirectory(), name);
  await initRegistry(directory);
  await open(directory);
  return { directory, data: join(directory, 'data') };
}

async function open(directory: string): Promise<string> {
  const registry = await openRegistry({ directory, env: {}, actor: tester });
  const commit = await registry.stateCommit();
  await registry.close();
  return commit;
}

/** What opening fails with. */
async function refusal(directory: string): Promise<StorageError> {
  const error = await open(directory).catch((failure: unknown) => failure);
  expect(error).toBeInstanceOf(StorageError);
  return error as StorageError;
}

const marked = { firstState: 'a'.repeat(40), dataDir: '/srv/registry/data' };
const facts: DataFacts = {
  directory: '/srv/registry',
  dataDir: '/srv/registry/data',
  index: { kind: 'absent' },
  marker: undefined,
  isMarkerUnreadable: false,
  isElsewhere: false,
  trace: undefined,
  deadLink: undefined,
};

describe('where there is no index', () => {
  test('and nothing says that there was one, a registry begins', () => {
    expect(judgeData(facts)).toEqual({ kind: 'none' });
  });

  test.each<[string, Partial<DataFacts>, RegExp, string]>([
    [
      'the folder is marked',
      { marker: marked },
      /volume may not be mounted/,
      'rm -r /srv/registry/.moonbit-registry',
    ],
    [
      'what the mark says cannot be told',
      { isMarkerUnreadable: true },
      /cannot be read/,
      'rm -r /srv/registry/.moonbit-registry',
    ],
    [
      'other data are left',
      { trace: 'audit.jsonl' },
      /holds audit\.jsonl of a registry/,
      'mv /srv/registry/data /srv/registry/data.lost',
    ],
    [
      'the data are where they were, and the setting is another',
      { marker: { ...marked, dataDir: '/old' }, isElsewhere: true },
      /are in \/old, and \/srv\/registry\/data has none/,
      'config registry.data_dir /old',
    ],
    [
      'the folder is a link to nothing',
      { deadLink: '/mnt/gone' },
      /a link to \/mnt\/gone/,
      'mkdir -p /mnt/gone',
    ],
  ])('and %s, none begins, and what would is said', (_, changes, message, hint) => {
    const standing = judgeData({ ...facts, ...changes });
    if (standing.kind !== 'lost') throw new Error('a registry would begin');
    expect(standing.error.message).toMatch(message);
    expect(standing.error.hint).toContain(hint);
  });
});

describe('a registry whose data folder is empty at once', () => {
  test('is refused by whatever opens it, nothing is made, and begins anew once its mark is removed', async () => {
    const { directory, data } = await createRegistry();
    const before = await open(directory);
    await rm(data, { recursive: true });
    await mkdir(data);
    for (let attempt = 0; attempt < 2; attempt++) {
      const { message, hint } = await refusal(directory);
      expect(message).toContain(`${data} has no data`);
      expect(hint).toContain(`rm -r ${join(directory, '.moonbit-registry')}`);
    }
    await rm(join(directory, '.moonbit-registry'), { recursive: true });
    expect(await open(directory)).not.toBe(before);
  });

  test('is the same registry again when they are back', async () => {
    const { directory, data } = await createRegistry();
    const before = await open(directory);
    await rename(data, `${data}.unmounted`);
    await refusal(directory);
    await rename(`${data}.unmounted`, data);
    expect(await open(directory)).toBe(before);
  });

  test('and all of its other files are there, as after the index was removed', async () => {
    const { directory, data } = await createRegistry();
    await writeFile(join(data, 'audit.jsonl'), '');
    await rm(join(data, 'index'), { recursive: true });
    await rm(join(directory, '.moonbit-registry'), { recursive: true });
    const { message, hint } = await refusal(directory);
    expect(message).toContain(`${join(data, 'index')} is gone`);
    expect(hint).toContain(`mv ${data} ${data}.lost`);
  });

  test('is made anew by init, where the settings are gone as well', async () => {
    const { directory, data } = await createRegistry();
    await rm(data, { recursive: true });
    await rm(join(directory, 'registry.toml'));
    await initRegistry(directory);
    await open(directory);
  });
});

describe('data of another registry', () => {
  test('in the place of its own are refused, until the mark is removed', async () => {
    const [mine, other] = [await createRegistry('mine'), await createRegistry('other')];
    await rm(mine.data, { recursive: true });
    await cp(other.data, mine.data, { recursive: true });
    const { message, hint } = await refusal(mine.directory);
    expect(message).toContain('those of another registry');
    await rm((hint ?? '').replace(/^.*rm -r /, ''), { recursive: true });
    expect(await open(mine.directory)).toBe(await open(other.directory));
  });

  test('are not taken for that where they have lost their history', async () => {
    const { directory, data } = await createRegistry();
    const index = join(data, 'index');
    const tree = (await git(['--git-dir', index, 'rev-parse', 'refs/registry/state^{tree}'])).trim();
    const commit = (await git(['--git-dir', index, 'commit-tree', '-m', 'x', tree])).trim();
    await git(['--git-dir', index, 'update-ref', 'refs/registry/state', commit]);
    await git(['--git-dir', index, 'gc', '--quiet', '--prune=now']);
    expect(await open(directory)).toBe(commit);
  });
});

test('a mark that cannot be read is no absent one: nothing is begun anew in its place', async () => {
  const { directory, data } = await createRegistry();
  await rm(data, { recursive: true });
  const file = join(directory, '.moonbit-registry', 'data.json');
  for (const spoil of [() => writeFile(file, ''), () => rm(file).then(() => mkdir(file))]) {
    await spoil();
    const { message, hint } = await refusal(directory);
    expect(message).toMatch(/has no data, and what tells whether there were some cannot be read/);
    expect(hint).toContain(`rm -r ${join(directory, '.moonbit-registry')}`);
  }
});

describe('the mark', () => {
  test('is not needed: without it everything opens, and a command that may write makes it', async () => {
    const { directory, data } = await createRegistry();
    const mark = await readMarker(directory);
    expect(mark).toMatchObject({ dataDir: data });
    await rm(join(directory, '.moonbit-registry'), { recursive: true });
    const looking = await openRegistry({ directory, env: {}, actor: tester, mode: 'read' });
    await looking.close();
    expect(await readMarker(directory)).toBeUndefined();
    await open(directory);
    expect(await readMarker(directory)).toEqual(mark);
  });

  test('is not needed where it cannot be written', async () => {
    const { directory } = await createRegistry();
    await rm(join(directory, '.moonbit-registry'), { recursive: true });
    await writeFile(join(directory, '.moonbit-registry'), 'in its way');
    await open(directory);
    expect(await readMarker(directory)).toBeUndefined();
  });

  test('goes along with a copy, and follows data that were moved', async () => {
    const { directory, data } = await createRegistry();
    const copy = join(temporaryDirectory(), 'copy');
    await cp(directory, copy, { recursive: true });
    expect(await open(copy)).toBe(await open(directory));
    const moved = `${directory}-data`;
    await rename(data, moved);
    await symlink(moved, data);
    expect(await lookAtData(directory, data)).toEqual({ kind: 'there' });
    await writeFile(join(directory, 'registry.toml'), `[registry]\ndata_dir = "${moved}"\n`);
    await open(directory);
    expect(await readMarker(directory)).toMatchObject({ dataDir: moved });
  });

  test('stays out of git, where settings are kept and put on machines with other data', async () => {
    const { directory } = await createRegistry();
    await git(['init', '--quiet', directory]);
    await writeFile(join(directory, '.gitignore'), 'data/\n');
    const { stdout } = await tryGit(['-C', directory, 'status', '--porcelain', '--untracked-files=all']);
    expect(stdout).not.toContain('.moonbit-registry');
    expect(await readFile(join(directory, '.moonbit-registry', '.gitignore'), 'utf8')).toMatch(/^\*$/m);
  });

  test.each(['', '{', '7', '{"firstState":"x","dataDir":"/srv"}', `{"firstState":"${'a'.repeat(40)}"}`])(
    'that says %j says nothing',
    (text) => expect(parseMarker(text)).toBeUndefined(),
  );
});
