import { promises } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

type FileOperation =
  | 'link'
  | 'rename'
  | 'chmod'
  | 'rm'
  | 'open'
  | 'stat'
  | 'readFile'
  | 'readdir'
  | 'mkdir'
  | 'utimes';

/** An error as Node.js makes it of a system call; with a number alone, as of one that it has no name for. */
export function systemError(code: string | number, syscall = 'open', path?: string): Error {
  const named = typeof code === 'number' ? { errno: code, code: `Unknown system error ${code}` } : { code };
  return Object.assign(new Error(`${named.code}: it failed, ${syscall}`), { ...named, syscall, path });
}

/** Runs `work` where these operations on files, and `fsync` of folders, fail as the operating system fails them. */
export async function onFailingDisk<T>(
  failures: Partial<Record<FileOperation | 'fsyncFolder', string | number>>,
  work: () => Promise<T>,
): Promise<T> {
  const { fsyncFolder, ...operations } = failures;
  const before = { ...promises };
  for (const [name, code] of Object.entries(operations))
    Object.assign(promises, {
      [name]: (path: string) => Promise.reject(systemError(code, name, String(path))),
    });
  const opened = await before.open(process.execPath, 'r');
  const handle = Object.getPrototypeOf(opened);
  await opened.close();
  const { sync } = handle;
  if (fsyncFolder !== undefined)
    handle.sync = async function (this: typeof opened) {
      if ((await this.stat()).isDirectory()) throw systemError(fsyncFolder, 'fsync');
      return sync.call(this);
    };
  syncBuiltinESMExports();
  try {
    return await work();
  } finally {
    Object.assign(promises, before);
    handle.sync = sync;
    syncBuiltinESMExports();
  }
}
