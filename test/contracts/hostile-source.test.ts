/** Indexes that no honest registry has, over every way in which one can be read. Nothing of them stays. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { SourceConfig, SourceLimits } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load.ts';
import { createDestinations } from '../../src/sources/destinations.ts';
import { createGitSource } from '../../src/sources/git-source.ts';
import { runGit } from '../../src/support/git/git.ts';
import { createGitObjectReader, findTree } from '../../src/support/git/git-objects.ts';
import { framePacket } from '../../src/support/git/pkt-line.ts';
import { createHttpClient } from '../../src/support/net/fetch-http.ts';
import {
  bombTree,
  indexTree,
  openRawRepository,
  type RawEntry,
  type RawRepository,
} from '../support/raw-repository.ts';
import { writeSettings } from '../support/registry-world.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { type Handler, startUpstream } from './git-upstream.ts';

const transports = ['smart', 'dumb', 'file'] as const;

async function createWorld(transport: (typeof transports)[number], limits: Partial<SourceLimits> = {}) {
  const directory = temporaryDirectory();
  const root = join(directory, 'upstream');
  mkdirSync(root);
  const upstream = await startUpstream(root);
  onTestFinished(() => upstream.close());
  const repository = openRawRepository(join(root, 'index'));
  const indexUrl = {
    smart: `${upstream.url}/git/index`,
    dumb: `${upstream.url}/index`,
    file: `file://${repository.gitDir}`,
  }[transport];
  await writeSettings(directory, { sources: [{ name: 'evil', upstream: { url: upstream.url, indexUrl } }] });
  const [config] = (await loadConfig(directory)).sources as [SourceConfig];
  const gitDir = join(directory, 'registry.git');
  await runGit(['init', '--quiet', '--bare', gitDir]);
  const objectDirectory = join(gitDir, 'objects');
  const http = createHttpClient({
    userAgent: 'test',
    environment: {},
    destinations: createDestinations(config),
    retry: { sleep: async () => {} },
  });
  const objects = createGitObjectReader(gitDir);
  const source = createGitSource(
    { ...config, limits: { ...config.limits, ...limits } },
    {
      objectDirectory,
      treeOf: (commit) => findTree(objects, commit),
      gitDirectory: join(directory, 'work'),
      env: {},
      http,
    },
  );
  onTestFinished(async () => {
    objects.kill();
    await source.close();
    await http.close();
  });
  const isEmpty = () =>
    readdirSync(join(objectDirectory, 'pack')).length === 0 &&
    readdirSync(objectDirectory).sort().join() === 'info,pack' &&
    readdirSync(join(directory, 'work')).filter((name) => name.endsWith('.tmp')).length === 0;
  return { upstream, repository, source, gitDir, isEmpty };
}

const folder = (repository: RawRepository, name: string, id: string) =>
  repository.tree([{ mode: '40000', name, id }]);

const below = (repository: RawRepository, entries: readonly RawEntry[]) =>
  folder(repository, 'user', folder(repository, 'e', repository.tree(entries)));

const file = (repository: RawRepository, name: string, mode = '100644'): RawEntry => ({
  mode,
  name,
  id: repository.blob('{}\n'),
});

type Shape = (repository: RawRepository) => string;

const shapes: readonly (readonly [what: string, reason: string, shape: Shape])[] = [
  ['unsorted', 'out of order', (r) => below(r, [file(r, 'b.index'), file(r, 'a.index')])],
  ['with one name twice', 'same name', (r) => below(r, [file(r, 'a.index'), file(r, 'a.index')])],
  ['with an unknown mode', 'unknown mode', (r) => below(r, [file(r, 'a.index', '100600')])],
  ['with a name that leads out of it', '".."', (r) => below(r, [{ ...file(r, '..'), id: r.blob('x') }])],
  ['with no index file', 'no .index file', (r) => folder(r, 'user', r.tree([file(r, 'README')]))],
  ['of more modules than may be', 'limits.modules', (r) => bombTree(r, 2, 20, [file(r, 'm.index')])],
  ['that is a bomb', 'limits.listing_bytes', (r) => bombTree(r, 7, 200, [file(r, 'm.index')])],
];

describe.each(transports)('over %s, an index', (transport) => {
  test.each(shapes)('%s is refused and leaves nothing', async (_, reason, shape) => {
    const { repository, source, isEmpty } = await createWorld(transport, { modules: 300 });
    repository.commit(shape(repository));
    expect(await source.readSnapshot(undefined)).toMatchObject({
      kind: 'unavailable',
      cause: { reason: 'bad-answer', detail: expect.stringContaining(reason) },
    });
    expect(isEmpty()).toBe(true);
  });

  test('that takes more of the disk than it may is refused and leaves nothing', async () => {
    const { repository, source, isEmpty } = await createWorld(transport, { fetchBytes: 1024 * 1024 });
    repository.commit(
      below(repository, [{ ...file(repository, 'a.index'), id: repository.blob(randomBytes(2_000_000)) }]),
    );
    expect(await source.readSnapshot(undefined)).toMatchObject({
      cause: { detail: expect.stringContaining('limits.fetch_bytes') },
    });
    expect(isEmpty()).toBe(true);
  });

  test('with links and submodules, and a file larger than memory, is read as it is', async () => {
    const { repository, source, gitDir } = await createWorld(transport);
    const large = repository.blob(Buffer.alloc(40 * 1024 * 1024));
    const tree = below(repository, [
      { ...file(repository, 'a.index'), id: large },
      file(repository, 'b.index', '120000'),
      { mode: '160000', name: 'c', id: '1'.repeat(40) },
    ]);
    const commit = repository.commit(tree);
    expect(await source.readSnapshot(undefined)).toEqual({
      kind: 'found',
      value: { commit, tree, isStale: false },
    });
    const sizes = await runGit(['ls-tree', '-r', '-l', tree], { gitDir });
    expect(sizes.toString()).toContain(' 41943040\tuser/e/a.index');
    expect((await runGit(['count-objects', '-v'], { gitDir })).toString()).toMatch(/^in-pack: 6$/m);
  });

  test('that names what only others have sent is not read', async () => {
    const { repository, source, gitDir } = await createWorld(transport);
    const first = repository.commit(indexTree(repository, { 'e/m': '1\n' }));
    expect(await source.readSnapshot(undefined)).toMatchObject({ value: { commit: first } });
    const secret = openRawRepository(gitDir).blob('what another source sent\n');
    repository.commit(below(repository, [{ ...file(repository, 'm.index'), id: secret }]), { parent: first });
    expect(await source.readSnapshot(first)).toMatchObject({ kind: 'unavailable' });
    const own = repository.commit(indexTree(repository, { 'e/m': 'what another source sent\n' }));
    expect(await source.readSnapshot(first)).toMatchObject({ value: { commit: own } });
  });

  test('that becomes well formed again is read again', async () => {
    const { repository, source } = await createWorld(transport);
    const first = repository.commit(indexTree(repository, { 'e/m': '1\n' }));
    expect(await source.readSnapshot(undefined)).toMatchObject({ value: { commit: first } });
    repository.commit(below(repository, [file(repository, 'b.index'), file(repository, 'a.index')]), {
      parent: first,
    });
    expect(await source.readSnapshot(first)).toMatchObject({ kind: 'unavailable' });
    const last = repository.commit(indexTree(repository, { 'e/m': '1\n2\n', 'e/n': '1\n' }), {
      parent: first,
    });
    expect(await source.readSnapshot(first)).toMatchObject({ value: { commit: last } });
  });
});

describe('a server that does not end', () => {
  const packet = (bytes: Buffer | string) => framePacket(Buffer.from(bytes));

  /** Answers a fetch with one packet again and again. */
  const flood =
    (commit: string, endless: Buffer): Handler =>
    (request, response) => {
      if (request.method !== 'POST') return false;
      response.on('error', () => {});
      let asked = '';
      request.on('data', (chunk: Buffer) => {
        asked += chunk.toString('latin1');
      });
      request.on('end', () => {
        response.setHeader('content-type', 'application/x-git-upload-pack-result');
        response.write(Buffer.concat([packet(`shallow ${commit}`), Buffer.from('0000')]));
        if (!asked.includes('0009done')) return void response.end();
        response.write(packet('NAK\n'));
        const write = () => {
          while (!response.destroyed && response.write(endless));
        };
        response.on('drain', write);
        write();
      });
      return true;
    };

  test.each([
    ['text in lines', packet(`\u0002${'progress text\n'.repeat(4000)}`), /reported more than 1048576 bytes/],
    ['one line', packet(`\u0002${'progress '.repeat(7000)}`), /over limit|reported more/],
  ])('of reporting %s fails, and git has ended', async (_, endless, reason) => {
    const { repository, source, upstream, isEmpty } = await createWorld('smart');
    const commit = repository.commit(indexTree(repository, { 'e/m': '1\n' }));
    upstream.handler = flood(commit, endless);
    expect(await source.readSnapshot(undefined)).toMatchObject({
      kind: 'unavailable',
      cause: { detail: expect.stringMatching(reason) },
    });
    expect(isEmpty()).toBe(true);
  });

  test('of listing branches fails, be it we who ask or git', async () => {
    const { repository, source, upstream, isEmpty } = await createWorld('smart');
    const commit = repository.commit(indexTree(repository, { 'e/m': '1\n' }));
    const listEndlessly =
      (isAsked: () => boolean): Handler =>
      (request, response) => {
        if (!request.url?.includes('/info/refs') || !isAsked()) return false;
        response.on('error', () => {});
        response.setHeader('content-type', 'application/x-git-upload-pack-advertisement');
        response.write(Buffer.concat([packet('# service=git-upload-pack\n'), Buffer.from('0000')]));
        response.write(packet(`${commit} HEAD\0shallow symref=HEAD:refs/heads/main\n`));
        let number = 0;
        const write = () => {
          const lines = () =>
            Buffer.concat(Array.from({ length: 1000 }, () => packet(`${commit} refs/heads/x${number++}\n`)));
          while (!response.destroyed && response.write(lines()));
        };
        response.on('drain', write);
        write();
        return true;
      };
    upstream.handler = listEndlessly(() => true);
    expect(await source.readSnapshot(undefined)).toMatchObject({
      cause: { detail: expect.stringContaining('longer than 8388608 bytes') },
    });
    let asked = 0;
    upstream.handler = listEndlessly(() => asked++ > 0);
    expect(await source.readSnapshot(undefined)).toMatchObject({
      cause: { detail: expect.stringContaining('over limit') },
    });
    expect(isEmpty()).toBe(true);
  });

  test('is left when the source is closed, and git has ended', async () => {
    const { repository, source, upstream, isEmpty } = await createWorld('smart');
    repository.commit(indexTree(repository, { 'e/m': '1\n' }));
    let begun = () => {};
    const asked = new Promise<void>((resolve) => {
      begun = resolve;
    });
    upstream.handler = (request) => {
      if (request.method !== 'POST') return false;
      begun();
      return true;
    };
    const reading = expect(source.readSnapshot(undefined)).rejects.toThrow('closed');
    await asked;
    await source.close();
    expect(isEmpty()).toBe(true);
    await reading;
  });
});

