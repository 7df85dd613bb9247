import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

const run = (command: string, ...args: string[]) => execFileSync(command, args, { stdio: 'pipe' });

/** Whether this user may mount; says so where not, as what needs it is skipped then. */
export function mayMount(what: string): boolean {
  const probe = mkdtempSync(join(tmpdir(), 'mount-probe-'));
  try {
    run('mount', '-t', 'tmpfs', 'tmpfs', probe);
    run('umount', probe);
    return true;
  } catch {
    console.warn(`mount is not permitted here: ${what} is not tested for real`);
    return false;
  } finally {
    rmSync(probe, { recursive: true, force: true });
  }
}

/** The same folder once more under another name, where nothing can be written; until the test has finished. */
export function mountReadOnly(folder: string, place: string): void {
  mkdirSync(place);
  run('mount', '--bind', folder, place);
  onTestFinished(() => void run('umount', '-l', place));
  run('mount', '-o', 'remount,ro,bind', place);
}

/** An empty file system in memory, until the test has finished. `options` as of `mount -o`. */
export function mountMemory(place: string, options: string): void {
  mkdirSync(place);
  run('mount', '-t', 'tmpfs', '-o', options, 'tmpfs', place);
  onTestFinished(() => void run('umount', '-l', place));
}
