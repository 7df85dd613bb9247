import type { Config } from '../config/config.ts';
import type { StateView } from '../index/state-view.ts';
import { findBlock } from '../model/block.ts';
import { policyOf } from './decide/policy.ts';
import { parseAssetPath } from './deliver/assets/asset-path.ts';
import { type OpeningContext, openServedArchive } from './deliver/open-archive.ts';
import type { RegistryParts } from './parts.ts';
import type { FileServing, Freshness, IndexServing, Resolution } from './registry.ts';
import { explain } from './sync/explain.ts';
import { readOrigins } from './sync/find-facts.ts';
import { findStaleSources, hasAnythingToServe, listReadTimes } from './sync/read-times.ts';

export function createResolution({ context, resolver }: RegistryParts): Resolution {
  return {
    originOf: resolver.originOf,
    explain: (module, version) => explain(module, version, context()),
  };
}

export function serveIndex({ layout, index, served }: RegistryParts): IndexServing {
  return {
    indexDirectory: layout.index,
    servedCommit: () => index.servedCommit(),
    stateCommit: () => index.stateCommit(),
    servedCommits: async () => new Set(await index.servedHistory()),
    readIndexFile: served.readFile,
    readIndex: served.readAll,
  };
}

export function serveFiles(parts: RegistryParts): FileServing {
  const { index, settings } = parts;
  const opening = openingContext(parts);
  return {
    openArchive: (module, version) => openServedArchive(opening, module, version),
    async symbols() {
      const state = await index.state();
      const sources = symbolSources(settings(), state);
      return parts.symbols.serve(state.commit, sources, () => readOrigins(index, state.commit));
    },
    async openAsset(assetPath) {
      const named = parseAssetPath(assetPath);
      const block = named && findBlock((await index.state()).blocks, named.module, named.version);
      return block ? { kind: 'blocked', block } : parts.assets.open(assetPath);
    },
  };
}

/** Whose symbols are served, of those that were read. */
export function symbolSources(config: Config, { snapshots }: Pick<StateView, 'snapshots'>): string[] {
  const read = new Set(snapshots.map(({ source }) => source));
  return policyOf(config, snapshots).sources.flatMap(({ name, isRemoved }) =>
    isRemoved || !read.has(name) ? [] : [name],
  );
}

export function openingContext(parts: RegistryParts): OpeningContext {
  const { index, served, delivery, resolver, settings, now } = parts;
  return {
    ...{ index, served, delivery, settings, resolver: resolver.get },
    leftAloneUntil(source) {
      const waitMs = parts.sources().get(source)?.refusal()?.retryAfterMs;
      return waitMs === undefined ? undefined : new Date(now().getTime() + waitMs).toISOString();
    },
  };
}

export function watchFreshness({ index, settings, sources }: RegistryParts): Freshness {
  return {
    isReady: async () => hasAnythingToServe(settings(), await index.state()),
    readTimes: () => listReadTimes(settings()),
    staleSources: async () => findStaleSources(settings(), await index.state()),
    sourcesLeftAlone: () =>
      [...sources().values()].flatMap((source) => {
        const cause = source.refusal();
        return cause === undefined ? [] : [{ source: source.config.name, cause }];
      }),
    forgetAbsences() {
      for (const source of sources().values()) source.forgetAbsences();
    },
  };
}
