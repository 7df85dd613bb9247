import { listServedHistory } from '../index/index-refs.ts';
import { absent } from '../model/lookup.ts';
import { parseAssetPath } from './deliver/assets/asset-path.ts';
import { openPastArchive } from './deliver/open-archive.ts';
import { createServedIndex } from './deliver/served-index.ts';
import type { RegistryParts } from './parts.ts';
import type { EditionServing, FileServing, Past } from './registry.ts';
import { openingContext, serveFiles } from './serving.ts';
import { explainPast } from './sync/explain-past.ts';
import type { PastState } from './sync/past-states.ts';

export function createPast(parts: RegistryParts): Past {
  const { context, past } = parts;
  const files = serveFiles(parts);
  return {
    findState: past.find,
    newestStates: past.newest,
    explainPast: (module, version, state) => explainPast(module, version, context(), state),
    serveState: (state) => servePast(parts, files, state),
  };
}

function servePast(parts: RegistryParts, files: FileServing, state: PastState): EditionServing {
  const { index, resolver, context } = parts;
  const { served: commit } = state.view;
  const served = createServedIndex({ ...index, servedCommit: async () => commit });
  let history: Promise<ReadonlySet<string>> | undefined;
  return {
    indexDirectory: index.directory,
    servedCommit: async () => commit,
    // Of now, since what is refused is: whoever remembers an answer asks whether it still holds.
    stateCommit: () => index.stateCommit(),
    servedCommits() {
      history ??= listServedHistory(index.directory, commit).then((commits) => new Set(commits));
      history.catch(() => {
        history = undefined;
      });
      return history;
    },
    readIndexFile: served.readFile,
    readIndex: served.readAll,
    originOf: resolver.originOf,
    explain: (module, version) => explainPast(module, version, context(), state),
    openArchive: (module, version) => openPastArchive(openingContext(parts), served, module, version),
    symbols: files.symbols,
    async openAsset(assetPath) {
      const named = parseAssetPath(assetPath);
      const isListed = named && (await served.find(named.module, named.version)) !== undefined;
      return isListed ? files.openAsset(assetPath) : absent('its version was not in the index then');
    },
  };
}
