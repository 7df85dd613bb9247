import { randomUUID } from 'node:crypto';
import { lstat, mkdir, open, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { StorageError } from '../../errors.ts';
import { errorCode } from '../error-code.ts';
import { parseJson } from '../parse-json.ts';
import { shellLine } from '../shell.ts';
import { ifExists } from './disk-errors.ts';
import { tryLink } from './file-system-gaps.ts';
import type { ProcessIdentity } from './process-identity.ts';
import { temporaryName } from './temporary-file.ts';

/** A lock file as found. `text` is unlike that of any other time the lock was taken. */
export interface Holder {
  readonly file: string;
  readonly text: string;
  readonly identity: ProcessIdentity | undefined;
  /** Changes with each sign of life of the holder. */
  readonly mark: string;
}

/** Takes the lock, and answers the text that marks it as taken by this call; or answers who holds it. */
export async function tryTake(file: string, self: ProcessIdentity): Promise<string | Holder> {
  const text = `${JSON.stringify({ ...self, token: randomUUID() })}\n`;
  for (;;) {
    const holder = await readHolder(file);
    if (holder) return holder;
    if (await createWhole(file, text)) return text;
    await refuseLink(file);
  }
}

/** A link that leads nowhere is there and cannot be read: nobody holds it, and nobody could take it. */
async function refuseLink(file: string): Promise<void> {
  if ((await ifExists(lstat(file)))?.isSymbolicLink() && !(await ifExists(stat(file))))
    throw new StorageError(`cannot lock ${file}: it is a link to what is not there`, {
      hint: shellLine`rm ${file}`,
    });
}

/** Creates the file with all its content, unless it exists: nobody ever sees it half written. */
async function createWhole(file: string, text: string): Promise<boolean> {
  const temporary = temporaryName(file);
  try {
    await writeInFolder(temporary, text); // a full disk takes the name and not the content
    return (await tryLink(temporary, file)) === undefined || (await createAtOnce(file, text));
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Of locks' folder alone: where all the data are gone, they must not begin anew here. */
async function writeInFolder(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text, { flag: 'wx' });
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
    await ifExists(mkdir(dirname(file)).catch(unlessThere));
    await writeFile(file, text, { flag: 'wx' });
  }
}

function unlessThere(error: unknown): void {
  if (errorCode(error) !== 'EEXIST') throw error;
}

/**
 * Where there are no hard links. It is empty for a moment: who finds it so takes it for held by somebody unknown, and would
 * remove it only if that lasted; so it is looked at once more before the lock counts as taken.
 */
async function createAtOnce(file: string, text: string): Promise<boolean> {
  const handle = await open(file, 'wx');
  try {
    await handle.writeFile(text);
  } catch (error) {
    await rm(file, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
  return (await readHolder(file))?.text === text;
}

export async function readHolder(file: string): Promise<Holder | undefined> {
  const handle = await ifExists(open(file, 'r'));
  if (!handle) return undefined;
  try {
    const text = await handle.readFile('utf8');
    const mark = `${(await handle.stat()).mtimeMs} ${text}`;
    return { file, text, identity: parseIdentity(text), mark };
  } finally {
    await handle.close();
  }
}

// A power cut can leave the file without its content: such a holder is nobody we could ask about.
function parseIdentity(text: string): ProcessIdentity | undefined {
  const { host, place, pid, startedAt } = Object(parseJson(text));
  if (typeof host !== 'string' || typeof place !== 'string' || !Number.isSafeInteger(pid)) return undefined;
  return { host, place, pid, startedAt: typeof startedAt === 'string' ? startedAt : undefined };
}
