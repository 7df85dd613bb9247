import type { PublishProblem } from './publish-problem.ts';

/** Everything that can come of a request to publish. */
export type PublishOutcome =
  | { readonly kind: 'published' }
  /** The same bytes were published before: whoever is unsure may send them again. */
  | { readonly kind: 'already-published' }
  | { readonly kind: 'dry-run'; readonly module: string; readonly version: string }
  /** The request is not one that we understand; `reason` is a sentence without its full stop. */
  | { readonly kind: 'bad-request'; readonly reason: string }
  | { readonly kind: 'refused'; readonly problems: readonly PublishProblem[] }
  | { readonly kind: 'not-higher'; readonly version: string; readonly highest: string }
  /** No token, or none that is valid now; which of them is nobody's business. */
  | { readonly kind: 'unauthenticated' }
  /** `owner` is the module's, `user` is whose token it is. */
  | { readonly kind: 'other-owner'; readonly owner: string; readonly user: string }
  /** The token may not publish this module, for any other reason, as a sentence without its full stop. */
  | { readonly kind: 'not-allowed'; readonly reason: string }
  /** With other bytes. */
  | { readonly kind: 'version-exists'; readonly version: string }
  | { readonly kind: 'too-large'; readonly maxBytes: number }
  | { readonly kind: 'too-many-requests'; readonly retryAfterSeconds: number };

export interface WireAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON. */
  readonly body: string;
}

/**
 * The answer as the official registry gives it: release scripts look for these texts byte for byte (moon-protocol §14),
 * and `moon` prints `Server status: STATUS REASON, detail: DETAIL`. Scripts take 409 for "this version is there already",
 * so nothing else is answered by it.
 */
export function publishAnswer(outcome: PublishOutcome): WireAnswer {
  switch (outcome.kind) {
    case 'published':
    case 'already-published':
      return { status: 200, headers: json, body: '{"status":"ok"}' };
    case 'dry-run':
      return detail(
        202,
        `Dry run completed successfully. No changes were made. The dry-run was made for package ${outcome.module} version ${outcome.version}.`,
      );
    case 'bad-request':
      return detail(400, `${outcome.reason}.`);
    case 'refused':
      return detail(400, describeProblems(outcome.problems));
    case 'not-higher':
      return detail(
        400,
        `Version Error: The version you are attempting to upload (${outcome.version}) is not higher than an existing version (${outcome.highest}). Please select a higher version to publish.`,
      );
    case 'unauthenticated':
      return detail(401, 'Invalid token: log in again, or ask for a new token.', {
        'www-authenticate': 'Bearer',
      });
    case 'other-owner':
      return detail(
        403,
        `User mismatch: The username in the module config file (${outcome.owner}) does not match the authenticated user's username (${outcome.user}).`,
      );
    case 'not-allowed':
      return detail(403, `${outcome.reason}.`);
    case 'version-exists':
      return detail(
        409,
        `Version Error: The version you are attempting to upload (${outcome.version}) is duplicated with an existing version (${outcome.version}). Please select a different version to publish.`,
      );
    case 'too-large':
      return detail(413, `The archive has more than the ${outcome.maxBytes} bytes that may be published.`);
    case 'too-many-requests':
      return detail(429, `Too many requests: try again in ${outcome.retryAfterSeconds} seconds.`, {
        'retry-after': String(outcome.retryAfterSeconds),
      });
  }
}

const json = { 'content-type': 'application/json' };

function detail(status: number, text: string, headers: Readonly<Record<string, string>> = {}): WireAnswer {
  return { status, headers: { ...json, ...headers }, body: JSON.stringify({ detail: text }) };
}

/** All of them in one line, errors only: `moon` prints a detail as it is. */
function describeProblems(problems: readonly PublishProblem[]): string {
  const errors = problems.filter(({ severity }) => severity === 'error').map(({ text }) => text);
  return `This module cannot be published: ${errors.join('; ')}.`;
}
