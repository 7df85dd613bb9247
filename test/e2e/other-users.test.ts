/** The built program where people really run it: as a user without name or home, and beside root or another user. */
import { chmod, chown, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { DoctorReport } from '../../src/registry/doctor.ts';
import { giveTo, type OtherUser, runAs, whyNotAs } from '../support/other-user.ts';
import { writeSettings } from '../support/registry-world.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { startUpstream } from '../support/worlds.ts';

/** Of no passwd file. */
const somebody: OtherUser = { uid: 1_000_777, gid: 1_000_777 };
const obstacle = await whyNotAs(somebody);
if (obstacle !== undefined) console.warn(`${obstacle}: other users are not tested`);

describe.skipIf(obstacle !== undefined)('another user', () => {
  async function createFolder(owner: OtherUser) {
    const upstream = await startUpstream(['alice/json@1.0.0']);
    const directory = join(temporaryDirectory(), 'registry');
    await mkdir(directory);
    await writeSettings(directory, { sources: [{ name: 'main', upstream }] });
    await chmod(join(directory, '..'), 0o755);
    await giveTo(owner, directory);
    return { upstream, directory };
  }

  test('without a name and a home: nothing asks for either', async () => {
    const { directory } = await createFolder(somebody);
    expect(await runAs(somebody, directory, ['sync'])).toMatchObject({ code: 0, stderr: '' });
    const audit = await readFile(join(directory, 'data', 'audit.jsonl'), 'utf8');
    expect(audit).toContain(`"actor":"uid ${somebody.uid}: sync"`);
    const { stdout } = await runAs(somebody, directory, ['doctor', '--json']);
    const { checks } = JSON.parse(stdout) as DoctorReport;
    expect(checks).toContainEqual({
      name: 'moon: config.json',
      result: 'ok',
      detail: expect.stringContaining('there is no config.json'),
    });
    expect(checks.find(({ name }) => name === 'owners')).toMatchObject({ result: 'ok' });
  });

  test('after root has written there: the file, its owner and the command that mends it', async () => {
    const { directory } = await createFolder(somebody);
    await runAs(somebody, directory, ['sync']);
    const file = join(directory, 'data', 'index', 'refs', 'registry', 'state');
    await chown(file, 0, 0);
    await chmod(file, 0o600);
    const told = `the user ${somebody.uid} may not read ${file}, which belongs to root`;
    const hint = `hint: as root: chown -R ${somebody.uid} ${join(directory, 'data')}`;
    for (const command of ['sync', 'verify']) {
      const { code, stdout, stderr } = await runAs(somebody, directory, [command]);
      expect(code).toBe(1);
      expect(stderr).toContain(told);
      expect(stderr).toContain(hint);
      expect(stdout).not.toContain('damaged');
    }
    const looked = await runAs(somebody, directory, ['doctor']);
    expect(looked.stdout).toContain(`FAILURE  index: the user ${somebody.uid} may not read ${file}`);
    expect(looked.stdout).not.toContain('restore a backup');
    await giveTo(somebody, file);
    const audit = join(directory, 'data', 'audit.jsonl');
    await chown(audit, 0, 0);
    const { code, stdout } = await runAs(somebody, directory, ['doctor', '--json']);
    expect(code).toBe(1);
    expect((JSON.parse(stdout) as DoctorReport).checks).toContainEqual({
      name: 'owners',
      result: 'failure',
      detail: `the user ${somebody.uid} may not read ${audit}, which belongs to root`,
      hint: expect.stringContaining('chown -R'),
    });
    const { stderr } = await runAs({ uid: 0, gid: 0 }, directory, ['sync']);
    expect(stderr).toContain(
      `this runs as root, and ${join(directory, 'data')} belongs to uid ${somebody.uid}`,
    );
  });

  test('users of one group with the umask 002: each adds its lines to the audit file', async () => {
    const [first, second] = [1_000_778, 1_000_779].map((uid) => ({ uid, gid: 0, umask: '002' }));
    if (!first || !second) throw new Error('two users are needed');
    const { upstream, directory } = await createFolder(first);
    await chmod(directory, 0o775);
    await runAs(first, directory, ['sync']);
    await upstream.publish('bob/http@0.1.0');
    expect(await runAs(second, directory, ['sync'])).toMatchObject({ code: 0, stderr: '' });
    const lines = (await readFile(join(directory, 'data', 'audit.jsonl'), 'utf8')).trim().split('\n');
    expect(lines.map((line) => JSON.parse(line).actor)).toEqual([
      `uid ${first.uid}: sync`,
      `uid ${second.uid}: sync`,
    ]);
  });
});
