import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { SourceConfig } from '../../src/config/config.ts';
import { defaultSourceLimits } from '../../src/config/normalise.ts';
import type { ModuleName } from '../../src/model/module-name.ts';
import type { Version } from '../../src/model/version.ts';
import { createDestinations } from '../../src/sources/destinations.ts';
import { createGitSource } from '../../src/sources/git-source.ts';
import type { Source } from '../../src/sources/source.ts';
import { userAgentOf } from '../../src/sources/user-agent.ts';
import { createGitObjectReader, findTree } from '../../src/support/git/git-objects.ts';
import { createHttpClient, type HttpClientOptions } from '../../src/support/net/fetch-http.ts';
import { transportFailure } from '../../src/support/net/http-failure.ts';
import { basicAuth, bearerAuth } from '../support/auth.ts';
import { commitFiles, type Handler, startBlackHole, startUpstream, type Upstream } from './git-upstream.ts';

const module = 'alice/json' as ModuleName;
const version = '1.2.0' as Version;
const index = { 'user/alice/json.index': '{"version":"1.2.0"}\n' };

let directory = '';
let root = '';
let repository = '';
let objectDirectory = '';
let upstream: Upstream;
let cleanups: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'source-'));
  root = join(directory, 'upstream');
  repository = join(root, 'index');
  mkdirSync(root);
  execFileSync('git', ['init', '-q', '--bare', join(directory, 'registry.git')]);
  objectDirectory = join(directory, 'registry.git', 'objects');
  upstream = await startUpstream(root);
  cleanups = [() => upstream.close()];
});

afterEach(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
  rmSync(directory, { recursive: true, force: true });
});

function connect(config: Partial<SourceConfig> = {}, http: Partial<HttpClientOptions> = {}): Source {
  const base = {
    name: 'partner',
    type: 'custom',
    url: upstream.url,
    indexUrl: `${upstream.url}/git/index`,
    indexType: 'git',
    enabled: true,
    priority: 50,
    namespaces: [],
    include: [],
    exclude: [],
    packageUrlPattern: undefined,
    allowedRedirects: [],
    maxConcurrency: 32,
    maxRequestsPerSecond: undefined,
    auth: undefined,
    deletedUpstream: 'keep',
    holdsNewNames: 'all',
    limits: defaultSourceLimits(),
  } as const;
  const merged: SourceConfig = {
    ...base,
    ...config,
    downloadUrl: config.downloadUrl ?? config.url ?? base.url,
  };
  const client = createHttpClient({
    userAgent: userAgentOf(merged),
    environment: {},
    ...http,
    retry: { sleep: async () => {}, ...http.retry },
    destinations: createDestinations(merged),
  });
  const objects = createGitObjectReader(join(directory, 'registry.git'));
  const source = createGitSource(merged, {
    objectDirectory,
    treeOf: (commit) => findTree(objects, commit),
    gitDirectory: join(directory, 'work', merged.name),
    env: {},
    http: client,
    resolve: http.resolve,
  });
  cleanups.push(async () => {
    await source.close();
    await client.close();
    objects.close();
  });
  return source;
}

async function secondUpstream(): Promise<Upstream> {
  const other = await startUpstream(root);
  cleanups.push(() => other.close());
  return other;
}

function put(path: string, content: string): void {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
}

function listTree(tree: string): string {
  const gitDir = join(directory, 'registry.git');
  return execFileSync('git', ['--git-dir', gitDir, 'ls-tree', '-r', '--name-only', tree]).toString().trim();
}

/** Each object of the store as a file of its own. */
function unpackStore(): void {
  const gitDir = join(directory, 'registry.git');
  const packs = join(objectDirectory, 'pack');
  const contents = readdirSync(packs)
    .filter((name) => name.endsWith('.pack'))
    .map((name) => readFileSync(join(packs, name)));
  rmSync(packs, { recursive: true });
  for (const input of contents) execFileSync('git', ['--git-dir', gitDir, 'unpack-objects', '-q'], { input });
}

async function snapshotOf(source: Source, known?: string) {
  const result = await source.readSnapshot(known);
  if (result.kind !== 'found') throw new Error(JSON.stringify(result));
  return result.value;
}

