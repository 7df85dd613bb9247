import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { createRegistry, download, readServed } from '../support/registry-world.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { startUpstream } from '../support/worlds.ts';

afterEach(() => {
  delete process.env.GIT_SSH_COMMAND;
});

/** Stands for ssh: leaves its options and the host out, and runs the remote command on this machine. */
const localSsh = `#!/bin/sh
while [ $# -gt 1 ]; do
  case "$1" in -*) shift ;; esac
  case "$1" in git-upload-pack*) break ;; esac
  shift
done
exec sh -c "$1"
`;

test.each(['ssh://git@index.example.com', 'git@index.example.com:'])(
  'an index is read over ssh (%s), its archives over HTTP',
  async (host) => {
    const upstream = await startUpstream(['alice/json@1.0.0']);
    const ssh = join(temporaryDirectory(), 'ssh');
    writeFileSync(ssh, localSsh);
    chmodSync(ssh, 0o755);
    process.env.GIT_SSH_COMMAND = ssh;
    const indexUrl = `${host}${upstream.index.repository}`;
    const registry = await createRegistry({
      sources: [{ name: 'main', upstream: { url: upstream.url, indexUrl } }],
    });
    expect((await registry.sync()).sources).toMatchObject([{ outcome: 'fresh' }]);
    await upstream.publish('alice/json@1.1.0');
    await registry.sync();
    const served = await readServed(registry);
    expect(Object.keys(served)).toEqual(['alice/json@1.0.0', 'alice/json@1.1.0']);
    expect(await download(registry, 'alice/json@1.1.0')).toBe(served['alice/json@1.1.0']);
    expect(upstream.count('/git/')).toBe(0);
  },
);
