import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { clone, fetchReset, git, pull, shallowClone, tryGit } from '../../test/support/git-client.ts';
import { createRegistryStandIn } from '../../test/support/registry-stand-in.ts';
import { serveStandIn } from '../../test/support/stand-in-server.ts';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';

describe.each([0, 2] as const)('git clients of protocol v%d', (protocol) => {
  test('clone, pull and fetch the index, before and after a change and a new root', async () => {
    const { registry, url } = await serveStandIn();
    const directory = temporaryDirectory();
    const [full, shallow] = [join(directory, 'full'), join(directory, 'shallow')];
    const reset = join(directory, 'reset');
    await registry.publish('alice/json@1.0.0');
    await clone(`${url}/git/index`, full, { protocol });
    await shallowClone(`${url}/git/index`, shallow, { protocol });
    await shallowClone(`${url}//git/index`, reset, { protocol });
    const read = (where: string) => readFile(join(where, 'user/alice/json.index'), 'utf8');
    expect(await read(full)).toContain('"1.0.0"');
    expect(await read(reset)).toBe(await read(full));
    expect(await git(['-C', shallow, 'rev-list', '--count', 'HEAD'])).toBe('1\n');

    await registry.publish('alice/json@1.1.0');
    await pull(full, { protocol });
    await pull(shallow, { protocol });
    await fetchReset(reset, { protocol });
    for (const where of [full, shallow, reset]) expect(await read(where)).toContain('"1.1.0"');

    await registry.reRoot();
    await registry.publish('alice/json@1.2.0');
    await fetchReset(reset, { protocol });
    expect(await read(reset)).toContain('"1.2.0"');
    expect(
      (await tryGit(['-C', full, 'pull', '--quiet', '--no-rebase', 'origin', 'main'], { protocol })).code,
    ).toBe(128);
  });

  test('take 600 new modules, and a request that git compresses', async () => {
    const { registry, url } = await serveStandIn();
    const directory = temporaryDirectory();
    const [full, shallow] = [join(directory, 'full'), join(directory, 'shallow')];
    await clone(`${url}/git/index`, full, { protocol });
    await shallowClone(`${url}/git/index`, shallow, { protocol });
    // Commits that the server does not know: git tells it of many before it gives up.
    const own = Array.from(
      { length: 90 },
      (_, i) => `commit refs/heads/own\ncommitter a <a@b> ${1_800_000_000 + i} +0000\ndata 1\n.\n`,
    );
    own[0] += 'from refs/heads/main\n';
    await git(['-C', full, 'fast-import', '--quiet'], { input: own.join('') });
    await registry.publishMany('bob/m', 600);
    const fetched = await tryGit(['-C', full, 'fetch', 'origin', 'main'], {
      protocol,
      env: { GIT_TRACE_CURL: '1', GIT_TRACE_CURL_NO_DATA: '1' },
    });
    expect(fetched.code).toBe(0);
    expect(fetched.stderr).toMatch(/content-encoding: gzip/i);
    await fetchReset(shallow, { protocol });
    const files = await git(['-C', full, 'ls-tree', '-r', '--name-only', 'FETCH_HEAD']);
    expect(files.split('\n')).toHaveLength(602);
    expect(await readdir(join(shallow, 'user/bob'))).toHaveLength(600);
  });

  test('are not troubled by shallow snapshots of sources in the same repository', async () => {
    const { registry, url } = await serveStandIn();
    const source = await createRegistryStandIn();
    await source.publish('carol/lib@1.0.0');
    await source.publish('carol/lib@1.1.0');
    const fetchSource = ['fetch', '--quiet', '--depth', '1', `file://${source.indexDirectory}`];
    await git(['-C', registry.indexDirectory, ...fetchSource, 'main:refs/sources/partner']);
    await source.close();
    await registry.publish('alice/json@1.0.0');
    const directory = temporaryDirectory();
    const [full, shallow] = [join(directory, 'full'), join(directory, 'shallow')];
    await clone(`${url}/git/index`, full, { protocol });
    await shallowClone(`${url}/git/index`, shallow, { protocol });
    expect(await git(['-C', full, 'rev-parse', '--is-shallow-repository'])).toBe('false\n');
    await registry.publish('alice/json@1.1.0');
    for (const where of [full, shallow]) {
      await pull(where, { protocol });
      expect(await git(['-C', where, 'rev-parse', 'HEAD'])).toBe(`${await registry.servedCommit()}\n`);
    }
  });

  test('see HEAD and main, and nothing else', async () => {
    const { registry, url } = await serveStandIn();
    const commit = await registry.servedCommit();
    expect(await git(['ls-remote', `${url}/git/index`], { protocol })).toBe(
      `${commit}\tHEAD\n${commit}\trefs/heads/main\n`,
    );
  });

  test('cannot have a commit that is hidden', async () => {
    const { registry, url } = await serveStandIn();
    const directory = temporaryDirectory();
    await git(['init', '--quiet', directory]);
    const fetched = await tryGit(['-C', directory, 'fetch', `${url}/git/index`, registry.hiddenCommit], {
      protocol,
    });
    expect(fetched.code).not.toBe(0);
    expect((await tryGit(['-C', directory, 'cat-file', '-e', registry.hiddenCommit])).code).not.toBe(0);
  });

  test('learn why they cannot push', async () => {
    const { url } = await serveStandIn();
    const directory = temporaryDirectory();
    await clone(`${url}/git/index`, directory, { protocol });
    const pushed = await tryGit(['-C', directory, 'push', 'origin', 'HEAD:main'], { protocol });
    expect(pushed.code).not.toBe(0);
    expect(pushed.stderr).toContain('This index is read-only');
  });
});
