import { join } from 'node:path';
import {
  type DamagedPart,
  lookAtIndex,
  problemOf,
  unreadableConfigPart,
} from '../../index/index-standing.ts';
import { findUnseenPacks, mendIndex, removeBrokenMain, showPack } from '../../index/mend-index.ts';
import { GitError, runGit } from '../../support/git/git.ts';
import type { VerifyFinding } from './verify-report.ts';
import { defect } from './verify-repository.ts';

/**
 * Whether git can begin with an index at all: what of its own files is missing or damaged. With `repair`, those that are
 * the same in every index are written anew. Throws `StorageError` where something else is in its place.
 */
export async function verifyStanding(
  directory: string,
  { repair, signal }: { readonly repair: boolean; readonly signal?: AbortSignal | undefined },
): Promise<VerifyFinding[]> {
  const parts = await findParts(directory, signal);
  if (repair) await mendIndex(directory, parts);
  // It is where the state says, and opening a registry to change it moves it there.
  if (repair && parts.length === 0) await removeBrokenMain(directory);
  const unseen = await judgeUnseenPacks(directory, repair, signal);
  const damaged = parts.map(({ name, detail, isConstant }) => {
    if (!isConstant) return defect(join(directory, name), detail);
    const outcome = repair
      ? 'it was written anew, and nothing is lost by that'
      : '--repair writes it anew, and nothing is lost by that';
    return defect(join(directory, name), `${detail}: ${outcome}`, repair);
  });
  return [...damaged, ...unseen];
}

/** No damage by themselves: a process that was killed leaves such packs, which nothing needs. */
async function judgeUnseenPacks(
  directory: string,
  repair: boolean,
  signal: AbortSignal | undefined,
): Promise<VerifyFinding[]> {
  const findings: VerifyFinding[] = [];
  for (const file of await findUnseenPacks(directory)) {
    const isSeen = repair && (await showPack(file, signal));
    if (isSeen) findings.push(defect(file, 'had no .idx beside it: that was written anew', true));
    else {
      const outcome = repair ? 'it is not whole' : '--repair writes that anew, and nothing is lost by that';
      const detail = `has no .idx beside it, so git does not see what is in it: ${outcome}`;
      findings.push({ severity: 'note', subject: file, detail, isRepaired: false });
    }
  }
  return findings;
}

async function findParts(
  directory: string,
  signal: AbortSignal | undefined,
): Promise<readonly DamagedPart[]> {
  const standing = await lookAtIndex(directory);
  if (standing.kind !== 'damaged' && standing.kind !== 'whole')
    throw problemOf(directory, standing) ?? new Error(`${directory} is no index`);
  const parts = standing.kind === 'damaged' ? standing.parts : [];
  const isJudged = parts.some(({ name }) => name === unreadableConfigPart.name);
  return isJudged || (await canReadConfig(directory, signal)) ? parts : [...parts, unreadableConfigPart];
}

async function canReadConfig(directory: string, signal: AbortSignal | undefined): Promise<boolean> {
  try {
    await runGit(['config', '--file', join(directory, 'config'), '--list'], { signal });
    return true;
  } catch (failure) {
    if (!(failure instanceof GitError)) throw failure;
    return false;
  }
}
