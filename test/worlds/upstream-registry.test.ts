import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createModuleArchive } from '../../src/demo/module-archive.ts';
import { clone, fetchReset, git, pull, shallowClone, tryGit } from '../support/git-client.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { readEntries, sha256, startUpstream } from '../support/worlds.ts';

const json = { module: 'alice/json', version: '1.2.0' };

async function download(url: string): Promise<{ status: number; bytes: Buffer }> {
  const response = await fetch(url);
  return { status: response.status, bytes: Buffer.from(await response.arrayBuffer()) };
}

describe.each([0, 2] as const)('an upstream index over protocol v%i', (protocol) => {
  test('is cloned in full and shallowly, and updated both ways', async () => {
    const upstream = await startUpstream(['alice/json@1.2.0', 'bob/base@0.1.0']);
    const [full, shallow] = [join(temporaryDirectory(), 'full'), join(temporaryDirectory(), 'shallow')];
    await clone(upstream.indexUrl, full, { protocol });
    await shallowClone(upstream.indexUrl, shallow, { protocol });
    await upstream.publish('alice/json@1.3.0');
    await pull(full, { protocol });
    await fetchReset(shallow, { protocol });
    for (const directory of [full, shallow])
      expect(readEntries(readFileSync(join(directory, 'user/alice/json.index')))).toMatchObject([
        { name: 'alice/json', version: '1.2.0' },
        { name: 'alice/json', version: '1.3.0' },
      ]);
    expect((await git(['-C', shallow, 'rev-list', '--count', 'HEAD'])).trim()).toBe('1');
  });

  test('takes a request body large enough to be compressed by git', async () => {
    const upstream = await startUpstream();
    const directory = join(temporaryDirectory(), 'clone');
    for (let patch = 0; patch < 40; patch++) await upstream.publish(`alice/json@0.1.${patch}`);
    await clone(upstream.indexUrl, directory, { protocol });
    // Commits that the server does not know: more and more of them are offered.
    for (let round = 0; round < 60; round++)
      await git(['-C', directory, 'commit', '--quiet', '--allow-empty', '-m', `local ${round}`]);
    await upstream.publish('alice/json@0.2.0');
    await git(['-C', directory, 'fetch', '--quiet', 'origin'], { protocol });
    expect(upstream.count(({ headers }) => headers['content-encoding'] === 'gzip')).toBeGreaterThan(0);
    const file = await git(['-C', directory, 'show', 'origin/main:user/alice/json.index']);
    expect(readEntries(file).at(-1)).toMatchObject({ version: '0.2.0' });
  });
});

