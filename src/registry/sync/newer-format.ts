import type { SourceConfig } from '../../config/config.ts';
import type { GitIndex } from '../../index/git-index.ts';
import type { IndexFile } from '../../index/index-file.ts';
import type { HealthCheck } from '../../model/health-check.ts';
import { readSourceFile } from './source-file.ts';

/** Of how many modules of a source the newest version is dropped. */
export interface NewestLines {
  /** How many modules were looked at. */
  readonly modules: number;
  readonly dropped: number;
  /** Why the first of them is: the end of a sentence. */
  readonly reason: string | undefined;
}

/** A large source is judged by this many of its modules, evenly spread. */
const maxSample = 1000;
/** A few authors' mistakes are no new format: the official index has 5 such modules of 887. */
const minDropped = 3;
const minShare = 0.1;

export async function countDroppedNewest(
  index: GitIndex,
  files: readonly { readonly id: string }[],
  { indexFileBytes: maxBytes, indexLines: maxLines }: SourceConfig['limits'],
): Promise<NewestLines> {
  const limits = { maxBytes, maxLines, maxMalformed: Number.POSITIVE_INFINITY };
  const step = Math.max(1, files.length / maxSample);
  const reasons: string[] = [];
  let modules = 0;
  for (let position = 0; position < files.length; position += step) {
    const id = files[Math.floor(position)]?.id;
    if (id === undefined) continue;
    const reason = newestDropped(await readSourceFile(index, id, limits));
    modules += 1;
    if (reason !== undefined) reasons.push(reason);
  }
  return { modules, dropped: reasons.length, reason: reasons[0] };
}

/** Why the last version that a file states is dropped; `undefined` where it is not. All malformed lines are needed. */
export function newestDropped({ lines, malformed }: IndexFile): string | undefined {
  const last = malformed.findLast(({ version }) => version !== undefined);
  return last && last.number > (lines.at(-1)?.number ?? 0) ? last.reason : undefined;
}

/** Many newest versions that cannot be read are more likely a format newer than this program than mistakes. */
export function judgeNewestLines(source: string, newest: NewestLines): HealthCheck[] {
  const { modules, dropped, reason } = newest;
  if (dropped < minDropped || dropped < minShare * modules) return [];
  return [
    {
      name: `source ${source}: format`,
      result: 'warning',
      detail: `the newest versions of ${dropped} of ${modules} modules are not passed on (one: ${reason})`,
      hint: 'update moonbit-registry: this release may not know a newer format of index lines',
    },
  ];
}