async function archiveOf(source: Source, name: string, of = '1.0.0'): Promise<string> {
  const result = await source.openArchive(name as ModuleName, of as Version);
  return result.kind === 'found' ? text(result.value.body) : result.kind;
}

describe('reading an index over smart HTTP', () => {
  test('brings the tree into the object store, and nothing else on the disk', async () => {
    const commit = commitFiles(repository, index);
    const snapshot = await snapshotOf(connect());
    expect(snapshot.commit).toBe(commit);
    expect(listTree(snapshot.tree)).toBe('user/alice/json.index');
    expect(readdirSync(join(directory, 'work', 'partner'))).toEqual([]);
    expect(existsSync(join(directory, 'registry.git', 'shallow'))).toBe(false);
  });

  test('names itself as the stock client in every request', async () => {
    commitFiles(repository, index);
    await snapshotOf(connect());
    expect(upstream.seen.length).toBeGreaterThan(1);
    for (const { headers } of upstream.seen) expect(headers['user-agent']).toMatch(/^mooncake\/0\.1\.0/);
  });

  test('asks once where nothing has changed, also in a new process', async () => {
    const commit = commitFiles(repository, index);
    const source = connect();
    const first = await snapshotOf(source);
    for (const again of [source, connect()]) {
      upstream.seen.length = 0;
      expect(await snapshotOf(again, commit)).toEqual(first);
      expect(upstream.seen.map(({ target }) => target)).toEqual([
        'GET /git/index/info/refs?service=git-upload-pack',
      ]);
      expect(upstream.seen[0]?.headers).not.toHaveProperty('git-protocol');
    }
  });

  test('fetches again when the objects it knew are gone', async () => {
    const commit = commitFiles(repository, index);
    const { tree } = await snapshotOf(connect());
    rmSync(objectDirectory, { recursive: true });
    mkdirSync(objectDirectory);
    expect((await snapshotOf(connect(), commit)).tree).toBe(tree);
    expect(listTree(tree)).toBe('user/alice/json.index');
  });

  test('follows new commits without their history', async () => {
    const source = connect();
    const first = commitFiles(repository, index);
    await snapshotOf(source);
    commitFiles(repository, { ...index, 'user/a/hidden.index': 'never served\n' });
    const latest = commitFiles(repository, { ...index, 'user/b/c.index': 'x\n' });
    const snapshot = await snapshotOf(source, first);
    expect(snapshot.commit).toBe(latest);
    expect(listTree(snapshot.tree)).toBe('user/alice/json.index\nuser/b/c.index');
    const gitDir = join(directory, 'registry.git');
    const parents = execFileSync('git', ['--git-dir', gitDir, 'cat-file', 'commit', latest]).toString();
    const parent = /^parent (\w+)$/m.exec(parents)?.[1] ?? '';
    expect(() =>
      execFileSync('git', ['--git-dir', gitDir, 'cat-file', '-e', parent], { stdio: 'ignore' }),
    ).toThrow();
  });

  test('follows a rewritten history', async () => {
    const source = connect();
    const first = commitFiles(repository, index);
    await snapshotOf(source);
    const rewritten = commitFiles(repository, { 'user/b/c.index': 'x\n' }, { isRoot: true });
    const snapshot = await snapshotOf(source, first);
    expect(snapshot.commit).toBe(rewritten);
    expect(listTree(snapshot.tree)).toBe('user/b/c.index');
  });

  test('starts from nothing when what it knew is damaged', async () => {
    const lines = Array.from({ length: 2000 }, (_, line) => `{"version":"0.0.${line}"}\n`).join('');
    const first = commitFiles(repository, { 'user/a/b.index': lines });
    await snapshotOf(connect());
    const blob = execFileSync('git', ['-C', repository, 'rev-parse', `${first}:user/a/b.index`])
      .toString()
      .trim();
    unpackStore();
    rmSync(join(objectDirectory, blob.slice(0, 2), blob.slice(2)));
    // The server sends the new file as its difference from the one that is lost.
    const latest = commitFiles(repository, { 'user/a/b.index': `${lines}{"version":"1.0.0"}\n` });
    const snapshot = await snapshotOf(connect(), first);
    expect(snapshot.commit).toBe(latest);
    expect(listTree(snapshot.tree)).toBe('user/a/b.index');
  });

  test('uses the default branch, whatever its name', async () => {
    const commit = commitFiles(repository, index, { branch: 'trunk' });
    commitFiles(repository, { 'user/x/y.index': 'x\n' }, { branch: 'main' });
    expect((await snapshotOf(connect())).commit).toBe(commit);
  });

  test.each([
    ['smart HTTP', () => `${upstream.url}/git/index`],
    ['dumb HTTP', () => `${upstream.url}/index`],
    ['a folder', () => `file://${repository}`],
  ])('uses the branch that is configured, over %s', async (_, address) => {
    commitFiles(repository, index, { branch: 'trunk' });
    const commit = commitFiles(repository, { 'user/x/y.index': 'x\n' }, { branch: 'release/2026' });
    const indexUrl = address();
    expect((await snapshotOf(connect({ indexUrl, indexBranch: 'release/2026' }))).commit).toBe(commit);
    expect(await connect({ indexUrl, indexBranch: 'gone' }).probe()).toMatchObject({
      cause: {
        reason: 'bad-answer',
        detail: expect.stringContaining('has no branch "gone" (index_branch); it has release/2026, trunk'),
      },
    });
  });

  test('tells the source what it wants to hear of us, in every request', async () => {
    commitFiles(repository, index);
    put('user/alice/json/1.2.0.zip', 'zip');
    upstream.handler = ({ headers }, response) => {
      if (/^git\//.test(headers['user-agent'] ?? '')) return false;
      response.writeHead(403).end();
      return true;
    };
    const refused = { kind: 'unavailable', cause: { reason: 'unauthorized' } };
    expect(await connect().readSnapshot(undefined)).toMatchObject(refused);
    const source = connect({ userAgent: 'git/2.39.5' });
    expect(await source.readSnapshot(undefined)).toMatchObject({ kind: 'found' });
    expect(await archiveOf(source, module, version)).toBe('zip');
  });

  test('falls back to main where HEAD points nowhere', async () => {
    const commit = commitFiles(repository, index);
    execFileSync('git', ['-C', repository, 'symbolic-ref', 'HEAD', 'refs/heads/gone']);
    expect((await snapshotOf(connect())).commit).toBe(commit);
  });

  test('reads two sources at the same time into one object store', async () => {
    const other = join(root, 'other');
    const commits = [commitFiles(repository, index), commitFiles(other, { 'user/o/p.index': 'x\n' })];
    const sources = [connect(), connect({ name: 'other', indexUrl: `${upstream.url}/git/other` })];
    const snapshots = await Promise.all(sources.map((source) => snapshotOf(source)));
    expect(snapshots.map(({ commit }) => commit)).toEqual(commits);
    expect(snapshots.map(({ tree }) => listTree(tree))).toEqual(['user/alice/json.index', 'user/o/p.index']);
  });

  test('may happen twice at once for one source', async () => {
    const first = commitFiles(repository, index);
    await snapshotOf(connect());
    const latest = commitFiles(repository, { 'user/b/c.index': 'x\n' });
    const snapshots = await Promise.all(
      [connect(), connect(), connect()].map((one) => snapshotOf(one, first)),
    );
    expect(new Set(snapshots.map(({ commit }) => commit))).toEqual(new Set([latest]));
  });

  test('follows a redirect of the repository', async () => {
    const commit = commitFiles(repository, index);
    const other = await secondUpstream();
    upstream.handler = (request, response) => {
      response.writeHead(301, { location: other.url + request.url }).end();
      return true;
    };
    expect((await snapshotOf(connect({ allowedRedirects: ['127.0.0.1'] }))).commit).toBe(commit);
  });
});

describe('reading an index otherwise', () => {
  test('over dumb HTTP, again and again', async () => {
    const first = commitFiles(repository, index);
    const source = connect({ indexUrl: `${upstream.url}/index` });
    expect((await snapshotOf(source)).commit).toBe(first);
    upstream.seen.length = 0;
    await snapshotOf(source, first);
    expect(upstream.seen).toHaveLength(1);
    const latest = commitFiles(repository, { ...index, 'user/b/c.index': 'x\n' });
    const snapshot = await snapshotOf(source, first);
    expect(snapshot.commit).toBe(latest);
    expect(listTree(snapshot.tree)).toBe('user/alice/json.index\nuser/b/c.index');
    expect(await source.probe()).toMatchObject({
      kind: 'found',
      value: { transport: 'dumb-http', commit: latest },
    });
  });

  test('over dumb HTTP from the default branch of several', async () => {
    const commit = commitFiles(repository, index, { branch: 'trunk' });
    commitFiles(repository, { 'user/x/y.index': 'x\n' }, { branch: 'main' });
    expect((await snapshotOf(connect({ indexUrl: `${upstream.url}/index` }))).commit).toBe(commit);
  });

  test('from a folder', async () => {
    const first = commitFiles(repository, index, { branch: 'trunk' });
    const source = connect({ indexUrl: `file://${repository}` });
    expect((await snapshotOf(source)).commit).toBe(first);
    expect((await snapshotOf(source, first)).commit).toBe(first);
    const latest = commitFiles(repository, { 'user/b/c.index': 'x\n' }, { branch: 'trunk' });
    expect((await snapshotOf(source, first)).commit).toBe(latest);
    expect(await source.probe()).toMatchObject({
      kind: 'found',
      value: { transport: 'file', commit: latest },
    });
  });

  test.runIf(process.getuid?.() === 0)('from a folder that belongs to somebody else', async () => {
    const commit = commitFiles(repository, index);
    execFileSync('chown', ['-R', '12345', repository]);
    expect((await snapshotOf(connect({ indexUrl: `file://${repository}` }))).commit).toBe(commit);
  });

  test.each(['ssh://git@host.invalid/index', 'git@host.invalid:index'])(
    'from %s through ssh, as the operator set it up',
    async (indexUrl) => {
      const commit = commitFiles(repository, index);
      const script = join(directory, 'ssh');
      writeFileSync(script, `#!/bin/sh\nexec git-upload-pack '${repository}'\n`, { mode: 0o755 });
      process.env.GIT_SSH_COMMAND = script;
      cleanups.push(async () => delete process.env.GIT_SSH_COMMAND);
      const source = connect({ indexUrl });
      expect((await snapshotOf(source)).commit).toBe(commit);
      expect(await source.probe()).toMatchObject({ value: { transport: 'ssh', commit } });
    },
  );

  test.each(['ext::sh -c whoami', 'git://host/index', '/srv/index'])('not from %s', async (indexUrl) => {
    expect(await connect({ indexUrl }).readSnapshot(undefined)).toMatchObject({
      kind: 'unavailable',
      cause: { reason: 'bad-answer', detail: expect.stringContaining('not an address') },
    });
  });
});

describe('an index that cannot be read is unavailable, never absent', () => {
  const answer =
    (status: number, headers: Record<string, string> = {}, body = ''): Handler =>
    (_, response) => {
      response.writeHead(status, headers).end(body);
      return true;
    };
  const cutShort: Handler = (_, response) => {
    response.writeHead(200, { 'content-length': '999' }).write('x', () => response.destroy());
    return true;
  };
  const html = { 'content-type': 'text/html; charset=utf-8' };
  const smart = { 'content-type': 'application/x-git-upload-pack-advertisement' };

  test.each([
    ['404', answer(404), 'bad-answer', 'holds no git repository (HTTP 404)'],
    ['410', answer(410), 'bad-answer', 'holds no git repository (HTTP 410)'],
    ['401', answer(401), 'unauthorized', 'source login partner --bearer-env PARTNER_TOKEN'],
    ['403', answer(403), 'unauthorized', 'access is refused without credentials'],
    ['429', answer(429, { 'retry-after': '30' }), 'rate-limited', 'HTTP 429'],
    ['500', answer(500), 'server-error', 'HTTP 500'],
    ['a web page', answer(200, html, '<html>welcome</html>'), 'bad-answer', 'a web page'],
    [
      'a page that claims to be text',
      answer(200, {}, '<html>welcome</html>'),
      'bad-answer',
      'is not a git repository',
    ],
    ['garbage', answer(200, smart, 'garbage'), 'bad-answer', 'garbled'],
    [
      'a list of nothing',
      answer(200, smart, '001e# service=git-upload-pack\n0000'),
      'bad-answer',
      'is empty',
    ],
    [
      'a truncated list',
      answer(200, smart, '001e# service=git-upload-pack\n000000ff'),
      'bad-answer',
      'garbled',
    ],
    ['a truncated body', cutShort, 'connection', 'connection'],
  ])('%s', async (_, handler, reason, detail) => {
    upstream.handler = handler;
    const result = await connect().readSnapshot(undefined);
    expect(result).toMatchObject({
      kind: 'unavailable',
      cause: { reason, detail: expect.stringContaining(detail) },
    });
    expect(JSON.stringify(result)).toContain(`${upstream.url}/git/index`);
  });

  test('tells how long it was asked to wait', async () => {
    upstream.handler = answer(429, { 'retry-after': '30' });
    expect(await connect().readSnapshot(undefined)).toMatchObject({
      cause: { status: 429, retryAfterMs: 30_000 },
    });
  });

  test('an empty repository', async () => {
    execFileSync('git', ['init', '-q', '--bare', repository]);
    for (const indexUrl of [`${upstream.url}/git/index`, `file://${repository}`])
      expect(await connect({ indexUrl }).readSnapshot(undefined)).toMatchObject({
        cause: { reason: 'bad-answer', detail: expect.stringContaining('is empty') },
      });
  });

  test('a folder that is not there', async () => {
    expect(await connect({ indexUrl: `file://${directory}/none` }).readSnapshot(undefined)).toMatchObject({
      kind: 'unavailable',
      cause: { reason: 'bad-answer', detail: expect.stringContaining('/none') },
    });
  });

  test('a pack that breaks off', async () => {
    commitFiles(repository, index);
    upstream.handler = (request, response) => {
      if (request.method !== 'POST') return false;
      response.writeHead(200, { 'content-type': 'application/x-git-upload-pack-result' });
      response.end('0008NAK\n001e\u0001PACK\0\0\0\u0002\0\0\0\u0003 garbage');
      return true;
    };
    expect(await connect().readSnapshot(undefined)).toMatchObject({
      kind: 'unavailable',
      cause: { reason: 'bad-answer', detail: expect.stringMatching(/git\/index cannot be read: .*fatal/) },
    });
    expect(readdirSync(join(directory, 'work', 'partner'))).toEqual([]);
  });

  test('a server that accepts and never answers', async () => {
    const blackHole = await startBlackHole();
    cleanups.push(() => blackHole.close());
    const source = connect({ indexUrl: `${blackHole.url}/git/index` }, { timeouts: { firstByteMs: 50 } });
    expect(await source.readSnapshot(undefined)).toMatchObject({
      kind: 'unavailable',
      cause: { reason: 'timeout' },
    });
    expect(await source.openArchive(module, version)).toMatchObject({ kind: 'absent' });
  });

  test('a refused connection', async () => {
    const { url, close } = await startBlackHole();
    await close();
    const source = connect({ url, indexUrl: `${url}/git/index` });
    const refused = { kind: 'unavailable', cause: { reason: 'connection' } };
    expect(await source.readSnapshot(undefined)).toMatchObject(refused);
    expect(await source.openArchive(module, version)).toMatchObject(refused);
    expect(await source.probe()).toMatchObject(refused);
  });

  test('our own disk failing is thrown instead', async () => {
    commitFiles(repository, index);
    rmSync(objectDirectory, { recursive: true });
    writeFileSync(objectDirectory, 'in the way');
    await expect(connect().readSnapshot(undefined)).rejects.toMatchObject({ code: 'storage' });
    writeFileSync(join(directory, 'work', 'other'), 'in the way');
    await expect(connect({ name: 'other' }).readSnapshot(undefined)).rejects.toMatchObject({
      code: 'storage',
    });
  });
});

describe('credentials', () => {
  const basic = basicAuth('me', 's3cret:/ü');
  const bearer = bearerAuth('t0ken-value');
  const basicValue = `Basic ${Buffer.from('me:s3cret:/ü').toString('base64')}`;

  test.each([
    ['basic', basic, basicValue],
    ['bearer', bearer, 'Bearer t0ken-value'],
  ] as const)(
    '%s ones open index and archives, and are in no message or command line',
    async (_, auth, value) => {
      const commit = commitFiles(repository, index);
      put('user/alice/json/1.2.0.zip', 'zip');
      upstream.authorization = value;
      const trace = join(directory, 'trace');
      process.env.GIT_TRACE = trace;
      cleanups.push(async () => delete process.env.GIT_TRACE);
      const source = connect({ auth });
      expect((await snapshotOf(source)).commit).toBe(commit);
      expect(await archiveOf(source, module, version)).toBe('zip');
      const commands = readFileSync(trace, 'utf8');
      expect(commands).toContain('remote-http');
      for (const secret of ['t0ken-value', 's3cret', value.split(' ')[1] ?? ''])
        expect(commands).not.toContain(secret);
    },
  );

  test.each([
    ['basic', basicAuth('me', 'wrong-one')],
    ['bearer', bearerAuth('wrong-one')],
  ] as const)('%s ones that are wrong are named as refused, not shown', async (_, auth) => {
    commitFiles(repository, index);
    upstream.authorization = 'Bearer right';
    const result = await connect({ auth }).readSnapshot(undefined);
    expect(result).toMatchObject({ cause: { reason: 'unauthorized', status: 401 } });
    expect(JSON.stringify(result)).toContain('credentials are refused');
    expect(JSON.stringify(result)).not.toContain('wrong-one');
  });

  test.each([
    ['basic', basic, basicValue],
    ['bearer', bearer, 'Bearer t0ken-value'],
  ] as const)('%s ones do not follow a redirect to another port', async (_, auth, value) => {
    commitFiles(repository, index);
    put('user/alice/json/1.2.0.zip', 'zip');
    const other = await secondUpstream();
    upstream.authorization = value;
    upstream.handler = (request, response) => {
      if (request.headers.authorization !== value) return false;
      response.writeHead(302, { location: other.url + request.url }).end();
      return true;
    };
    const source = connect({ auth, allowedRedirects: ['127.0.0.0/8'] });
    await snapshotOf(source);
    expect(await archiveOf(source, module, version)).toBe('zip');
    expect(other.seen.length).toBeGreaterThan(2);
    for (const { headers } of other.seen) expect(headers).not.toHaveProperty('authorization');
  });

  test.each([
    ['basic', basic, basicValue],
    ['bearer', bearer, 'Bearer t0ken-value'],
  ] as const)('%s ones go no further where only git is redirected', async (_, auth, value) => {
    commitFiles(repository, index);
    const other = await secondUpstream();
    upstream.authorization = value;
    upstream.handler = (request, response) => {
      // The first question is ours, without git.
      if (upstream.seen.length === 1 || request.headers.authorization === undefined) return false;
      response.writeHead(307, { location: other.url + request.url }).end();
      return true;
    };
    expect(await connect({ auth }).readSnapshot(undefined)).toMatchObject({ kind: 'unavailable' });
    expect(other.seen).toEqual([]);
  });

  test('that git is asked for elsewhere stay at home', async () => {
    commitFiles(repository, index);
    const other = await secondUpstream();
    other.handler = (request, response) => {
      if (request.method !== 'POST') return false;
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
      return true;
    };
    upstream.handler = (request, response) => {
      response.writeHead(302, { location: other.url + request.url }).end();
      return true;
    };
    const source = connect({ auth: basic, allowedRedirects: ['127.0.0.1'] });
    expect(await source.readSnapshot(undefined)).toMatchObject({ kind: 'unavailable' });
    expect(other.seen.length).toBeGreaterThan(1);
    const sent = other.seen.map(({ headers }) => headers.authorization ?? '');
    expect(sent.join()).not.toContain(basicValue);
  });

  test('stay away from an address that is not one of the source', async () => {
    const other = await secondUpstream();
    put('a/1.2.0.zip', 'zip');
    const packageUrlPattern = `${other.url}/a/{version}.zip`;
    const source = connect({ auth: bearer, packageUrlPattern, allowedRedirects: ['127.0.0.1'] });
    expect(await archiveOf(source, module, version)).toBe('zip');
    expect(other.seen[0]?.headers).not.toHaveProperty('authorization');
  });
});

describe('opening an archive', () => {
  test('tries both forms of address and remembers which one works', async () => {
    put('user/alice%2Fjson%2F1.2.0.zip', 'zip');
    const source = connect();
    for (const _ of [1, 2]) expect(await archiveOf(source, module, version)).toBe('zip');
    expect(upstream.seen.map(({ target }) => target)).toEqual([
      'GET /user/alice/json/1.2.0.zip',
      'GET /user/alice%2Fjson%2F1.2.0.zip',
      'GET /user/alice%2Fjson%2F1.2.0.zip',
    ]);
    put('user/bob/tool/1.0.0.zip', 'split');
    expect(await archiveOf(source, 'bob/tool')).toBe('split');
  });

  test('encodes "+" and nested names', async () => {
    put('user/a/tree%2Fcli/1.0.0%2Bb1.zip', 'zip');
    expect(await archiveOf(connect(), 'a/tree/cli', '1.0.0+b1')).toBe('zip');
    expect(upstream.seen.map(({ target }) => target)).toEqual(['GET /user/a/tree%2Fcli/1.0.0%2Bb1.zip']);
  });

  test('is absent only when every form says so', async () => {
    const source = connect();
    expect(await source.openArchive(module, version)).toMatchObject({ kind: 'absent' });
    upstream.handler = (request, response) => {
      response.writeHead(request.url?.includes('%2F') ? 403 : 404).end();
      return true;
    };
    expect(await source.openArchive(module, version)).toMatchObject({ cause: { reason: 'unauthorized' } });
  });

  test('asks the other form when the first one is refused, as object stores refuse what they do not have', async () => {
    upstream.handler = (request, response) => {
      if (request.url?.includes('%2F')) response.end('zip');
      else response.writeHead(403).end();
      return true;
    };
    const source = connect();
    expect(await archiveOf(source, module, version)).toBe('zip');
    upstream.handler = (_, response) => {
      response.writeHead(403).end();
      return true;
    };
    expect(await source.openArchive(module, version)).toMatchObject({ cause: { reason: 'unauthorized' } });
  });

  test('does not take a web page for a zip', async () => {
    upstream.handler = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>sign in</html>');
      return true;
    };
    expect(await connect().openArchive(module, version)).toMatchObject({
      cause: { reason: 'bad-answer', detail: expect.stringContaining('web page instead of a file') },
    });
  });

  test('tells size, etag and address, and fails where the body breaks off', async () => {
    upstream.handler = (_, response) => {
      response.writeHead(200, { 'content-length': 100, etag: '"e"' });
      response.write('half', () => response.destroy());
      return true;
    };
    const result = await connect().openArchive(module, version);
    if (result.kind !== 'found') throw new Error(result.kind);
    expect(result.value).toMatchObject({
      sizeBytes: 100,
      etag: '"e"',
      url: `${upstream.url}/user/alice/json/1.2.0.zip`,
    });
    const error = await text(result.value.body).catch((reason: unknown) => reason);
    expect(transportFailure(error)).toMatchObject({ reason: 'connection' });
  });

  test('goes through a proxy', async () => {
    const proxy = await secondUpstream();
    proxy.handler = (_, response) => {
      response.end('proxied');
      return true;
    };
    const source = connect({ url: 'http://partner.invalid' }, { environment: { http_proxy: proxy.url } });
    expect(await archiveOf(source, module, version)).toBe('proxied');
    expect(proxy.seen.map(({ target }) => target)).toEqual([
      'GET http://partner.invalid/user/alice/json/1.2.0.zip',
    ]);
  });

  test('ends with the signal that started it', async () => {
    upstream.handler = (_, response) => {
      response.writeHead(200).write('x');
      return true;
    };
    const controller = new AbortController();
    const result = await connect().openArchive(module, version, controller.signal);
    if (result.kind !== 'found') throw new Error(result.kind);
    const reading = text(result.value.body);
    controller.abort(new Error('enough'));
    await expect(reading).rejects.toThrow('enough');
    await expect(connect().openArchive(module, version, controller.signal)).rejects.toThrow('enough');
  });

  test('ends when the source is closed', async () => {
    upstream.handler = () => true;
    const source = connect();
    const opening = source.openArchive(module, version);
    const reading = source.readSnapshot(undefined);
    const ended = Promise.allSettled([opening, reading]);
    await source.close();
    const reason = expect.objectContaining({ message: expect.stringContaining('closed') });
    expect(await ended).toEqual([
      { status: 'rejected', reason },
      { status: 'rejected', reason },
    ]);
  });
});

