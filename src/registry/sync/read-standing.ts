import type { GitIndex } from '../../index/git-index.ts';
import { parseIndexFile } from '../../index/index-file.ts';
import { compareVersions, type Version } from '../../model/version.ts';
import type { LocatedFacts } from '../decide/decide-origin.ts';
import { readOwnFile } from './source-file.ts';

/** What clients find of a module, and what they would if nothing of it was blocked; each lowest first. */
export interface Standing {
  readonly listed: readonly Version[];
  /** What left the index since it is blocked and nothing above it could be taken instead (see `hiddenVersions`). */
  readonly left: readonly Version[];
}

/** Reads nothing but our own two files: what is served, and what is kept beside it while something of it is hidden. */
export async function readStanding(
  index: GitIndex,
  { served, unblocked }: Pick<LocatedFacts, 'served' | 'unblocked'>,
): Promise<Standing> {
  const [listed, all] = await Promise.all([versionsOf(index, served), versionsOf(index, unblocked)]);
  return { listed, left: all.filter((version) => !listed.includes(version)) };
}

async function versionsOf(index: GitIndex, id: string | undefined): Promise<readonly Version[]> {
  if (id === undefined) return [];
  const { lines } = parseIndexFile(await readOwnFile(index, id));
  return [...new Set(lines.map(({ entry }) => entry.version))].sort(compareVersions);
}
