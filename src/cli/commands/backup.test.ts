import { appendFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../../test/support/temporary-directory.ts';
import type { Checksum } from '../../model/checksum.ts';
import { cli, recordIo } from '../io.fixture.ts';
import { runCli } from '../run.ts';
import { formatBackup } from './backup.ts';

test('backup and restore say what they did, where, and what comes next', async () => {
  const folder = temporaryDirectory();
  const run = (...words: string[]) => cli(words, { workingDirectory: folder });
  await run('init', 'registry');
  const settings = join(folder, 'registry', 'registry.toml');
  const secret = `auth = { type = "bearer", token = "\${file:/etc/hostname}" }`;
  await appendFile(
    settings,
    `\n[[sources]]\nname = "partner"\nurl = "https://p.example"\nindex_url = "https://p.example/i"\n${secret}\n`,
  );
  const backup = await run('-d', 'registry', 'backup', 'b.tar');
  expect(backup.exitCode).toBe(0);
  expect(backup.stdout).toMatch(
    /^Backed up the registry as of \S+Z \(state [0-9a-f]{12}\) to \S+\/b\.tar\n {2}0 modules, 0 archives; \d\.\d KiB in 0\.0 s\n$/,
  );
  const restored = await run('restore', 'b.tar', 'restored');
  expect(restored.stdout).toMatch(
    /^Restored the registry as of \S+Z \(state [0-9a-f]{12}\) to \S+\/restored\n/,
  );
  expect(restored.stdout).toContain(
    '\nIts sources:\n  partner: https://p.example, https://p.example/i; sent there: file /etc/hostname\nNext:\n',
  );
  expect(restored.stderr).toContain(
    'warning: source "partner" gets what stands in /etc/hostname, which is no file of',
  );
  expect(restored.stdout).toContain('\nNext:\n  cd restored\n  moonbit-registry verify --deep\n');
  expect(await run('restore', 'no.tar', 'other')).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining(`there is no file ${folder}/no.tar\nhint: ls -l ${folder}\n`),
  });
  await rm(join(folder, 'restored'), { recursive: true });
  expect((await readdir(folder)).sort()).toEqual(['b.tar', 'registry']);
});

test('backup - gives nothing but the backup on stdout, and refuses what would spoil it', async () => {
  const folder = temporaryDirectory();
  await cli(['init'], { workingDirectory: folder });
  const io = recordIo({ workingDirectory: folder });
  expect(await runCli(['backup', '-'], io)).toBe(0);
  expect(io.written.stdout).toBe('');
  expect(io.written.stderr).toMatch(/^Backed up the registry as of \S+Z \(state \w+\)\n/);
  expect(Buffer.concat(io.bytes).length).toBe(6656);
  const terminal = await cli(['backup', '-'], { workingDirectory: folder, isTTY: true });
  expect(terminal).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('not for a terminal') });
  const json = await cli(['--json', 'backup', '-'], { workingDirectory: folder });
  expect(json).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('leave --json out') });
});

test('what could not be backed up is named, with what mends it', () => {
  const report = {
    ...{ file: '/b.tar', madeAt: '2026-03-01T12:00:00.000Z', state: 'a'.repeat(40), served: 'b'.repeat(40) },
    ...{ modules: 2, archives: 5, assets: 1, sizeBytes: 2048 },
    leftOut: [{ checksum: 'c'.repeat(64) as Checksum, reason: 'was removed while the backup was made' }],
    problems: ['alice/json@1.0.0 is served, but not pinned in the ledger'],
  };
  expect(formatBackup(report, 61_000)).toBe(
    [
      'Backed up the registry as of 2026-03-01T12:00:00.000Z (state aaaaaaaaaaaa) to /b.tar',
      '  2 modules, 5 archives, 1 asset; 2.0 KiB in 1 min 1 s',
      '1 stored file is not in it:',
      `  ${'c'.repeat(64)} was removed while the backup was made`,
      'Fetch them again, then back up again: moonbit-registry verify --deep --repair',
      '1 problem of this registry, which the backup has, too:',
      '  alice/json@1.0.0 is served, but not pinned in the ledger',
      'See all of them: moonbit-registry verify',
    ].join('\n'),
  );
});
