import { LRUCache } from 'lru-cache';
import { NotFoundError } from '../errors.ts';
import { listServedHistory } from '../index/index-refs.ts';
import { readIndexPath } from '../index/layout.ts';
import type { ViewRecord } from '../index/registry-state.ts';
import { absent } from '../model/lookup.ts';
import type { ModuleName } from '../model/module-name.ts';
import { parseAssetPath } from './deliver/assets/asset-path.ts';
import { createServedIndex } from './deliver/served-index.ts';
import type { RegistryParts } from './parts.ts';
import type { EditionServing, FileServing, ServedView, Views } from './registry.ts';
import { serveFiles, symbolSources } from './serving.ts';
import { reportedViews } from './sync/describe-sync.ts';
import { explain } from './sync/explain.ts';
import { readOrigins } from './sync/find-facts.ts';

/** Commits of views whose lists of modules are remembered. */
const remembered = 16;

export function createViews(parts: RegistryParts): Views {
  const { index, settings } = parts;
  const files = serveFiles(parts);
  const known = new LRUCache<string, EditionServing>({ max: remembered });
  return {
    listViews: async () => reportedViews(await index.state()),
    async findView(name): Promise<ServedView | undefined> {
      const state = await index.state();
      const record = state.views.find((view) => view.name === name);
      // What the settings name no more is served no more, at once.
      if (!record || !settings().views.some((view) => view.name === name)) return undefined;
      const key = `${name} ${record.commit}`;
      const serving = known.get(key) ?? serveView(parts, files, record);
      known.set(key, serving);
      return { commit: record.commit, serving };
    },
  };
}

/** What is asked of a module that is not in the view is answered as of one that nobody has. */
function serveView(parts: RegistryParts, files: FileServing, { name, commit }: ViewRecord): EditionServing {
  const { index, resolver, context } = parts;
  const served = createServedIndex({ ...index, servedCommit: async () => commit });
  const names = once(async () => {
    const shown = new Set<ModuleName>();
    for (const path of (await index.list(commit)).keys()) {
      const target = readIndexPath(path);
      if (target.kind === 'module') shown.add(target.module);
    }
    return shown;
  });
  const commits = once(async () => new Set(await listServedHistory(index.directory, commit)));
  const isShown = async (module: ModuleName) => (await names()).has(module);
  return {
    indexDirectory: index.directory,
    servedCommit: async () => commit,
    stateCommit: () => index.stateCommit(),
    servedCommits: commits,
    readIndexFile: served.readFile,
    readIndex: served.readAll,
    originOf: async (module) => ((await isShown(module)) ? resolver.originOf(module) : undefined),
    async explain(module, version) {
      if (!(await isShown(module))) throw new NotFoundError(`${module} is not in the view ${name}`);
      return explain(module, version, context());
    },
    openArchive: async (module, version) =>
      (await isShown(module)) ? files.openArchive(module, version) : absent('the view does not have it'),
    async symbols() {
      const state = await index.state();
      const sources = symbolSources(parts.settings(), state);
      const shown = await names();
      return parts.symbols.serve(`${state.commit} ${name} ${commit}`, sources, async () => {
        const originOf = await readOrigins(index, state.commit);
        return (module) => (shown.has(module) ? originOf(module) : undefined);
      });
    },
    async openAsset(assetPath) {
      const named = parseAssetPath(assetPath);
      return named && (await isShown(named.module))
        ? files.openAsset(assetPath)
        : absent('the view does not have it');
    },
  };
}

/** Again where it failed. */
function once<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  return () => {
    running ??= work().catch((error: unknown) => {
      running = undefined;
      throw error;
    });
    return running;
  };
}