describe('opening an archive in a folder', () => {
  test.each([
    ['user/a/tree/cli/1.0.0+b.zip'],
    ['user/a/tree%2Fcli/1.0.0%2Bb.zip'],
    ['user/a%2Ftree%2Fcli%2F1.0.0%2Bb.zip'],
  ])('finds %s', async (path) => {
    put(path, 'zip');
    expect(await archiveOf(connect({ url: `file://${root}` }), 'a/tree/cli', '1.0.0+b')).toBe('zip');
  });

  test('fills a pattern', async () => {
    put('zips/a/tree/cli@1.0.0.zip', 'zip');
    const packageUrlPattern = `file://${root}/zips/{module}@{version}.zip`;
    expect(await archiveOf(connect({ url: `file://${root}`, packageUrlPattern }), 'a/tree/cli')).toBe('zip');
  });

  test('tells absent from unavailable', async () => {
    expect(await archiveOf(connect({ url: `file://${root}` }), 'a/b')).toBe('absent');
    expect(await archiveOf(connect({ url: `file://${root}/unmounted` }), 'a/b')).toBe('unavailable');
    mkdirSync(join(root, 'user/a/b/1.0.0.zip'), { recursive: true });
    expect(await archiveOf(connect({ url: `file://${root}` }), 'a/b')).toBe('unavailable');
  });

  test('follows no link that leads out of it', async () => {
    writeFileSync(join(directory, 'secret'), 'secret');
    mkdirSync(join(root, 'user/a/b'), { recursive: true });
    symlinkSync(join(directory, 'secret'), join(root, 'user/a/b/1.0.0.zip'));
    expect(await archiveOf(connect({ url: `file://${root}` }), 'a/b')).toBe('unavailable');
  });
});