describe('an upstream index', () => {
  test('is followed through a rewritten history', async () => {
    const upstream = await startUpstream(['alice/json@1.2.0']);
    await upstream.publish('alice/json@1.3.0');
    const directory = join(temporaryDirectory(), 'clone');
    await shallowClone(upstream.indexUrl, directory);
    const tree = await git(['-C', directory, 'rev-parse', 'HEAD^{tree}']);
    await upstream.rewriteHistory();
    expect((await tryGit(['-C', directory, 'pull', 'origin', 'main'])).code).not.toBe(0);
    await fetchReset(directory);
    expect(await git(['-C', directory, 'rev-parse', 'HEAD^{tree}'])).toBe(tree);
    expect((await git(['-C', directory, 'rev-parse', 'HEAD'])).trim()).toBe(upstream.index.commit);
  });

  test('has no branch until something is published, and then the default branch it is told to have', async () => {
    const upstream = await startUpstream();
    expect(await git(['ls-remote', upstream.indexUrl])).toBe('');
    await upstream.publish('alice/json@1.2.0');
    await upstream.setDefaultBranch('trunk');
    expect(await git(['ls-remote', '--symref', upstream.indexUrl])).toMatch(
      /^ref: refs\/heads\/trunk\tHEAD\n[0-9a-f]+\tHEAD\n[0-9a-f]+\trefs\/heads\/trunk\n$/,
    );
    await upstream.publish('alice/json@1.3.0');
    expect((await git(['ls-remote', upstream.indexUrl, 'refs/heads/trunk'])).slice(0, 40)).toBe(
      upstream.index.commit,
    );
  });

  test('holds raw files as they were written, under paths that git refuses to check out too', async () => {
    const upstream = await startUpstream(['alice/json@1.2.0']);
    await upstream.writeIndexFile('user/alice/bad.index', Buffer.from([0xff, 0x0a, 0x00]));
    await upstream.writeIndexFile('user/../escape.index', 'x');
    await upstream.writeIndexFile(Buffer.from('user/al\nice/\xff:\\.index', 'latin1'), 'y');
    await upstream.writeIndexFile('user/alice/gone.index', 'z');
    await upstream.removeIndexFile('user/alice/gone.index');
    await upstream.publish('alice/json@1.3.0');
    const bare = join(temporaryDirectory(), 'bare.git');
    await git(['clone', '--quiet', '--bare', upstream.indexUrl, bare]);
    const paths = (await git(['-C', bare, 'ls-tree', '-r', 'main', '--name-only'])).trim().split('\n');
    expect(paths.sort()).toEqual([
      '"user/al\\nice/\\377:\\\\.index"',
      'user/../escape.index',
      'user/alice/bad.index',
      'user/alice/json.index',
    ]);
    expect(await git(['-C', bare, 'cat-file', '-s', 'main:user/alice/bad.index'])).toBe('3\n');
  });

  test('replaces a version that is published again, in its place', async () => {
    const upstream = await startUpstream(['alice/json@1.2.0', 'alice/json@1.3.0']);
    const { checksum } = await upstream.publish('alice/json@1.2.0', { sizeBytes: 4000 });
    expect(readEntries(upstream.index.read('user/alice/json.index'))).toMatchObject([
      { version: '1.2.0', checksum },
      { version: '1.3.0' },
    ]);
    expect(sha256((await download(`${upstream.url}/user/alice/json/1.2.0.zip`)).bytes)).toBe(checksum);
  });

  test('takes further keys of a line, and leaves out those that are undefined', async () => {
    const upstream = await startUpstream();
    await upstream.publish('alice/json@1.2.0', {
      deps: { 'bob/base': '0.1.0' },
      binDeps: { 'bob/tool': '0.2.0' },
      line: { yanked: true, created_at: undefined },
    });
    const { checksum } = await upstream.publish('bob/base@0.1.0');
    expect(upstream.index.read('user/alice/json.index')?.toString()).toMatch(
      /^\{"name": "alice\/json", "version": "1\.2\.0", "deps": \{"bob\/base": "0\.1\.0"\}, "bin-deps": \{"bob\/tool": "0\.2\.0"\}, "yanked": true, "checksum": "[0-9a-f]{64}"\}\n$/,
    );
    expect(upstream.index.read('user/bob/base.index')?.toString()).toMatch(
      new RegExp(`"checksum": "${checksum}", "created_at": "2026-[^"]+000\\+00:00"\\}\\n$`),
    );
  });

  test('is read over dumb HTTP when that is all it offers', async () => {
    const upstream = await startUpstream(['alice/json@1.2.0'], { isDumb: true });
    const directory = join(temporaryDirectory(), 'clone');
    await clone(upstream.indexUrl, directory);
    expect(existsSync(join(directory, 'user/alice/json.index'))).toBe(true);
    const { code, stderr } = await tryGit(['clone', '--depth', '1', upstream.indexUrl, `${directory}-2`]);
    expect(code).toBe(128);
    expect(stderr).toContain('dumb http transport does not support shallow');
  });

  test('is below a base path when one is given', async () => {
    const upstream = await startUpstream(['alice/json@1.2.0'], { basePath: '/registry' });
    expect(upstream.indexUrl).toMatch(/\/registry\/git\/index$/);
    expect(await git(['ls-remote', upstream.indexUrl])).toContain('refs/heads/main');
    expect((await download(`${upstream.url}/user/alice/json/1.2.0.zip`)).status).toBe(200);
    expect((await download(`${upstream.origin}/user/alice/json/1.2.0.zip`)).status).toBe(404);
  });
});

