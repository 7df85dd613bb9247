import type { GitIndex } from '../../index/git-index.ts';
import { publishersPathOf } from '../../index/layout.ts';
import {
  type Adoption,
  type HostedRecord,
  isAdoption,
  isPublication,
  isYank,
  type Publication,
  parsePublishers,
} from '../../index/publishers-file.ts';
import type { StateView } from '../../index/state-view.ts';
import type { ModuleName } from '../../model/module-name.ts';
import { statedYank } from '../../model/stated-yank.ts';
import type { Version } from '../../model/version.ts';

/** That a version is not to be used any more, and who says so. */
export interface StandingYank {
  readonly reason?: string | undefined;
  /** `user NAME` or `token NAME`; `source NAME`, whose line says it. */
  readonly by: string;
  /** ISO 8601, UTC; absent where only the line says it. */
  readonly at?: string | undefined;
}

interface HostedFacts {
  readonly published: Publication | undefined;
  readonly adopted: Adoption | undefined;
  readonly yanked: StandingYank | undefined;
}

/** Of one version that is published here. */
export async function describeHosted(
  index: GitIndex,
  { commit }: StateView,
  module: ModuleName,
  version: Version | undefined,
): Promise<HostedFacts> {
  const file = await index.read(`${commit}:${publishersPathOf(module)}`);
  const records = file ? parsePublishers(file).filter((one) => one.version === version) : [];
  return {
    published: records.find(isPublication),
    adopted: records.find(isAdoption),
    yanked: standingYank(records),
  };
}

function standingYank(records: readonly HostedRecord[]): StandingYank | undefined {
  const last = records.filter(isYank).at(-1);
  return last?.does === 'yank' ? { reason: last.reason, by: last.by, at: last.at } : undefined;
}

/** As the line says that its source passed on: who did it, and when, the line does not. */
export function yankOfSource(
  file: Buffer | undefined,
  version: Version | undefined,
  origin: string | undefined,
): StandingYank | undefined {
  const reason = file && version !== undefined ? statedYank(file, version) : undefined;
  return reason === undefined ? undefined : { reason, by: `source ${origin ?? '?'}` };
}
