import { openFileArchiveStore } from '../archives/file-archive-store.ts';
import { openAccess } from './access/open-access.ts';
import type { OpenOptions } from './ground.ts';
import { createPublishing } from './hosting/publishing.ts';
import {
  createHostedRulings,
  createInventory,
  createRulings,
  createSyncing,
  createUpkeep,
  lookAtSources,
} from './operating.ts';
import { openParts } from './parts.ts';
import type { Registry } from './registry.ts';
import { createPast } from './serve-past.ts';
import { createViews } from './serve-view.ts';
import { createResolution, serveFiles, serveIndex, watchFreshness } from './serving.ts';
import { createDataProbe } from './upkeep/data-probe.ts';

/** Opens a registry. Contacts no source. */
export async function openRegistry(options: OpenOptions): Promise<Registry> {
  const parts = await openParts(options);
  const { layout, disk, reload } = parts;
  const access = openAccess({
    ...parts,
    env: options.env,
    onFailure: (error) =>
      parts.isTold(error) || parts.log.warn('what is kept of tokens in use was not written down', { error }),
  });
  return {
    ...{ disk, reload },
    data: createDataProbe(layout.index, parts.files),
    sharing: {
      isShared: options.isOneOfSeveral ?? false,
      lockFolder: layout.locks,
      packFolder: layout.packs,
    },
    cacheSpace: () => parts.reserve.look().catch(() => undefined),
    ...access,
    ...createPublishing({
      ...{ context: parts.context, uploadFolder: parts.dataDir, staged: parts.staged },
      // What is published is no cache: no room is kept free of it.
      archives: openFileArchiveStore(layout.packages),
    }),
    hosted: createHostedRulings(parts),
    user: `user ${parts.actor.user}`,
    ...createResolution(parts),
    ...createPast(parts),
    ...createViews(parts),
    ...serveIndex(parts),
    ...serveFiles(parts),
    ...watchFreshness(parts),
    ...createSyncing(parts),
    ...lookAtSources(parts),
    ...createRulings(parts),
    ...createInventory(parts),
    ...createUpkeep(parts),
    get config() {
      return parts.settings();
    },
    async close() {
      await access.access.lastUse.flush();
      await parts.close();
    },
  };
}
