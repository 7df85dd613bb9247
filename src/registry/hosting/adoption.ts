import type { Config } from '../../config/config.ts';
import { NotFoundError, UnavailableError, UsageError } from '../../errors.ts';
import { hosted } from '../../model/hosted.ts';
import type { ModuleName } from '../../model/module-name.ts';
import { matchesPattern } from '../../model/pattern.ts';
import type { Version } from '../../model/version.ts';
import { shellLine } from '../../support/shell.ts';
import { fetchAll, type Wanted } from '../mirror/fetch-many.ts';
import type { MirrorProgress } from '../mirror/mirror-options.ts';
import { describeFailure } from '../mirror/mirror-summary.ts';
import { editHosted, foreseeHosted } from '../sync/aggregate.ts';
import { readOrigins } from '../sync/find-facts.ts';
import { resolveState } from '../sync/resolve-module.ts';
import { suggestModule } from '../sync/suggest-module.ts';
import type { SyncContext } from '../sync/sync-context.ts';
import { type AdoptedModule, archivesOf, createAdoptionEditor, findAdoptable } from './adopt.ts';

export interface AdoptionWork {
  /** Of names: `OWNER/NAME`, `OWNER/*`. */
  readonly pattern: string;
  /** What `registry.toml` will say. */
  readonly config: Config;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: MirrorProgress) => void;
  /** Fetch nothing, and only say what would be. */
  readonly dryRun: boolean;
}

/** What adopting means, with nothing adopted yet. */
export interface PreparedAdoption {
  readonly modules: readonly AdoptedModule[];
  /** Archives that are to be fetched first, or were. */
  readonly fetched: readonly { readonly module: ModuleName; readonly version: Version }[];
}

/**
 * Makes the archives durable here of all that is to be adopted, and tries it on the state as it is. Throws, with no more changed than
 * the cache: `NotFoundError` where nothing matches, `UnavailableError` where an archive is not to be had, `UsageError` where a module
 * would not come along.
 */
export async function prepareAdoption(
  context: SyncContext,
  { pattern, config, signal, onProgress, dryRun }: AdoptionWork,
  by: string,
): Promise<PreparedAdoption> {
  const { index, archives, now } = context;
  const state = await index.state();
  const adoptable = await findAdoptable(index, state, pattern);
  if (adoptable.length === 0) throw await nothingToAdopt(context, pattern);
  const wanted = adoptable.flatMap((one): Wanted[] =>
    archivesOf(one, state).map((entry) => ({
      ...{ module: one.module, origin: one.origin, supplier: one.origin },
      ...{ isUndecided: false, entry },
    })),
  );
  const resolver = resolveState(context, state);
  const outcomes = await fetchAll(context, resolver, wanted, { patterns: [], dryRun, signal, onProgress });
  const failed = outcomes.flatMap(describeFailure);
  if (failed.length > 0)
    throw new UnavailableError(
      ['these archives are not to be had, and nothing was adopted:', ...failed.map(describeOne)].join('\n'),
      { hint: 'what was fetched stays: run the same command again once their source supplies them' },
    );
  // Where archives are still to be fetched, nothing more can be tried.
  const fetched = outcomes.filter(({ result }) => result !== 'present').map(({ wanted: one }) => one);
  const editor = createAdoptionEditor({ index, archives }, pattern, by, now);
  const asEdited = { ...context, config, currentConfig: async () => config };
  if (!dryRun || fetched.length === 0)
    if (!(await foreseeHosted(asEdited, editor)) || editor.problems().length > 0)
      throw refused(editor.problems());
  return {
    modules: adoptable.map(({ module, origin, entries }) => ({
      ...{ module, from: origin },
      versions: entries.map(({ version }) => version),
    })),
    fetched: fetched.map(({ module, entry }) => ({ module, version: entry.version })),
  };
}

function describeOne({
  module,
  version,
  source,
  reason,
}: ReturnType<typeof describeFailure>[number]): string {
  return `  ${module}@${version} (${source}): ${reason}`;
}

function refused(problems: readonly string[]): UsageError {
  return new UsageError(['nothing was adopted:', ...problems.map((problem) => `  ${problem}`)].join('\n'), {
    hint: 'moonbit-registry conflicts, and moonbit-registry explain OWNER/NAME, say what stands against a module',
  });
}

async function nothingToAdopt({ index }: SyncContext, pattern: string): Promise<NotFoundError> {
  const state = await index.state();
  const origins = await readOrigins(index, state.commit);
  const own = [...(await index.list(state.served)).keys()].some((path) => {
    const name = path.replace(/^user\//, '').replace(/\.index$/, '') as ModuleName;
    return matchesPattern(pattern, name) && origins(name) === hosted;
  });
  if (own) return new NotFoundError(`all that matches "${pattern}" is published here already`);
  const nearest = pattern.includes('*') ? undefined : await suggestModule(pattern, index, state);
  const meant = nearest === undefined ? '' : `did you mean ${nearest}? `;
  return new NotFoundError(`nothing is served whose name matches "${pattern}"`, {
    hint: `${meant}names that nobody has yet are hosted without being adopted: ${shellLine`moonbit-registry config hosting.namespaces ${pattern}`}`,
  });
}

/** Adopts in one change of the state, once `registry.toml` says so. Throws `UsageError`, with nothing changed, where it does not fit any more. */
export async function adopt(
  context: SyncContext,
  pattern: string,
  by: string,
): Promise<readonly AdoptedModule[]> {
  const editor = createAdoptionEditor(context, pattern, by, context.now);
  await editHosted(context, editor);
  if (editor.problems().length > 0) throw refused(editor.problems());
  return editor.adopted();
}
