/** The built program as process 1 of a container without an init, which waits for no strangers. */
import { execFileSync, spawnSync } from 'node:child_process';
import { appendFileSync, chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { commandOf, familyOf } from '../hostile/process-tree.ts';
import { packet } from '../support/hostile-speaker.ts';
import { createRegistry } from '../support/registry-world.ts';
import { startCli } from '../support/run-cli.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { startUpstream } from '../support/worlds.ts';

const within = ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child'];
const [unshare = '', ...words] = within;
const canUnshare = spawnSync(unshare, [...words, 'true']).status === 0;
const patience = { timeout: 20_000, interval: 20 };

/** A `git` whose packs take for ever: what computes them notes that it has begun, and sleeps. */
function createSlowGit() {
  const folder = temporaryDirectory();
  const begun = join(folder, 'begun');
  const git = execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim();
  const scripts = {
    git: `exec '${git}' -c uploadpack.packObjectsHook='${join(folder, 'hook')}' "$@"`,
    hook: `echo begun >> '${begun}'; exec sleep 600`,
  };
  for (const [name, script] of Object.entries(scripts)) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(folder, name), 0o755);
  }
  const countBegun = () => (existsSync(begun) ? readFileSync(begun, 'utf8').trim().split('\n').length : 0);
  return { path: `${folder}:${process.env.PATH}`, countBegun };
}

async function serveAsProcessOne(limits: string) {
  const upstream = await startUpstream(['alice/json@1.0.0']);
  const registry = await createRegistry({ sources: [{ name: 'main', upstream }] });
  await registry.sync();
  const { directory } = registry.config;
  appendFileSync(join(directory, 'registry.toml'), `\n[limits]\n${limits}\n`);
  const { path, countBegun } = createSlowGit();
  const server = await startCli(['serve', '--port', '0'], { cwd: directory, env: { PATH: path }, within });
  // Process 1 of a namespace ends with `unshare`, which heeds nothing less.
  onTestFinished(async () => void (await server.stop('SIGKILL')));
  const commit = await registry.servedCommit();
  const ask = (depth: number, signal?: AbortSignal) => {
    const body = `${packet('command=fetch')}0001${packet(`want ${commit}`)}${packet(`deepen ${depth}`)}${packet('done')}0000`;
    return fetch(`${server.baseUrl}/git/index/git-upload-pack`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-git-upload-pack-request', 'Git-Protocol': 'version=2' },
      body,
      ...(signal ? { signal } : {}),
    });
  };
  return { server, ask, countBegun };
}

const isUnexpected = (command: string) => !/^unshare |main\.js serve | cat-file /.test(command);

describe.skipIf(!canUnshare)('process 1 (needs a pid namespace: unshare --pid --mount-proc)', () => {
  test('keeps nothing of git when clients leave, nor when git takes too long', async () => {
    const { server, ask, countBegun } = await serveAsProcessOne('git_timeout = "2s"');
    const leaving = new AbortController();
    const left = [1, 2, 3, 4].map((depth) => ask(depth, leaving.signal).catch(() => 'left'));
    await vi.waitFor(() => expect(countBegun()).toBe(left.length), patience);
    leaving.abort();
    expect(await Promise.all(left)).toEqual(left.map(() => 'left'));
    expect((await ask(9)).status).toBe(500);
    expect(countBegun()).toBe(left.length + 1);
    // What has ended and was waited for by nobody would be among them, without a command line.
    await vi.waitFor(
      () => expect(familyOf(server.pid).map(commandOf).filter(isUnexpected)).toEqual([]),
      patience,
    );
  });
});
