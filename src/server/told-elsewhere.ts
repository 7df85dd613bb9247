import type { IncomingMessage } from 'node:http';
import { type Answer, redirect } from '../http/answer.ts';
import { type EditionKind, splitEdition } from './editions.ts';
import { answeredRoot } from './routes/answered-route.ts';
import { whyRoot } from './routes/why-path.ts';

/** A problem is told at an address without the token, where a client shows people the address. */
export function tellElsewhere(
  request: IncomingMessage,
  answer: Answer,
  prefix: string,
  editions: readonly EditionKind[],
): Answer {
  if (request.method !== 'GET' && request.method !== 'HEAD') return answer;
  if (answer.kind === 'content') {
    const { Location: location = '' } = answer.headers;
    const inside = location.slice(prefix.length);
    const path = splitEdition(inside, editions)?.path ?? inside;
    return path.startsWith(whyRoot)
      ? redirect(`${prefix}${answeredRoot}${path.slice(whyRoot.length)}`)
      : answer;
  }
  const { reason, module, version } = answer.members;
  const what =
    typeof module === 'string' && typeof version === 'string'
      ? `${encodeURI(module)}@${version}`
      : (request.url ?? '').replace(/^https?:\/\/[^/]*/i, '').replace(/^\/+|\?.*$/gs, '');
  const why = typeof reason === 'string' ? `${reason}/` : '';
  return redirect(`${prefix}${answeredRoot}${answer.outcome}/${why}${what}`);
}
