import type { PublishProblem } from './publish-problem.ts';

/** Everything that can come of a request to publish. */
export type PublishOutcome =
  | { readonly kind: 'published' }
  /** The same bytes were published before: whoever is unsure may send them again. */
  | { readonly kind: 'already-published' }
  | { readonly kind: 'dry-run'; readonly module: string; readonly version: string }
  /** Durable here, and published once somebody approves it; by `id` it is asked for. */
  | { readonly kind: 'staged'; readonly id: string; readonly versions: readonly string[] }
  /** As much waits to be approved as may. */
  | { readonly kind: 'staging-full' }
  /** What was to be approved waits no more; `reason` is a sentence without its full stop. */
  | { readonly kind: 'not-waiting'; readonly reason: string }
  /** The request is not one that we understand; `reason` is a sentence without its full stop. */
  | { readonly kind: 'bad-request'; readonly reason: string }
  /** There is something against one of the modules, or more. */
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

/** The same of what one state was asked: whether it would be published. */
export type Judgement =
  | PublishOutcome
  /** Nothing else stands against it. */
  | { readonly kind: 'needs-approval' };

export interface WireAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON. */
  readonly body: string;
}

/** Scripts take 409 for "this version is there already", so nothing else is answered by it. */
const statuses: Readonly<Record<PublishOutcome['kind'], number>> = {
  published: 200,
  'already-published': 200,
  'dry-run': 202,
  // To the stock client, which takes this for a failure and shows the text, it is true: nothing is published yet.
  staged: 202,
  'staging-full': 507,
  'not-waiting': 410,
  'bad-request': 400,
  refused: 400,
  'not-higher': 400,
  unauthenticated: 401,
  'other-owner': 403,
  'not-allowed': 403,
  'version-exists': 409,
  'too-large': 413,
  'too-many-requests': 429,
};

/**
 * The answer as the official registry gives it: release scripts look for these texts byte for byte (moon-protocol §14),
 * and `moon` prints `Server status: STATUS REASON, detail: DETAIL`.
 */
export function publishAnswer(outcome: PublishOutcome): WireAnswer {
  const detail = detailOf(outcome);
  return {
    status: statuses[outcome.kind],
    headers: { 'content-type': 'application/json', ...headersOf(outcome) },
    body: JSON.stringify(detail === undefined ? { status: 'ok' } : { detail, ...membersOf(outcome) }),
  };
}

/** What our own client goes by. */
function membersOf(outcome: PublishOutcome) {
  return outcome.kind === 'staged' ? { status: 'staged', id: outcome.id } : {};
}

function headersOf(outcome: PublishOutcome): Readonly<Record<string, string>> {
  if (outcome.kind === 'unauthenticated') return { 'www-authenticate': 'Bearer' };
  if (outcome.kind === 'too-many-requests') return { 'retry-after': String(outcome.retryAfterSeconds) };
  return {};
}

/** In the official words where they are known; `undefined` of a success. */
export function detailOf(outcome: PublishOutcome): string | undefined {
  switch (outcome.kind) {
    case 'published':
    case 'already-published':
      return undefined;
    case 'dry-run':
      return `Dry run completed successfully. No changes were made. The dry-run was made for package ${outcome.module} version ${outcome.version}.`;
    case 'staged':
      return `Waiting for approval, not published yet: ${outcome.versions.join(', ')}. Whoever may approve it finds it as ${outcome.id}; the same bytes sent again change nothing.`;
    case 'staging-full':
      return 'As much waits for approval here as may: nothing more is taken until some of it is approved or rejected.';
    case 'bad-request':
    case 'not-allowed':
    case 'not-waiting':
      return `${outcome.reason}.`;
    case 'refused':
      return describeProblems(outcome.problems);
    case 'not-higher':
      return `Version Error: The version you are attempting to upload (${outcome.version}) is not higher than an existing version (${outcome.highest}). Please select a higher version to publish.`;
    case 'unauthenticated':
      return 'Invalid token: log in again, or ask for a new token.';
    case 'other-owner':
      return `User mismatch: The username in the module config file (${outcome.owner}) does not match the authenticated user's username (${outcome.user}).`;
    case 'version-exists':
      return `Version Error: The version you are attempting to upload (${outcome.version}) is duplicated with an existing version (${outcome.version}). Please select a different version to publish.`;
    case 'too-large':
      return `The archive has more than the ${outcome.maxBytes} bytes that may be published.`;
    case 'too-many-requests':
      return `Too many requests: try again in ${outcome.retryAfterSeconds} seconds.`;
  }
}

/** All of them in one line, errors only: `moon` prints a detail as it is. */
function describeProblems(problems: readonly PublishProblem[]): string {
  const errors = problems.filter(({ severity }) => severity === 'error').map(({ text }) => text);
  return `This module cannot be published: ${errors.join('; ')}.`;
}
