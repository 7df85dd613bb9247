import { spawn } from 'node:child_process';
import { chown, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { type CliOutcome, entry } from './run-cli.ts';

/** A user as containers have them: a number, which need not have a name. */
export interface OtherUser {
  readonly uid: number;
  readonly gid: number;
  /** Octal; 022 unless given. */
  readonly umask?: string;
}

/** Runs the built command as somebody else, with nothing in the environment but what is given: no HOME either. */
export async function runAs(
  user: OtherUser,
  directory: string,
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<CliOutcome> {
  const script = `umask ${user.umask ?? '022'} && exec "$0" "$@"`;
  const child = spawn('/bin/sh', ['-c', script, process.execPath, entry, ...words], {
    cwd: directory,
    uid: user.uid,
    gid: user.gid,
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  const [stdout, stderr, code] = await Promise.all([buffer(child.stdout), buffer(child.stderr), ended]);
  return { code, stdout: stdout.toString(), stderr: stderr.toString() };
}

/** Why the built program cannot be run as another user here; `undefined` where it can. */
export async function whyNotAs(user: OtherUser): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'only root can run a command as another user';
  const { code, stderr } = await runAs(user, '/', ['--version']).catch((error: unknown) => ({
    code: 1,
    stderr: String(error),
  }));
  return code === 0
    ? undefined
    : `another user cannot run the built program here: ${stderr.split('\n', 1)[0]}`;
}

/** Gives a folder, and all that is in it, to somebody. */
export async function giveTo({ uid, gid }: OtherUser, path: string): Promise<void> {
  await chown(path, uid, gid);
  if (!(await stat(path)).isDirectory()) return;
  for (const name of await readdir(path)) await giveTo({ uid, gid }, join(path, name));
}
