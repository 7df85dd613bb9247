import type { GitIndex } from '../../index/git-index.ts';
import { ledgerFolder, readIndexPath } from '../../index/layout.ts';
import type { StateView } from '../../index/state-view.ts';
import {
  chooseLookAlikes,
  findSuspects,
  groupLookAlikes,
  type LookAlike,
  type Named,
  type Planned,
} from '../decide/look-alikes.ts';
import type { Policy } from '../decide/policy.ts';
import { readPins } from './source-file.ts';

interface Context {
  readonly index: GitIndex;
  readonly state: StateView;
  readonly policy: Policy;
  /** Compare all names, and not only those that are new. */
  readonly isWhole: boolean;
}

/** Names that give way to others that look like them. `earlier`: names that did so before. */
export async function findLookAlikes(
  planned: readonly Planned[],
  earlier: readonly string[],
  context: Context,
): Promise<LookAlike[]> {
  const { index, policy, isWhole } = context;
  const suspects = findSuspects(planned, earlier, isWhole);
  if (!suspects) return [];
  const gone = new Set(policy.sources.flatMap(({ name, isRemoved }) => (isRemoved ? [name] : [])));
  const listed = gone.size === 0 ? undefined : await listServed(planned, context);
  // What a removed source left that is not served stands in nobody's way.
  const recorded = (await listRecorded(context)).filter(
    ({ module, origin }) => !gone.has(origin) || listed?.has(module),
  );
  const groups = groupLookAlikes(recorded, suspects).map(async (group) =>
    chooseLookAlikes(await Promise.all(group.map((named) => withFirstSeen(named, index))), policy),
  );
  return (await Promise.all(groups)).flat();
}

/** Names that will be served. */
async function listServed(planned: readonly Planned[], { index, state }: Context): Promise<Set<string>> {
  const names = new Set<string>();
  for (const path of (await index.list(state.served)).keys()) {
    const target = readIndexPath(path);
    if (target.kind === 'module') names.add(target.module);
  }
  for (const { located, change } of planned) {
    if (located === undefined || change?.served === undefined) continue;
    if (change.served === 'remove') names.delete(located.module);
    else names.add(located.module);
  }
  return names;
}

async function listRecorded({ index, state }: Context): Promise<Named[]> {
  const files = await index.list(`${state.commit}:${ledgerFolder}`);
  return [...files].flatMap(([path, ledger]): Named[] => {
    const slash = path.indexOf('/');
    const target = readIndexPath(path.slice(slash + 1));
    return target.kind === 'module' ? [{ module: target.module, origin: path.slice(0, slash), ledger }] : [];
  });
}

async function withFirstSeen(named: Named, index: GitIndex) {
  const pins = await readPins(index, named);
  return { named, firstSeen: pins.map((pin) => pin.firstSeen).sort()[0] };
}
