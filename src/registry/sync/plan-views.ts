import { LRUCache } from 'lru-cache';
import type { ViewConfig } from '../../config/config.ts';
import { gitBlobId } from '../../index/blob-id.ts';
import type { GitIndex } from '../../index/git-index.ts';
import type { ViewChange } from '../../index/index-change.ts';
import { parseIndexFile } from '../../index/index-file.ts';
import { indexPathOf, readIndexPath } from '../../index/layout.ts';
import type { ViewRecord } from '../../index/registry-state.ts';
import { hosted } from '../../model/hosted.ts';
import type { ModuleName } from '../../model/module-name.ts';
import type { TreeEdit } from '../../support/git/git-import.ts';
import { closeView, type ViewFacts } from '../decide/close-view.ts';
import { claimantOf, type Policy } from '../decide/policy.ts';
import type { SyncPlan } from './sync-plan.ts';

/** What is served, file by file. */
interface ServedFile {
  readonly id: string;
  /** Of one that is in no commit yet. */
  readonly content: Buffer | undefined;
}

type ServedFiles = ReadonlyMap<ModuleName, ServedFile>;

export interface ViewsInput {
  readonly index: Pick<GitIndex, 'list' | 'read'>;
  readonly plan: Pick<SyncPlan, 'base' | 'modules' | 'snapshots'>;
  readonly views: readonly ViewConfig[];
  /** Of the settings now: says what is claimed. */
  readonly policy: Policy;
  /** As many files as a client may face in one pull. */
  readonly maxFilesPerPull: number;
}

/** What becomes of the views; `undefined` where all stay as they are. */
export async function planViews(input: ViewsInput): Promise<readonly ViewChange[] | undefined> {
  const { index, plan, views, policy } = input;
  const before = plan.base.views;
  const isSame =
    !plan.modules.some(({ served }) => served) &&
    before.length === views.length &&
    views.every((view) => find(before, view.name)?.rules === rulesOf(view, policy, plan));
  if (isSame) return undefined;
  if (views.length === 0) return [];
  const files = await listServed(index, plan);
  const isKept = await findKept(index, plan, policy);
  const changes: ViewChange[] = [];
  for (const view of views) changes.push(await planView(input, view, files, isKept));
  return changes;
}

function find(records: readonly ViewRecord[], name: string): ViewRecord | undefined {
  return records.find((record) => record.name === name);
}

/** What it is made by beside what is served. */
function rulesOf(
  { include }: ViewConfig,
  policy: Policy,
  { snapshots }: Pick<SyncPlan, 'snapshots'>,
): string {
  const claims = policy.sources.flatMap((source) => source.claims);
  const published = snapshots.find(({ source }) => source === hosted)?.tree;
  return JSON.stringify([include, claims, policy.acceptedNames, published]);
}

async function listServed(
  index: Pick<GitIndex, 'list'>,
  { base, modules }: Pick<SyncPlan, 'base' | 'modules'>,
): Promise<ServedFiles> {
  const files = new Map<ModuleName, ServedFile>();
  for (const [path, id] of await index.list(base.served)) {
    const target = readIndexPath(path);
    if (target.kind === 'module') files.set(target.module, { id, content: undefined });
  }
  for (const { module, served } of modules) {
    if (served === undefined) continue;
    if (served === 'remove') files.delete(module);
    else if ('object' in served) files.set(module, { id: served.object, content: undefined });
    else files.set(module, { id: gitBlobId(served.bytes), content: served.bytes });
  }
  return files;
}

async function findKept(
  index: Pick<GitIndex, 'list'>,
  { snapshots }: Pick<SyncPlan, 'snapshots'>,
  policy: Policy,
): Promise<ViewFacts['isKept']> {
  const own = snapshots.find(({ source }) => source === hosted);
  const published = own ? await listModules(index, own.tree) : new Map<ModuleName, string>();
  return (module) => published.has(module) || claimantOf(policy, module) !== undefined;
}

async function planView(
  { index, plan, policy, maxFilesPerPull }: ViewsInput,
  view: ViewConfig,
  files: ServedFiles,
  isKept: ViewFacts['isKept'],
): Promise<ViewChange> {
  const walk = closeView(view.include, { served: new Set(files.keys()), isKept });
  let step = walk.next([]);
  while (!step.done) {
    const file = files.get(step.value);
    step = walk.next(file ? await requirementsOf(index, file) : []);
  }
  const { modules, withheld } = step.value;
  const before = find(plan.base.views, view.name);
  const known = before ? await listModules(index, before.commit) : new Map<ModuleName, string>();
  const edits = editsBetween(known, files, modules);
  const record = {
    ...{ name: view.name, rules: rulesOf(view, policy, plan), modules: modules.size },
    withheld: withheld.slice(0, mostWithheld),
  };
  if (before && edits.length === 0)
    return { record: { ...record, changedSinceRoot: before.changedSinceRoot }, commit: before.commit };
  const changedSinceRoot = (before?.changedSinceRoot ?? 0) + edits.length;
  // What is to be seen no more is not to be seen in its history either.
  const loses = [...known.keys()].some((module) => !modules.has(module));
  const isRoot = !before || loses || changedSinceRoot > maxFilesPerPull;
  return {
    record: { ...record, changedSinceRoot: isRoot ? 0 : changedSinceRoot },
    commit: {
      base: isRoot ? undefined : before.commit,
      edits: isRoot ? editsBetween(new Map(), files, modules) : edits,
      message: describe(view.name, edits),
    },
  };
}

const mostWithheld = 100;

async function listModules(
  index: Pick<GitIndex, 'list'>,
  commit: string,
): Promise<ReadonlyMap<ModuleName, string>> {
  const known = new Map<ModuleName, string>();
  for (const [path, id] of await index.list(commit)) {
    const target = readIndexPath(path);
    if (target.kind === 'module') known.set(target.module, id);
  }
  return known;
}

function editsBetween(
  before: ReadonlyMap<ModuleName, string>,
  files: ServedFiles,
  after: ReadonlySet<ModuleName>,
): TreeEdit[] {
  const gone = [...before.keys()].filter((module) => !after.has(module));
  return [
    ...gone.map((module): TreeEdit => ({ path: indexPathOf(module) })),
    ...[...after].flatMap((module): TreeEdit[] => {
      const file = files.get(module);
      if (!file || before.get(module) === file.id) return [];
      const path = indexPathOf(module);
      return [file.content ? { path, content: file.content } : { path, object: file.id }];
    }),
  ];
}

/** Its readers see this: no module that is not theirs is named. */
function describe(name: string, edits: readonly TreeEdit[]): string {
  const [first, ...others] = edits;
  const target = first && readIndexPath(first.path);
  if (target?.kind === 'module' && others.length === 0) return `Update ${target.module}\n`;
  return edits.length === 0 ? `Begin the view ${name}\n` : `Update ${edits.length} modules\n`;
}

/** By the ids of files, which say the same for ever. */
const requirements = new LRUCache<string, readonly string[]>({ max: 20_000 });

async function requirementsOf(
  index: Pick<GitIndex, 'read'>,
  { id, content }: ServedFile,
): Promise<readonly string[]> {
  const known = requirements.get(id);
  if (known) return known;
  const file = content ?? (await index.read(id)) ?? Buffer.alloc(0);
  const names = new Set(
    parseIndexFile(file).lines.flatMap(({ entry: { dependencies, binDependencies } }) =>
      [...dependencies, ...binDependencies].map(({ module }) => module),
    ),
  );
  requirements.set(id, [...names]);
  return [...names];
}
