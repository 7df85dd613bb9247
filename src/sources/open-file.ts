import type { Stats } from 'node:fs';
import { open, realpath, stat } from 'node:fs/promises';
import { isAbsolute, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { absent, found, type Lookup, unavailable } from '../model/lookup.ts';
import { errorCode } from '../support/error-code.ts';
import type { OpenedBody } from './source.ts';

/**
 * Opens the first of `names` that is a file below the folder `baseUrl` (a `file:` URL). Names are relative paths of
 * safe parts; a symbolic link that leads out of the folder is not followed. A folder that is not there, as an
 * unmounted disk, is unavailable and not absent (rule 4).
 */
export async function openFileBelow(baseUrl: string, names: readonly string[]): Promise<Lookup<OpenedBody>> {
  try {
    const base = await realpath(fileURLToPath(baseUrl));
    for (const name of names) {
      const path = await realPathIfPresent(join(base, name));
      if (path === undefined) continue;
      const inside = relative(base, path);
      if (inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside))
        return unavailable({
          reason: 'bad-answer',
          detail: `${join(base, name)} is a link that leads out of ${base}`,
        });
      return await openFile(path);
    }
    return absent(names.map((name) => join(base, name)).join(' and ') || `nothing below ${base}`);
  } catch (error) {
    const code = errorCode(error);
    if (code === undefined || code.startsWith('ERR_')) throw error;
    const reason = code === 'EACCES' || code === 'EPERM' ? 'unauthorized' : 'connection';
    return unavailable({ reason, detail: `cannot read below ${baseUrl}: ${code}` });
  }
}

async function realPathIfPresent(path: string): Promise<string | undefined> {
  try {
    return await realpath(path);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'].includes(errorCode(error) ?? '')) return undefined;
    throw error;
  }
}

async function openFile(path: string): Promise<Lookup<OpenedBody>> {
  // Looked at before it is opened: opening a pipe would wait for a writer.
  const stats: Stats = await stat(path);
  if (!stats.isFile()) return unavailable({ reason: 'bad-answer', detail: `${path} is not a file` });
  const handle = await open(path, 'r');
  const body = handle.createReadStream();
  body.on('error', () => {});
  return found({ body, sizeBytes: stats.size, etag: undefined, url: `file://${path}` });
}
