import type { GitIndex } from '../../index/git-index.ts';
import { parseIndexFile } from '../../index/index-file.ts';
import { publishersPathOf, readIndexPath } from '../../index/layout.ts';
import { formatHostedRecord } from '../../index/publishers-file.ts';
import type { StateView } from '../../index/state-view.ts';
import { findBlock } from '../../model/block.ts';
import type { Checksum } from '../../model/checksum.ts';
import { foldName } from '../../model/fold-name.ts';
import { hosted } from '../../model/hosted.ts';
import type { IndexEntry } from '../../model/index-entry.ts';
import type { ModuleName } from '../../model/module-name.ts';
import { matchesPattern } from '../../model/pattern.ts';
import type { Version } from '../../model/version.ts';
import { findFactsByPath } from '../sync/find-facts.ts';
import type { HostedEdit, HostedEditor } from '../sync/hosted-edit.ts';
import { readOwnFile } from '../sync/source-file.ts';
import type { SyncContext } from '../sync/sync-context.ts';
import type { SyncPlan } from '../sync/sync-plan.ts';
import { writeHostedTree } from './hosted-tree.ts';

/** A module that is served from a source, and what is to be served of it from here. */
export interface Adoptable {
  readonly module: ModuleName;
  readonly origin: string;
  /** Its lines as they would be served if nothing were blocked, byte for byte. */
  readonly file: Buffer;
  /** What the file says, one of each version. */
  readonly entries: readonly IndexEntry[];
}

export interface AdoptedModule {
  readonly module: ModuleName;
  readonly from: string;
  readonly versions: readonly Version[];
}

/** Modules whose names match, as far as anything of them is served, and from elsewhere. */
export async function findAdoptable(
  index: GitIndex,
  state: StateView,
  pattern: string,
): Promise<readonly Adoptable[]> {
  const facts = findFactsByPath(index, state, state.snapshots);
  const wanted = foldName(pattern);
  const found: Adoptable[] = [];
  for (const path of (await index.list(state.served)).keys()) {
    const target = readIndexPath(path);
    if (target.kind !== 'module' || !matchesPattern(wanted, foldName(target.module))) continue;
    const { recorded, served, unblocked } = await facts.find(target.module);
    const id = unblocked ?? served;
    if (id === undefined || recorded === undefined || recorded === hosted) continue;
    const file = await readOwnFile(index, id);
    const last = new Map(parseIndexFile(file).lines.map(({ entry }) => [entry.version, entry]));
    found.push({ module: target.module, origin: recorded, file, entries: [...last.values()] });
  }
  return found;
}

/** Those that have to be here before a module is adopted: what is blocked is given to nobody, and need not. */
export function archivesOf({ module, entries }: Adoptable, { blocks }: StateView): readonly IndexEntry[] {
  return entries.filter(({ version }) => !findBlock(blocks, module, version));
}

/** Adopts what matches in one change, or nothing. */
export interface AdoptionEditor extends HostedEditor {
  /** As last edited. */
  adopted(): readonly AdoptedModule[];
  /** What stands against it; empty where nothing does. */
  problems(): readonly string[];
}

/** `by`: `user NAME`. */
export function createAdoptionEditor(
  { index, archives }: Pick<SyncContext, 'index' | 'archives'>,
  pattern: string,
  by: string,
  now: () => Date,
): AdoptionEditor {
  let adoptable: readonly Adoptable[] = [];
  let problems: readonly string[] = [];
  return {
    adopted: () => adoptable.map(describe),
    problems: () => problems,
    async edit(state) {
      // What the plan has refused once, it would refuse again.
      if (problems.length > 0) return undefined;
      adoptable = await findAdoptable(index, state, pattern);
      problems = await findMissing(adoptable, state, (checksum) => archives.has(checksum));
      if (problems.length > 0 || adoptable.length === 0) return undefined;
      return writeEdit(index, state, adoptable, by, now());
    },
    accepts(plan) {
      problems = adoptable.flatMap((one) => whyNotMoved(plan, one));
      return problems.length === 0;
    },
  };
}

function describe({ module, origin, entries }: Adoptable): AdoptedModule {
  return { module, from: origin, versions: entries.map(({ version }) => version) };
}

async function findMissing(
  adoptable: readonly Adoptable[],
  state: StateView,
  isHere: (checksum: Checksum) => Promise<boolean>,
): Promise<string[]> {
  const missing: string[] = [];
  for (const one of adoptable)
    for (const { version, checksum } of archivesOf(one, state))
      if (!(await isHere(checksum))) missing.push(`the archive of ${one.module}@${version} is not here`);
  return missing;
}

/** It is listed as before, and from here. */
function whyNotMoved({ modules }: SyncPlan, { module }: Adoptable): string[] {
  const change = modules.find((one) => one.module === module)?.change;
  if (change?.origin !== hosted) return [`${module} would stay with its source`];
  const lost = change.versionsRemoved;
  return lost.length === 0 ? [] : [`${module} would lose ${lost.join(', ')}`];
}

async function writeEdit(
  index: GitIndex,
  state: StateView,
  adoptable: readonly Adoptable[],
  by: string,
  date: Date,
): Promise<HostedEdit> {
  const at = date.toISOString();
  const files = new Map(adoptable.map(({ module, file }) => [module, file]));
  const tree = await writeHostedTree(index, state, files, date);
  const stateEdits = await Promise.all(
    adoptable.map(async ({ module, origin, entries }) => {
      const path = publishersPathOf(module);
      const known = (await index.read(`${state.commit}:${path}`)) ?? Buffer.alloc(0);
      const records = entries.map(({ version }) =>
        formatHostedRecord({ does: 'adopt', version, from: origin, by, at }),
      );
      return { path, content: Buffer.concat([known, Buffer.from(records.join(''))]) };
    }),
  );
  const modules = adoptable.map(describe);
  return {
    ...{ ...tree, at, stateEdits, modules: adoptable.map(({ module }) => module) },
    notes: modules.map(({ module, from }) => `adopt ${module} from ${from}, by ${by}`),
    events: modules.map((one) => ({ event: 'adopted' as const, ...one, by })),
  };
}
