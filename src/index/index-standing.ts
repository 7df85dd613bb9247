/**
 * How an index repository stands, as its files alone tell: whoever opens one must know "there never was one", "it is
 * damaged" and "that is somebody else's" apart, since only the first may be answered by making a new one.
 */
import { lstat, readdir, readFile, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { StorageError } from '../errors.ts';
import { ifExists, storageErrorOf } from '../support/disk/disk-errors.ts';
import { errorCode } from '../support/error-code.ts';
import { GitError } from '../support/git/git.ts';
import { servedRef, stateRef } from './layout.ts';
import { restoreHint } from './restore-hint.ts';

export type IndexStanding =
  /** Nothing is there, or an empty folder. */
  | { readonly kind: 'absent' }
  /** Something else is there, and was never an index. */
  | { readonly kind: 'foreign'; readonly detail: string }
  | { readonly kind: 'damaged'; readonly parts: readonly [DamagedPart, ...DamagedPart[]] }
  /** What git needs to begin is there; what it finds then may still be damaged. */
  | { readonly kind: 'whole' };

export interface DamagedPart {
  /** Its path in the repository, e.g. `HEAD`. */
  readonly name: string;
  /** One sentence without the name: "is missing". */
  readonly detail: string;
  /** Whether it says nothing that is not known without it. */
  readonly isConstant: boolean;
}

/** What git, told nothing else, is to take for the branch of an index: the one that clients clone. */
export const headContent = `ref: ${servedRef}\n`;

const namesOfOurs = ['HEAD', 'config', 'objects', 'refs', 'packed-refs'];

/** Throws `StorageError` where the disk does not say, as for a folder of another user. */
export async function lookAtIndex(directory: string): Promise<IndexStanding> {
  try {
    const facts = await ifExists(stat(directory));
    if (!facts) return await lookAtNothing(directory);
    if (!facts.isDirectory()) return { kind: 'foreign', detail: 'is no folder' };
    const names = await readdir(directory);
    if (names.length === 0) return { kind: 'absent' };
    if (!names.some((name) => namesOfOurs.includes(name)))
      return { kind: 'foreign', detail: 'is a folder with other things in it' };
    const [first, ...others] = await findDamagedParts(directory);
    return first ? { kind: 'damaged', parts: [first, ...others] } : { kind: 'whole' };
  } catch (error) {
    throw storageErrorOf(`look at ${directory}`, error);
  }
}

async function lookAtNothing(directory: string): Promise<IndexStanding> {
  if (!(await ifExists(lstat(directory)))?.isSymbolicLink()) return { kind: 'absent' };
  return { kind: 'foreign', detail: `is a link to ${await readlink(directory)}, which is not there` };
}

async function findDamagedParts(directory: string): Promise<DamagedPart[]> {
  const read = (name: string) => lookAtFile(join(directory, name));
  const [head, config, packed, state] = await Promise.all(
    ['HEAD', 'config', 'packed-refs', stateRef].map(read),
  );
  const [objects, refs] = await Promise.all(
    ['objects', 'refs'].map(async (name) => judgeFolder(await ifExists(stat(join(directory, name))))),
  );
  const isPacked = typeof packed === 'object' && stateLine.test(packed.text);
  const ref = judgeState(state ?? 'missing', isPacked);
  return [
    ...part('HEAD', judgeHead(head ?? 'missing'), true),
    ...part('config', judgeConfig(config ?? 'missing'), true),
    ...part('objects', objects, false),
    // Tools that leave out empty folders lose it, where all refs are packed.
    ...part('refs', refs, isPacked),
    ...part('packed-refs', judgePacked(packed ?? 'missing'), false),
    ...(refs === undefined || isPacked ? part(stateRef, ref, false) : []),
  ];
}

function part(name: string, detail: string | undefined, isConstant: boolean): DamagedPart[] {
  return detail === undefined ? [] : [{ name, detail, isConstant }];
}

/** What stands at a path where a file should be. */
type FileLook = 'missing' | 'folder' | { readonly text: string };

export async function lookAtFile(file: string): Promise<FileLook> {
  try {
    return { text: await readFile(file, 'latin1') };
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return 'missing';
    if (code === 'EISDIR') return 'folder';
    throw error;
  }
}

function judgeHead(head: FileLook): string | undefined {
  return judgeText(head, (text) =>
    text.trim() === headContent.trim() ? undefined : `does not say "${headContent.trim()}"`,
  );
}

function judgeConfig(config: FileLook): string | undefined {
  return judgeText(config, (text) => (text.includes('[') ? undefined : unreadableConfig));
}

const unreadableConfig = 'cannot be read by git';

function judgePacked(packed: FileLook): string | undefined {
  if (packed === 'missing') return undefined;
  if (packed === 'folder') return judgeText(packed, () => undefined);
  const lines = packed.text.split('\n');
  const wrong = lines.findIndex((line) => line !== '' && !packedLine.test(line));
  return wrong < 0 ? undefined : `has a line ${wrong + 1} that is no ref`;
}

const packedLine = /^(#.*|\^[0-9a-f]{40}|[0-9a-f]{40} refs\/[^\0]+)$/;
const stateLine = new RegExp(`^[0-9a-f]{40} ${stateRef}$`, 'm');

function judgeState(state: FileLook, isPacked: boolean): string | undefined {
  // git passes over empty folders in the place of a ref.
  if (isPacked && typeof state === 'string') return undefined;
  return judgeText(state, (text) =>
    /^[0-9a-f]{40}$/.test(text.trim()) ? undefined : 'does not name a commit',
  );
}

/** What a power cut leaves of a file is empty, or consists of zeros. */
function judgeText(look: FileLook, judge: (text: string) => string | undefined): string | undefined {
  if (look === 'missing') return 'is missing';
  if (look === 'folder') return 'is a folder, where a file should be';
  return /^[\s\0]*$/.test(look.text) ? 'is empty' : judge(look.text);
}

function judgeFolder(facts: { isDirectory(): boolean } | undefined): string | undefined {
  if (!facts) return 'is missing';
  return facts.isDirectory() ? undefined : 'is a file, where a folder should be';
}

/** git says no more of it by a status than of anything else. */
function isAboutConfig({ stderr }: GitError): boolean {
  return /\bbad .*\bconfig\b/.test(stderr);
}

export const unreadableConfigPart: DamagedPart = {
  name: 'config',
  detail: unreadableConfig,
  isConstant: true,
};

/** What is wrong with these parts, and what to do, for whoever wanted to use the index. */
function damagedIndex(directory: string, parts: readonly DamagedPart[], cause?: unknown): StorageError {
  const what = parts.map(({ name, detail }) => `${name} ${detail}`).join('; ');
  const isMendable = parts.every(({ isConstant }) => isConstant);
  return new StorageError(`the index in ${directory} is damaged: ${what}`, {
    cause,
    hint: isMendable
      ? `run "moonbit-registry verify --repair", which writes that anew without loss; where that does not help, ${restoreHint}`
      : restoreHint,
  });
}

/** Throws `StorageError` where there is no index, or one that git cannot begin with. */
export async function requireIndex(directory: string): Promise<void> {
  const standing = await lookAtIndex(directory);
  if (standing.kind === 'absent')
    throw new StorageError(`there is no index repository in ${directory}`, {
      hint: 'moonbit-registry init makes a new registry, moonbit-registry restore BACKUP NEW_FOLDER one of a backup',
    });
  const problem = problemOf(directory, standing);
  if (problem) throw problem;
}

/** Why an index that was there cannot be used, from what its files say; `undefined` where they say nothing against it. */
export async function findIndexProblem(
  directory: string,
  cause?: unknown,
): Promise<StorageError | undefined> {
  return problemOf(directory, await lookAtIndex(directory), cause);
}

export function problemOf(
  directory: string,
  standing: IndexStanding,
  cause?: unknown,
): StorageError | undefined {
  switch (standing.kind) {
    case 'whole':
      return cause instanceof GitError && isAboutConfig(cause)
        ? damagedIndex(directory, [unreadableConfigPart], cause)
        : undefined;
    case 'damaged':
      return damagedIndex(directory, standing.parts, cause);
    case 'absent':
      return new StorageError(`the index in ${directory} is gone`, {
        cause,
        hint: `is its volume mounted? Else ${restoreHint}`,
      });
    case 'foreign':
      return new StorageError(
        `${directory} is needed for the index, but something else is there: it ${standing.detail}`,
        { cause, hint: `move it away; if there was an index before, ${restoreHint}` },
      );
  }
}
