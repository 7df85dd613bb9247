import { problem } from '../../http/answer.ts';
import { mayBeTold } from '../../http/status.ts';
import { type GuardedRoute, needsNothing } from '../access.ts';

export const answeredRoot = '/why/answered/';

/**
 * `/why/answered/OUTCOME/…`: what went wrong with a request whose address had a token in it. `moon` prints the address a download
 * failed at; this one has no secret, needs none, and answers with the same status. It tells nothing but what stands in it.
 */
export function createAnsweredRoute(): GuardedRoute {
  return {
    methods: ['GET', 'HEAD'],
    pattern: /^\/why\/answered\/[a-z-]+\//,
    need: () => needsNothing,
    async handle({ path }) {
      const [outcome = '', ...rest] = path.slice(answeredRoot.length).split('/');
      if (!mayBeTold(outcome)) return problem('absent', 'There is nothing at this address.');
      return problem(outcome, `This was the answer to a request for ${rest.join('/')}.`, {
        hint: 'ask again with the token to be told more',
      });
    },
  };
}
