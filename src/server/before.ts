import { type Guard, problem } from '../http/answer.ts';
import { createHostGuard, type HostGuardOptions } from './host-guard.ts';

export interface BeforeOptions extends HostGuardOptions {
  readonly targetCharacters: number;
}

/** Who may ask, and how: runs ahead of everything, answers from memory included, on each request. The first refusal counts. */
export function createBefore(options: BeforeOptions): Guard {
  const guards: readonly Guard[] = [createHostGuard(options), guardHead(options.targetCharacters)];
  return (request) => {
    for (const guard of guards) {
      const refusal = guard(request);
      if (refusal) return refusal;
    }
    return undefined;
  };
}

const maxHeaderLines = 100;

/** What is wrong with a request before anybody looks at what it is for. */
function guardHead(targetCharacters: number): Guard {
  return ({ url = '', rawHeaders }) => {
    if (url.length > targetCharacters)
      return problem('target-too-long', `The address is longer than ${targetCharacters} characters.`);
    if (rawHeaders.length > 2 * maxHeaderLines)
      return problem('too-many-headers', `The request has more than ${maxHeaderLines} header lines.`);
    return undefined;
  };
}
