import type { IncomingMessage } from 'node:http';
import { type Answer, problem, redirect } from '../http/answer.ts';
import { mayBeTold } from '../http/status.ts';
import { type GuardedRoute, needsNothing } from './access.ts';
import { whyRoot } from './routes/why-path.ts';

/**
 * `/why/answered/OUTCOME/…`: what went wrong with a request whose address had a token in it. `moon` prints the address a download
 * failed at; this one has no secret, needs none, and answers with the same status. It tells nothing but what stands in it.
 */

const root = '/why/answered/';

/** A problem is told at an address without the token, where a client shows people the address. */
export function tellElsewhere(request: IncomingMessage, answer: Answer, prefix: string): Answer {
  if (request.method !== 'GET' && request.method !== 'HEAD') return answer;
  if (answer.kind === 'content') {
    const refused = `${prefix}${whyRoot}`;
    const { Location: location = '' } = answer.headers;
    return location.startsWith(refused)
      ? redirect(`${prefix}${root}${location.slice(refused.length)}`)
      : answer;
  }
  const { reason, module, version } = answer.members;
  const what =
    typeof module === 'string' && typeof version === 'string'
      ? `${encodeURI(module)}@${version}`
      : (request.url ?? '').replace(/^https?:\/\/[^/]*/i, '').replace(/^\/+|\?.*$/gs, '');
  const why = typeof reason === 'string' ? `${reason}/` : '';
  return redirect(`${prefix}${root}${answer.outcome}/${why}${what}`);
}

export function createAnsweredRoute(): GuardedRoute {
  return {
    methods: ['GET', 'HEAD'],
    pattern: /^\/why\/answered\/[a-z-]+\//,
    need: () => needsNothing,
    async handle({ path }) {
      const [outcome = '', ...rest] = path.slice(root.length).split('/');
      if (!mayBeTold(outcome)) return problem('absent', 'There is nothing at this address.');
      return problem(outcome, `This was the answer to a request for ${rest.join('/')}.`, {
        hint: 'ask again with the token to be told more',
      });
    },
  };
}