describe('the rest', () => {
  test('symbols are opened, absent or unchanged', async () => {
    const source = connect();
    expect(await source.openSymbols(undefined)).toMatchObject({ kind: 'absent' });
    upstream.handler = (request, response) => {
      response.writeHead(request.headers['if-none-match'] === '"one"' ? 304 : 200, { etag: '"one"' }).end();
      return true;
    };
    expect(await source.openSymbols('"old"')).toMatchObject({ kind: 'found', value: { etag: '"one"' } });
    expect(await source.openSymbols('"one"')).toEqual({ kind: 'found', value: 'notModified' });
    expect(upstream.seen.at(-1)?.target).toBe('GET /symbols.zip');
  });

  test('assets are looked for at both addresses', async () => {
    put('assets/a/b@1.0.0%2Bx/main/main.wasm', 'wasm');
    const source = connect();
    const result = await source.openAsset('a/b@1.0.0+x/main/main.wasm');
    expect(result.kind === 'found' ? await text(result.value.body) : result).toBe('wasm');
    expect(upstream.seen.map(({ target }) => target)).toEqual([
      'GET /prebuild/a/b@1.0.0%2Bx/main/main.wasm',
      'GET /assets/a/b@1.0.0%2Bx/main/main.wasm',
    ]);
    expect(await source.openAsset('a/b@2.0.0/b.wasm')).toMatchObject({ kind: 'absent' });
  });

  test.each(['a/../../secret', 'a//b', 'a/./b', 'a\\b', ''])(
    '%j is no asset, and is not asked for',
    async (path) => {
      expect(await connect().openAsset(path)).toMatchObject({ kind: 'absent' });
      expect(upstream.seen).toHaveLength(0);
    },
  );

  test('a probe tells the kind of server and does not insist', async () => {
    const commit = commitFiles(repository, index);
    expect(await connect().probe()).toMatchObject({
      kind: 'found',
      value: { transport: 'smart-http', commit, latencyMs: expect.any(Number) },
    });
    upstream.seen.length = 0;
    upstream.handler = (_, response) => {
      response.writeHead(503).end();
      return true;
    };
    expect(await connect().probe()).toMatchObject({ cause: { reason: 'server-error', status: 503 } });
    expect(upstream.seen).toHaveLength(1);
  });

  test('a disabled source contacts nobody', async () => {
    const source = connect({ enabled: false });
    const answers = await Promise.all([
      source.readSnapshot(undefined),
      source.openArchive(module, version),
      source.openSymbols(undefined),
      source.openAsset('a/b@1.0.0/b.wasm'),
      source.probe(),
    ]);
    for (const answer of answers) expect(answer).toMatchObject({ cause: { reason: 'disabled' } });
    expect(upstream.seen).toHaveLength(0);
  });
});
