import { type ProblemAnswer, problem } from '../../http/answer.ts';
import type { ModuleName } from '../../model/module-name.ts';
import type { Version } from '../../model/version.ts';
import type { ServedArchive } from '../../registry/deliver/served-bytes.ts';
import type { FileServing, Resolution } from '../../registry/registry.ts';
import { lookupProblem } from '../problems.ts';
import { judgeOutcome, type Refusal } from './refusal.ts';

export type AskedAnswer =
  | { readonly kind: 'found'; readonly archive: ServedArchive }
  | Refusal
  /** Nobody has it, or this moment's trouble: clients that are new enough ask again. */
  | ProblemAnswer;

/** Asks for one archive, for no longer than clients wait. */
export async function askForArchive(
  registry: Pick<FileServing & Resolution, 'openArchive' | 'originOf'>,
  module: ModuleName,
  version: Version,
  firstByteMs: number,
): Promise<AskedAnswer> {
  const outcome = await withinTime(registry.openArchive(module, version), firstByteMs);
  if (outcome === 'late')
    return problem('busy', `The archive of ${module}@${version} is still being fetched; ask again.`, {
      retryAfterMs: 5000,
    });
  if (outcome.kind === 'found') return { kind: 'found', archive: outcome.value };
  const origin = outcome.kind === 'unavailable' ? await registry.originOf(module) : undefined;
  const judged = judgeOutcome({ module, version, origin }, outcome);
  if (judged.kind === 'refused') return judged;
  const source = origin === undefined ? '' : ` (from source "${origin}")`;
  return lookupProblem(`The archive of ${module}@${version}${source}`, judged);
}

/** The work goes on when it is late: the next request finds it done. */
async function withinTime<T>(work: Promise<T>, timeoutMs: number): Promise<T | 'late'> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), timeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