describe('upstream archives', () => {
  test('have the checksum that the index states, at both forms of their address', async () => {
    const upstream = await startUpstream(['alice/json@1.2.0', 'alice/tree/cli@0.1.0+3', '李/🐫@0.1.0']);
    for (const [path, index] of [
      ['alice%2Fjson%2F1.2.0.zip', 'user/alice/json.index'],
      ['alice/json/1.2.0.zip', 'user/alice/json.index'],
      ['alice%2Ftree%2Fcli%2F0.1.0%2B3.zip', 'user/alice/tree/cli.index'],
      ['alice/tree%2Fcli/0.1.0%2B3.zip', 'user/alice/tree/cli.index'],
      [`${encodeURIComponent('李')}/${encodeURIComponent('🐫')}/0.1.0.zip`, 'user/李/🐫.index'],
    ] as const) {
      const { status, bytes } = await download(`${upstream.url}/user/${path}`);
      expect([path, status]).toEqual([path, 200]);
      expect(sha256(bytes)).toBe(readEntries(upstream.index.read(index))[0]?.checksum);
    }
  });

  test('are not found under a literal plus, under another letter case, or once withdrawn', async () => {
    const upstream = await startUpstream(['alice/json@1.2.0+3', 'alice/Tree@0.1.0', 'alice/old@0.1.0']);
    upstream.withdrawArchive('alice/old@0.1.0');
    for (const path of ['json/1.2.0+3', 'tree/0.1.0', 'old/0.1.0', 'json/%E0%A4%A', 'json/9.9.9'])
      expect((await download(`${upstream.url}/user/alice/${path}.zip`)).status).toBe(404);
  });

  test('are those that were given, and the same in every registry when generated', async () => {
    const [one, other] = [await startUpstream(), await startUpstream()];
    const archive = createModuleArchive({ ...json, files: { 'NOTES.md': 'by hand' } });
    expect((await one.publish('alice/json@1.2.0', { archive })).checksum).toBe(sha256(archive));
    expect(await one.publish('bob/base@0.1.0')).toEqual(await other.publish('bob/base@0.1.0'));
  });

  test('answer ranges and conditional requests', async () => {
    const upstream = await startUpstream(['alice/json@1.2.0']);
    const url = `${upstream.url}/user/alice/json/1.2.0.zip`;
    const whole = await download(url);
    const part = await fetch(url, { headers: { range: 'bytes=10-19' } });
    expect([part.status, part.headers.get('content-range')]).toEqual([
      206,
      `bytes 10-19/${whole.bytes.length}`,
    ]);
    expect(Buffer.from(await part.arrayBuffer())).toEqual(whole.bytes.subarray(10, 20));
    const etag = `"${sha256(whole.bytes)}"`;
    expect((await fetch(url, { headers: { 'if-none-match': etag } })).status).toBe(304);
    const changed = await fetch(url, { headers: { range: 'bytes=10-19', 'if-range': '"other"' } });
    expect(changed.status).toBe(200);
    expect((await fetch(url, { headers: { range: `bytes=${whole.bytes.length}-` } })).status).toBe(416);
    expect((await fetch(url, { method: 'HEAD' })).headers.get('content-length')).toBe(
      `${whole.bytes.length}`,
    );
  });

  test('come with symbols and wasm assets where there are some', async () => {
    const upstream = await startUpstream();
    expect((await download(`${upstream.url}/symbols.zip`)).status).toBe(404);
    upstream.setSymbols(Buffer.from('symbols'));
    const etag = (await fetch(`${upstream.url}/symbols.zip`)).headers.get('etag');
    const again = await fetch(`${upstream.url}/symbols.zip`, { headers: { 'if-none-match': etag ?? '' } });
    expect(again.status).toBe(304);
    upstream.setAsset('alice/app@0.1.0+1/cli/cli.wasm', Buffer.from('wasm'));
    for (const folder of ['assets', 'prebuild']) {
      const asset = `${upstream.url}/${folder}/alice/app@0.1.0+1/cli/cli.wasm`;
      expect((await download(asset)).bytes.toString()).toBe('wasm');
      const sum = (await download(`${asset}.sha256`)).bytes.toString();
      expect(sum).toBe(`${sha256(Buffer.from('wasm'))}  cli.wasm\n`);
      expect((await download(`${upstream.url}/${folder}/alice/app@0.2.0/app.wasm`)).status).toBe(404);
    }
  });
});

describe('upstream credentials', () => {
  test('basic ones are asked of git and of downloads', async () => {
    const auth = { type: 'basic', username: 'ci', password: 'pass word' } as const;
    const upstream = await startUpstream(['alice/json@1.2.0'], { auth });
    const archive = `${upstream.url}/user/alice/json/1.2.0.zip`;
    const refused = await fetch(archive);
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([
      401,
      'Basic realm="upstream"',
    ]);
    expect((await tryGit(['ls-remote', upstream.indexUrl])).code).toBe(128);
    const withCredentials = upstream.indexUrl.replace('//', '//ci:pass%20word@');
    expect(await git(['ls-remote', withCredentials])).toContain('refs/heads/main');
    const authorization = `Basic ${Buffer.from('ci:pass word').toString('base64')}`;
    expect((await fetch(archive, { headers: { authorization } })).status).toBe(200);
  });

  test('a bearer token is compared as it is', async () => {
    const upstream = await startUpstream(['alice/json@1.2.0'], { auth: { type: 'bearer', token: 'token' } });
    const archive = `${upstream.url}/user/alice/json/1.2.0.zip`;
    expect((await fetch(archive, { headers: { authorization: 'Bearer other' } })).status).toBe(401);
    expect((await fetch(archive, { headers: { authorization: 'Bearer token' } })).status).toBe(200);
  });
});
