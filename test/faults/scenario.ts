/** What a registry does in these tests while its process is killed or its disk fails: all that changes anything. */

import { editConfigFile } from '../../src/config/edit-file.ts';
import { openRegistry } from '../../src/registry/open.ts';
import type { Registry } from '../../src/registry/registry.ts';
import { tester } from '../support/actor.ts';

export type Listing = Readonly<Record<string, string>>;

/** Syncs, mirrors from both sources, edits a source; calls `onStage` with what is served before and after each. */
export async function runScenario(directory: string, onStage: (listing: Listing) => void): Promise<void> {
  const registry = await openRegistry({ directory, env: {}, actor: tester });
  try {
    const stage = async () => onStage(await readListing(registry));
    await stage();
    expectComplete((await registry.sync()).sources.every(({ outcome }) => outcome !== 'stale'));
    await stage();
    for (const source of ['public', 'internal']) {
      const { failed } = await registry.mirror({ patterns: ['*/*'], source });
      expectComplete(failed.length === 0);
      await stage();
    }
    await editConfigFile(directory, (text) => text.replace('exclude = []', 'exclude = ["alice/gone"]'));
    await registry.reload();
    await registry.reaggregate();
    await stage();
  } finally {
    await registry.close();
  }
}

/** `OWNER/NAME@VERSION` → checksum, as clients see it. */
export async function readListing(registry: Registry): Promise<Listing> {
  const listing: Record<string, string> = {};
  for await (const { module, file } of registry.readIndex()) {
    for (const line of file.toString().trimEnd().split('\n')) {
      const { version, checksum } = JSON.parse(line) as { version: string; checksum: string };
      listing[`${module}@${version}`] = checksum;
    }
  }
  return listing;
}

function expectComplete(isComplete: boolean): void {
  if (!isComplete) throw new Error('the scenario was not completed');
}
