import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { StagedDesk } from '../author/staged-client.ts';
import { UsageError } from '../errors.ts';
import type { StagedFacts } from '../registry/hosting/staging/staged-facts.ts';
import { onDisk, storageErrorOf } from '../support/disk/disk-errors.ts';
import { errorCode } from '../support/error-code.ts';
import type { CommandContext } from './context.ts';

/** Writes archives that wait into a folder, each under its module's name. Answers the files. Replaces none that is another. */
export async function saveArchives(
  { io, output }: Pick<CommandContext, 'io' | 'output'>,
  desk: Pick<StagedDesk, 'read'>,
  { id, versions }: StagedFacts,
  folder: string,
): Promise<string[]> {
  const place = resolve(io.workingDirectory, folder);
  await onDisk(`make ${place}`, () => mkdir(place, { recursive: true }));
  const saved: string[] = [];
  for (const { module, version, checksum } of versions) {
    const file = join(place, `${module}-${version}`.replace(/[^\w.+-]/g, '-').concat('.zip'));
    await save(file, await desk.read(id, checksum));
    output.note(`Saved ${file}`);
    saved.push(file);
  }
  return saved;
}

async function save(file: string, bytes: Buffer): Promise<void> {
  try {
    await writeFile(file, bytes, { flag: 'wx' });
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw storageErrorOf(`write ${file}`, error);
    if ((await onDisk(`read ${file}`, () => readFile(file))).equals(bytes)) return;
    throw new UsageError(`${file} is there already, and is another file`, { hint: 'name another folder' });
  }
}