test('a source is told of its own last commit, and of nothing else that is here', async () => {
  const { repository, source, upstream, gitDir } = await createWorld('smart');
  const first = repository.commit(indexTree(repository, { 'e/m': '1\n' }));
  await source.readSnapshot(undefined);
  const ours = openRawRepository(gitDir);
  ours.commit(indexTree(ours, { 'company/secret': '1\n' }));
  repository.commit(indexTree(repository, { 'e/m': '2\n' }), { parent: first });
  const said: Buffer[] = [];
  upstream.handler = (request) => {
    request.on('data', (chunk: Buffer) => said.push(chunk));
    return false;
  };
  expect(await source.readSnapshot(first)).toMatchObject({ kind: 'found' });
  const haves = [
    ...Buffer.concat(said)
      .toString('latin1')
      .matchAll(/have ([0-9a-f]{40})/g),
  ];
  expect(haves.map(([, id]) => id)).toEqual([first]);
});

test('a server that says it is stale is read, and told apart', async () => {
  const { repository, source, upstream } = await createWorld('smart');
  const commit = repository.commit(indexTree(repository, { 'e/m': '1\n' }));
  const warn = (text: string) => {
    upstream.handler = (_, response) => {
      response.setHeader('warning', text);
      return false;
    };
  };
  warn('110 - "stale: partner", 110 - "stale: other"');
  expect(await source.readSnapshot(undefined)).toMatchObject({ value: { commit, isStale: true } });
  warn('199 - "miscellaneous"');
  expect(await source.readSnapshot(commit)).toMatchObject({ value: { commit, isStale: false } });
  warn('214 - "x", 110 proxy "old"');
  expect(await source.readSnapshot(commit)).toMatchObject({ value: { commit, isStale: true } });
});
