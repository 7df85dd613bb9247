import { NotFoundError, type RegistryError, UnavailableError, UsageError } from '../errors.ts';
import { shellLine } from '../support/shell.ts';
import { isOfficial } from './registry-address.ts';

/** What a registry answered to somebody who published. */
export interface PublishReply {
  readonly status: number;
  /** Its own words, fit to be shown. */
  readonly detail: string | undefined;
  readonly retryAfterMs: number | undefined;
  /** Of how many archives it is the answer, where it says that. */
  readonly archives: number | undefined;
  /** Where a redirect leads, fit to be shown. */
  readonly location: string | undefined;
  /** Under which it waits for approval: 64 hex digits. */
  readonly stagedId?: string | undefined;
}

/** What the reply is to. */
export interface Asked {
  /** The registry's address. */
  readonly registry: string;
  readonly dryRun: boolean;
  /** Where the token was found. */
  readonly tokenFrom: string;
  /** The modules, for whoever is to allow it. */
  readonly modules: readonly string[];
}

export type Verdict =
  /** `isSure` where the registry says that it took each of them. */
  | { readonly kind: 'published'; readonly isSure: boolean }
  /** Nothing was changed, and all of it could be published now. */
  | { readonly kind: 'would-publish' }
  /** The registry has it, and lists it later: it says when in its own words. */
  | { readonly kind: 'waiting' }
  /** The registry has it, and publishes it once somebody approves what waits under this id. */
  | { readonly kind: 'staged'; readonly id: string }
  | { readonly kind: 'failed'; readonly error: RegistryError };

/** What an answer means, and what to do about it. */
export function judgeReply(reply: PublishReply, asked: Asked): Verdict {
  const { status } = reply;
  if (status === 200 && asked.dryRun) return failed(ranForReal(asked));
  if (status === 200 || status === 201)
    return { kind: 'published', isSure: asked.modules.length === (reply.archives ?? 1) };
  if (status === 202 && asked.dryRun) return { kind: 'would-publish' };
  if (status === 202)
    return reply.stagedId === undefined ? { kind: 'waiting' } : { kind: 'staged', id: reply.stagedId };
  return failed(refusal(reply, asked));
}

function failed(error: RegistryError): Verdict {
  return { kind: 'failed', error };
}

function ranForReal({ registry, modules }: Asked): RegistryError {
  return new UnavailableError(
    `${registry} does not know dry runs: it answered as if ${modules.join(', ')} were published now`,
    { hint: shellLine`curl ${manifestAddress(registry, modules[0] ?? '')}` },
  );
}

export const sendAgain =
  'run the same command again: what is published already is answered with success, and nothing is published twice';

/** What a status means where nothing was published. */
interface Refusal {
  readonly kind: 'usage' | 'not-found' | 'unavailable';
  /** The beginning of a sentence; what the registry says follows it. */
  readonly what: (asked: Asked, status: number) => string;
  readonly hint: (asked: Asked, reply: PublishReply) => string;
}

const wrongModule: Refusal = {
  kind: 'usage',
  what: ({ registry }) => `${registry} refuses it`,
  hint: () => `correct that, and try it by ${shellLine`moonbit-registry publish --dry-run`}`,
};
const noPublishing: Refusal = {
  kind: 'not-found',
  what: ({ registry }, status) => `nothing can be published on ${registry}: it answered ${status}`,
  hint: () => 'look whether that is the address of a registry, and whether it has [hosting] namespaces',
};
const anythingElse: Refusal = {
  kind: 'unavailable',
  what: ({ registry }, status) => `${registry} answered ${status}`,
  hint: () => sendAgain,
};

const refusals: Readonly<Record<number, Refusal>> = {
  400: wrongModule,
  422: wrongModule,
  401: {
    kind: 'usage',
    what: ({ registry, tokenFrom }) => `${registry} does not accept the token of ${tokenFrom}`,
    hint: (asked) => `whoever operates it makes one: ${grantFor(asked)}`,
  },
  403: {
    kind: 'usage',
    what: ({ registry, tokenFrom }) => `the token of ${tokenFrom} may not publish that on ${registry}`,
    hint: (asked) => `whoever operates it makes one that may: ${grantFor(asked)}`,
  },
  404: noPublishing,
  405: noPublishing,
  409: {
    kind: 'usage',
    // The official one says so of the same bytes too.
    what: ({ registry }) =>
      `${registry} has that version already${isOfficial(registry) ? '' : ', with other bytes'}`,
    hint: () => 'a version never changes: raise "version" in the manifest, and publish that',
  },
  413: {
    kind: 'usage',
    what: ({ registry }) => `it is larger than ${registry} or a proxy before it takes`,
    hint: () =>
      'leave out by lines in .moonignore what nobody needs who installs it; the limit is hosting.max_archive there',
  },
  429: {
    kind: 'unavailable',
    what: ({ registry }) => `${registry} was asked too often`,
    hint: (_, { retryAfterMs = 60_000 }) =>
      `wait ${Math.ceil(retryAfterMs / 1000)} seconds, and ${sendAgain}`,
  },
  507: {
    kind: 'unavailable',
    what: ({ registry }) => `${registry} has no room for more that waits for approval`,
    hint: () => 'have some of it approved or rejected, by "moonbit-registry staged list", and send it again',
  },
};

const errors = { usage: UsageError, 'not-found': NotFoundError, unavailable: UnavailableError };

function refusal(reply: PublishReply, asked: Asked): RegistryError {
  const { status, detail, location } = reply;
  if (status >= 300 && status < 400) return redirected(asked.registry, location);
  const { kind, what, hint } = refusals[status] ?? anythingElse;
  const said = detail === undefined ? '' : `: ${detail}`;
  return new errors[kind](what(asked, status) + said, { hint: hint(asked, reply) });
}

function grantFor({ modules }: Asked): string {
  const patterns = modules.flatMap((module) => ['--for', module.replace(/@.*$/, '')]);
  return shellLine`moonbit-registry token create NAME --owner PERSON --may publish ${patterns}`;
}

const publishPath = '/api/v0/publish';

function redirected(registry: string, location: string | undefined): RegistryError {
  const base = location?.endsWith(publishPath) ? location.slice(0, -publishPath.length) : undefined;
  return new UsageError(
    `${registry} redirects${location === undefined ? '' : ` to ${location}`}, and a token is not sent along`,
    {
      hint:
        base === undefined
          ? 'name the address that it redirects to by --registry'
          : `if that is the registry you mean: ${shellLine`moonbit-registry publish --registry ${base}`}`,
    },
  );
}

/** Where a registry says what it lists of a module, or of one version of it. */
export function manifestAddress(registry: string, id: string): string {
  return `${registry}/api/v0/manifest/${id.split('/').map(encodeURIComponent).join('/').replaceAll('%40', '@')}`;
}

export function publishAddress(registry: string): string {
  return registry + publishPath;
}
