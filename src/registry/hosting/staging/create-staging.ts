import pLimit from 'p-limit';
import { rulesOf } from '../check-upload.ts';
import { lookUpHosted } from '../hosted-modules.ts';
import { approveStaged } from './approve-staged.ts';
import { readStaged } from './read-staged.ts';
import { readStagings } from './read-stagings.ts';
import { rejectStaged } from './reject-staged.ts';
import { showStaged } from './show-staged.ts';
import type { StagedPublication, Staging } from './staging.ts';
import type { StagingParts } from './staging-parts.ts';
import { expiryOf, findWaiting, settleStagings } from './stagings.ts';

/** Each has a whole archive in memory. */
const readAtOnce = 2;

export function createStaging(parts: StagingParts): Staging {
  const { context, staged, archives } = parts;
  const limit = pLimit(readAtOnce);

  async function list(): Promise<readonly StagedPublication[]> {
    const { index, now, currentConfig } = context();
    const { hosting } = await currentConfig();
    const records = settleStagings(await readStagings(index, await index.state()), hosting, now());
    return records.map((one) => ({ ...one, expiresAt: new Date(expiryOf(one, hosting)).toISOString() }));
  }

  return {
    list,
    async find(id) {
      const records = await list();
      return findWaiting(records, id) ?? records.findLast((one) => one.id === id);
    },
    async show(id) {
      const staging = findWaiting(await list(), id);
      if (!staging) return undefined;
      const { index, currentConfig } = context();
      const config = await currentConfig();
      const modules = lookUpHosted(index, await index.state(), config);
      const shared = { staged, archives, modules, rules: rulesOf(config) };
      const shown = staging.versions.map((one) => limit(() => showStaged(shared, staging, one)));
      return { ...staging, modules: await Promise.all(shown) };
    },
    async read(id, checksum) {
      const version = findWaiting(await list(), id)?.versions.find((one) => one.checksum === checksum);
      return version && limit(() => readStaged(staged, { id, ...version }));
    },
    approve: (id, by) => limit(() => approveStaged(parts, id, by)),
    reject: (id, by, reason) => rejectStaged(parts, id, by, reason),
  };
}
