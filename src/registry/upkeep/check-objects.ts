import { servedRef, stateRef } from '../../index/layout.ts';
import { GitError, runGit, streamGit } from '../../support/git/git.ts';
import { createRecordSplitter } from '../../support/records.ts';
import type { VerifyFinding } from './verify-report.ts';

interface Options {
  readonly gitDir: string;
  readonly signal?: AbortSignal | undefined;
}

/** What `git fsck` says. */
interface Remarks {
  readonly isGood: boolean;
  /** Objects that are here and not as they should be, with what is wrong with each: the first is enough. */
  readonly malformed: Map<string, string>;
  /** What else speaks against the repository. */
  readonly others: ReadonlySet<string>;
}

const maxRemarks = 20;
const maxTold = 3;
/** Whoever has more is told of that many. */
const maxMalformed = 100_000;

/**
 * Checks what the repository consists of. An object that is not well formed came from a source, since git writes none:
 * only where the state uses it now does it count, and there it is told whose it is. Of what the state used in earlier
 * times, or of a source that is configured no longer, there is a note.
 */
export async function findDamage(
  options: Options,
  isDeep: boolean,
  configured: ReadonlySet<string>,
): Promise<VerifyFinding[]> {
  const { isGood, malformed, others } = await runFsck(options, isDeep);
  const findings: VerifyFinding[] = [];
  const owners = malformed.size === 0 ? new Map<string, string[]>() : await findOwners(options, malformed);
  for (const [owner, ids] of owners) {
    const [first = ''] = ids;
    const what = `${count(ids.length, 'object')} that ${ids.length === 1 ? 'is' : 'are'} not well formed: ${malformed.get(first)}`;
    for (const id of ids) malformed.delete(id);
    findings.push(
      owner === ours
        ? finding('problem', options.gitDir, `git finds ${what}`)
        : finding(
            configured.has(owner) ? 'problem' : 'note',
            `source ${owner}`,
            `its index, as it was last read, has ${what}; it has to be mended there`,
          ),
    );
  }
  const [rest] = malformed.values();
  if (rest !== undefined) {
    const what = `${count(malformed.size, 'object')} that the state no longer uses`;
    findings.push(finding('note', options.gitDir, `${what}, from sources, not well formed: ${rest}`));
  }
  if (!isGood && (others.size > 0 || findings.length === 0))
    findings.push(
      finding('problem', options.gitDir, `git finds it damaged: ${describeRemarks([...others])}`),
    );
  return findings;
}

/** One broken pack makes git speak of all that is in it: the first remarks say what is wrong. */
export function describeRemarks(remarks: readonly string[]): string {
  if (remarks.length === 0) return 'it does not say how';
  const told = remarks.slice(0, maxTold).join('; ');
  return remarks.length > maxTold ? `${told}; and more that follows from it (git fsck)` : told;
}

async function runFsck({ gitDir, signal }: Options, isDeep: boolean): Promise<Remarks> {
  const malformed = new Map<string, string>();
  const others = new Set<string>();
  const take = createRecordSplitter(10, (record) => {
    const line = record.toString('utf8', 0, 400);
    const id = /^error in \w+ ([0-9a-f]{40}): /.exec(line)?.[1];
    if (id !== undefined) {
      if (malformed.size < maxMalformed && !malformed.has(id)) malformed.set(id, line);
    } else if (line.trim() !== '' && !/^(notice|warning)\b/.test(line) && others.size < maxRemarks)
      others.add(line);
  });
  const depth = isDeep ? '--full' : '--connectivity-only';
  const args = ['fsck', depth, '--no-dangling', '--no-progress'];
  try {
    await streamGit(
      args,
      { gitDir, signal, takeStderr: take, maxStdoutBytes: Number.POSITIVE_INFINITY },
      take,
    );
    return { isGood: true, malformed, others };
  } catch (error) {
    if (!(error instanceof GitError)) throw error;
    return { isGood: false, malformed, others };
  }
}

const ours = '';

/** Which of the objects the state uses now, by the source whose index has them; `ours` for what we wrote. */
async function findOwners(
  options: Options,
  wanted: ReadonlyMap<string, string>,
): Promise<Map<string, string[]>> {
  const owners = new Map<string, string[]>();
  for (const { owner, treeish } of await listParts(options)) {
    const found = await findBelow(options, treeish, wanted);
    if (found.length > 0) owners.set(owner, [...(owners.get(owner) ?? []), ...found]);
  }
  return owners;
}

async function listParts(options: Options): Promise<{ owner: string; treeish: string }[]> {
  const names = async (treeish: string) => {
    const listing = await runGit(['ls-tree', '--name-only', '-z', treeish], options);
    return listing
      .toString()
      .split('\0')
      .filter((name) => name !== '');
  };
  try {
    const parts = (await names(stateRef)).filter((name) => name !== sourcesFolder);
    const sources = (await names(stateRef)).includes(sourcesFolder)
      ? await names(`${stateRef}:${sourcesFolder}`)
      : [];
    return [
      ...sources.map((name) => ({ owner: name, treeish: `${stateRef}:${sourcesFolder}/${name}` })),
      ...[...parts.map((name) => `${stateRef}:${name}`), `${servedRef}^{tree}`].map((treeish) => ({
        owner: ours,
        treeish,
      })),
    ];
  } catch (error) {
    // The step "state" tells why.
    if (!(error instanceof GitError)) throw error;
    return [];
  }
}

const sourcesFolder = 'sources';

/** Each object below a tree once, however often it stands there. */
async function findBelow(
  options: Options,
  treeish: string,
  wanted: ReadonlyMap<string, string>,
): Promise<string[]> {
  const found = new Set<string>();
  const take = createRecordSplitter(10, (record) => {
    const id = record.toString('latin1', 0, 40);
    if (wanted.has(id)) found.add(id);
  });
  try {
    await streamGit(
      ['rev-list', '--objects', '--no-object-names', treeish],
      { ...options, maxStdoutBytes: Number.POSITIVE_INFINITY },
      take,
    );
  } catch (error) {
    // What is missing is among the other remarks.
    if (!(error instanceof GitError)) throw error;
  }
  return [...found];
}

function finding(severity: VerifyFinding['severity'], subject: string, detail: string): VerifyFinding {
  return { severity, subject, detail, isRepaired: false };
}

function count(number: number, what: string): string {
  return number === 1 ? `1 ${what}` : `${number} ${what}s`;
}
