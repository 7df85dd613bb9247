import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startUpstream } from '../../../test/support/worlds.ts';
import { cli } from '../io.fixture.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'block-'));
  const address = 'url = "http://127.0.0.1:9"\nindex_url = "http://127.0.0.1:9/git/index"';
  await writeFile(join(directory, 'registry.toml'), `[[sources]]\nname = "main"\n${address}\n`);
});
afterEach(() => rm(directory, { recursive: true }));

const run = (...words: string[]) => cli(words, { workingDirectory: directory });

test('what is not served can be blocked ahead, a whole module too, and asks no source', async () => {
  const ahead = await run('block', 'evil/name', '--reason', ' malicious ');
  expect(ahead).toEqual({
    exitCode: 0,
    stderr: 'Lift it with: moonbit-registry unblock evil/name\n',
    stdout: `Blocked: all versions of evil/name: malicious
Served index: 0 modules (unchanged).
It was never served here. It is refused from now on, wherever it comes from.
`,
  });
  expect((await run('block', 'other/name', '--reason', 'x', '-q')).stderr).toBe('');
  await run('unblock', 'other/name');
  expect(await run('explain', 'evil/name@1.0.0')).toMatchObject({
    exitCode: 0,
    stdout: expect.stringMatching(
      /^evil\/name@1\.0\.0 is blocked: malicious\n {2}the operator refuses it to everybody, .*\n {2}Rule: blocked\n\nBlocked: /,
    ),
  });
  expect((await run('explain', 'evil/name')).stdout).toMatch(
    /Blocked: evil\/name \(all versions\): malicious \(since/,
  );
  expect(JSON.parse((await run('block', 'a/b@1.0.0', '--reason', 'x', '--json')).stdout)).toEqual({
    decision: expect.objectContaining({ action: 'block', module: 'a/b', version: '1.0.0', reason: 'x' }),
    versions: [],
    listed: [],
    left: [],
    changes: [],
    purge: [],
  });
  expect((await run('block', '--list')).stdout.split('\n')).toHaveLength(3);
});

test.each([
  [['block', 'alice/json'], 'hint: moonbit-registry block alice/json --reason "CVE-2026-1: use 1.2.1"'],
  [['block', 'alice/json', '--reason', ' '], 'say why'],
  [['block', 'alice/json', '--reason', 'two\nlines'], 'one line of visible text'],
  [['block', 'alice/json', '--reason', 'x'.repeat(501)], 'no longer than 500 characters'],
  [['block', 'json', '--reason', 'x'], 'names no module'],
  [['block', 'alice/json@1.0', '--reason', 'x'], 'is not a version'],
  [['block'], 'say what to block'],
  [['block', 'alice/json', '--list'], '--list takes nothing else'],
  [['unblock'], 'usage: moonbit-registry unblock MODULE[@VERSION]'],
])('%j is refused as wrong usage', async (words, text) => {
  const { exitCode, stdout, stderr } = await run(...words);
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
  expect(stderr).toContain(text);
});

test('what is not blocked cannot be unblocked', async () => {
  expect(await run('unblock', 'nobody/has')).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('hint: moonbit-registry block --list'),
  });
});

test('what became of each version is said, with what moon says of it, and what is mistyped is warned of', async () => {
  const upstream = await startUpstream(['alice/json@1.0.0', 'alice/json@1.1.0', 'alice/json@1.2.0']);
  const address = `url = "${upstream.url}"\nindex_url = "${upstream.indexUrl}"`;
  await writeFile(join(directory, 'registry.toml'), `[[sources]]\nname = "main"\n${address}\n`);
  await run('sync');
  const newest = await run('block', 'alice/json@1.2.0', '--reason', 'CVE-2026-1');
  expect(newest).toMatchObject({
    exitCode: 0,
    stderr: 'Lift it with: moonbit-registry unblock alice/json@1.2.0\n',
    stdout: expect.stringContaining(
      'Left the index: 1.2.0, as no newer compatible version can be had. Builds that require it fail without the reason, ' +
        'so tell your people; moon says only:\n  Failed to resolve registry dependency `alice/json` for module `…`: ' +
        'no version satisfies requirement `…`\n',
    ),
  });
  expect(newest.stdout).not.toContain('Stays listed');
  const hole = await run('block', 'alice/json@1.0.0', '--reason', 'CVE-2026-2');
  expect(hole.stdout).toContain('Stays listed: 1.0.0. Builds that require it fail; moon prints the reason');
  expect(hole.stdout).not.toContain('Left the index');
  expect(await run('block', 'alice/jsno@1.0.0', '--reason', 'CVE-2026-3')).toMatchObject({
    exitCode: 0,
    stderr:
      'warning: no source lists alice/jsno; did you mean alice/json?\nLift it with: moonbit-registry unblock alice/jsno@1.0.0\n',
  });
  expect((await run('block', 'alice/json@1.2.1', '--reason', 'x')).stderr).toContain(
    'no source lists alice/json@1.2.1; did you mean alice/json@1.2.0?',
  );
  const unblocked = await run('unblock', 'alice/jsno@1.0.0');
  expect({ ...unblocked, stdout: '' }).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  expect((await run('explain', 'alice/json@1.2.0')).stdout).toMatch(
    /^alice\/json@1\.2\.0 is blocked: CVE-2026-1\n {2}the operator .* it has left the index, .*\n {2}Rule: blocked\n\nBlocked: /,
  );
});
