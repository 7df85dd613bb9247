import { type ErrorCode, RegistryError } from '../errors.ts';
import { type ProblemAnswer, problem } from '../http/answer.ts';
import { type Lookup, publicReason } from '../model/lookup.ts';
import { unlessOwnFailure } from '../support/git/git-disk.ts';

/**
 * What is told of failures that were thrown. Their messages name places on our disk, addresses and what sources said,
 * and go to the log.
 */
const errorDetail: Record<ErrorCode, string> = {
  usage: 'This cannot be asked.',
  config: 'The settings of this registry cannot be used; its log says why.',
  'not-found': 'There is no such thing here.',
  unavailable: 'This is not available now: its source did not supply it.',
  integrity: 'This is not available now: its bytes are not what the index says.',
  storage: 'This registry cannot read or write its own disk; its log says why.',
};

/** `what` names the thing asked for, where it comes from included. */
export function lookupProblem(
  what: string,
  outcome: Exclude<Lookup<unknown>, { kind: 'found' }>,
): ProblemAnswer {
  if (outcome.kind === 'absent')
    return problem('absent', `${what} is not here: the index does not list it, or no source has it.`);
  const { reason, detail: cause, retryAfterMs } = outcome.cause;
  return problem(reason, `${what} is not available now: ${publicReason(reason)}.`, { retryAfterMs, cause });
}

/** To a path that `decodePath` cannot read. */
export function undecodable(): ProblemAnswer {
  return problem('malformed', 'The path is not percent-encoded UTF-8.');
}

/** What a thrown error is answered with; whoever caught it logs it. */
export function errorProblem(thrown: unknown): ProblemAnswer {
  const error = unlessOwnFailure(thrown);
  if (!(error instanceof RegistryError))
    return problem('unforeseen', 'Something went wrong here; the log says what.');
  return problem(error.code, errorDetail[error.code]);
}
