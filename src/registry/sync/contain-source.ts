import { RegistryError, StorageError } from '../../errors.ts';
import { type Lookup, type SourceFailure, unavailable } from '../../model/lookup.ts';
import { SourceClosedError } from '../../sources/source.ts';
import { bugAdvice } from '../../support/bug-report.ts';
import { isFileFailure } from '../../support/disk/disk-errors.ts';
import { GitError } from '../../support/git/git.ts';
import type { Log } from '../../support/log.ts';

/**
 * Whose a failure is that was thrown while one source was read. `caller`: nobody wants the answer any more. `ours`: our
 * disk or repository, which every source needs. `source`: nothing but this source's reading. `unforeseen`: a bug of ours
 * that this source's content or answers brought out, so it counts as the source's failure all the same.
 */
type Blame = 'caller' | 'ours' | 'source' | 'unforeseen';

export function blameFor(error: unknown, signal?: AbortSignal): Blame {
  if (signal?.aborted || error instanceof SourceClosedError) return 'caller';
  if (error instanceof GitError) return 'source';
  if (error instanceof StorageError) {
    // Too little memory, or more output than may be, for what was asked of git about this one source.
    const { cause } = error;
    return cause instanceof GitError && isAboutOneCommand(cause) ? 'source' : 'ours';
  }
  if (error instanceof RegistryError) return 'source';
  // What file operations throw that nobody foresaw to fail.
  return isFileFailure(error) ? 'ours' : 'unforeseen';
}

function isAboutOneCommand({ exceeded, isOutOfMemory }: GitError): boolean {
  return exceeded !== undefined || isOutOfMemory;
}

/**
 * The one place that keeps one source's trouble from the others: whatever `work` throws is that source's failure, but
 * for what `blameFor` says is the caller's or our own. `doing` completes "an unforeseen error while …".
 */
export async function containSource<T>(
  {
    source,
    doing,
    log,
    signal,
  }: {
    readonly source: string;
    readonly doing: string;
    readonly log: Log;
    readonly signal?: AbortSignal | undefined;
  },
  work: () => Promise<Lookup<T>>,
): Promise<Lookup<T>> {
  try {
    return await work();
  } catch (error) {
    const blame = blameFor(error, signal);
    if (blame === 'caller' || blame === 'ours') throw error;
    if (blame === 'unforeseen')
      log.error(`an unforeseen error while ${doing}: ${bugAdvice}`, {
        source,
        stack: error instanceof Error ? error.stack : String(error),
      });
    return unavailable(describeFailure(error, blame, doing));
  }
}

function describeFailure(error: unknown, blame: Blame, doing: string): SourceFailure {
  if (blame === 'unforeseen')
    return { reason: 'unforeseen', detail: `an unforeseen error while ${doing}; the log has it` };
  const git = error instanceof GitError ? error : error instanceof Error ? error.cause : undefined;
  if (git instanceof GitError && git.isOutOfMemory)
    return { reason: 'bad-answer', detail: `git has too little memory while ${doing}` };
  const message = error instanceof Error ? error.message : String(error);
  return { reason: 'bad-answer', detail: `failed while ${doing}: ${message}` };
}
