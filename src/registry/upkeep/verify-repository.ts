import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatFile, formatProblem, parseState } from '../../index/registry-state.ts';
import { GitError, runGit } from '../../support/git/git.ts';
import { findDamage } from './check-objects.ts';
import type { VerifyFinding, VerifyStep } from './verify-report.ts';

export interface RepositoryOptions {
  readonly deep: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Names of the sources that are configured. */
  readonly sources: ReadonlySet<string>;
  /** Whether the registry is opened to be changed afterwards, which moves `main` to where the state says. */
  readonly isRepaired?: boolean | undefined;
}

type RepositorySteps = readonly [repository: VerifyStep, state: VerifyStep];

/**
 * What can be said of an index repository that may be too damaged to be opened, beside what was found of its files. Writes
 * nothing, and takes no lock: beside a sync that packs objects, git may not find what has just been moved, so what is found is
 * looked for once more. A state that cannot be read since the repository is damaged is not told as another damage.
 */
export async function verifyRepository(
  directory: string,
  standing: readonly VerifyFinding[],
  options: RepositoryOptions,
): Promise<RepositorySteps> {
  if (!isSound(standing)) return [stepOf('repository', 0, standing), skipped('state')];
  const first = await verifyOnce(directory, standing, options);
  return first.every(({ findings }) => findings.length === 0)
    ? first
    : verifyOnce(directory, standing, options);
}

async function verifyOnce(
  directory: string,
  standing: readonly VerifyFinding[],
  options: RepositoryOptions,
): Promise<RepositorySteps> {
  const objects = await checkObjects(directory, options);
  const repository = stepOf('repository', objects.checked, [...standing, ...objects.findings]);
  const state = stepOf('state', 3, await checkState(directory, options));
  const isOurs = ({ severity, subject }: VerifyFinding) => severity === 'problem' && subject === directory;
  const isConsequence = state.outcome === 'problems' && repository.findings.some(isOurs);
  return [repository, isConsequence ? skipped('state') : state];
}

export function skipped(step: VerifyStep['step']): VerifyStep {
  return { step, outcome: 'skipped', checked: 0, findings: [] };
}

function isSound(findings: readonly VerifyFinding[]): boolean {
  return findings.every(({ severity, isRepaired }) => severity === 'note' || isRepaired);
}

export function stepOf(
  step: VerifyStep['step'],
  checked: number,
  findings: readonly VerifyFinding[],
): VerifyStep {
  return { step, outcome: isSound(findings) ? 'sound' : 'problems', checked, findings };
}

export function defect(subject: string, detail: string, isRepaired = false): VerifyFinding {
  return { severity: 'problem', subject, detail, isRepaired };
}

async function checkObjects(
  directory: string,
  { deep, signal, sources }: RepositoryOptions,
): Promise<{ checked: number; findings: VerifyFinding[] }> {
  const options = { gitDir: directory, signal };
  const [findings, counts] = await Promise.all([
    findDamage(options, deep, sources),
    ask(['count-objects', '-v'], { gitDir: directory, ...(signal ? { signal } : {}) }),
  ]);
  const count = (name: string) => Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(counts.text)?.[1] ?? 0);
  return { checked: count('count') + count('in-pack'), findings };
}

/** The state as it is on disk, and whether `main` follows it: opening the registry to change it moves `main` there. */
async function checkState(
  directory: string,
  { signal, isRepaired = false }: Pick<RepositoryOptions, 'signal' | 'isRepaired'>,
): Promise<VerifyFinding[]> {
  const options = { gitDir: directory, ...(signal ? { signal } : {}) };
  const ref = 'refs/registry/state';
  const commit = await ask(['rev-parse', '--verify', '--quiet', `${ref}^{commit}`], options);
  if (!commit.isGood) return [defect(ref, await describeRef(join(directory, ref)))];
  const format = await ask(['cat-file', 'blob', `${ref}:${formatFile}`], options);
  if (!format.isGood) return [defect(`${ref}:${formatFile}`, 'cannot be read')];
  const wrong = formatProblem(format.text, directory);
  if (wrong) return [defect(ref, wrong.message)];
  const state = await ask(['cat-file', 'blob', `${ref}:state.json`], options);
  const served = state.isGood ? servedCommitOf(state.text, Number(format.text.trim())) : undefined;
  if (served === undefined) return [defect(`${ref}:state.json`, 'cannot be read')];
  const tree = await ask(['rev-parse', '--verify', '--quiet', `${served}^{tree}`], options);
  if (!tree.isGood) return [defect(`${ref}:state.json`, `names ${served} as served, which is not here`)];
  const main = await ask(['rev-parse', '--verify', '--quiet', 'refs/heads/main'], options);
  if (main.text.trim() === served) return [];
  const subject = 'refs/heads/main';
  if (isRepaired) return [defect(subject, `was not at ${served}, which the state says; it is now`, true)];
  const detail = `is not at ${served}, which the state says: the next sync or serve moves it there`;
  return [{ severity: 'note', subject, detail, isRepaired: false }];
}

async function describeRef(file: string): Promise<string> {
  const text = await readFile(file, 'latin1').catch(() => undefined);
  if (text === undefined) return 'is missing: what the registry serves and has pinned is lost without it';
  return `says ${JSON.stringify(text.slice(0, 60).trim())} in ${file}, which is no commit that is here`;
}

function servedCommitOf(text: string, format: number): string | undefined {
  try {
    return parseState(Buffer.from(text), format, '').served;
  } catch {
    return undefined;
  }
}

/** git's answer, or everything it said against it. */
async function ask(
  args: readonly string[],
  options: { readonly gitDir: string; readonly signal?: AbortSignal },
): Promise<{ readonly isGood: boolean; readonly text: string }> {
  try {
    return { isGood: true, text: (await runGit(args, options)).toString() };
  } catch (error) {
    if (!(error instanceof GitError)) throw error;
    return { isGood: false, text: `${error.stdout}\n${error.stderr}` };
  }
}
