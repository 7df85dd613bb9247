import { NotFoundError, type RegistryError, UnavailableError, UsageError } from '../errors.ts';
import { shellLine } from '../support/shell.ts';

/** What a registry answered to somebody who published. */
export interface PublishReply {
  readonly status: number;
  /** Its own words, fit to be shown. */
  readonly detail: string | undefined;
  readonly retryAfterMs: number | undefined;
  /** Where a redirect leads, fit to be shown. */
  readonly location: string | undefined;
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
  | { readonly kind: 'published' }
  /** Nothing was changed, and all of it could be published now. */
  | { readonly kind: 'would-publish' }
  /** The registry has it, and lists it later: it says when in its own words. */
  | { readonly kind: 'waiting' }
  | { readonly kind: 'failed'; readonly error: RegistryError };

/** What an answer means, and what to do about it. */
export function judgeReply(reply: PublishReply, asked: Asked): Verdict {
  const { status } = reply;
  if (status === 200 && asked.dryRun) return failed(ranForReal(asked));
  if (status === 200 || status === 201) return { kind: 'published' };
  if (status === 202) return { kind: asked.dryRun ? 'would-publish' : 'waiting' };
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

function refusal({ status, detail, retryAfterMs, location }: PublishReply, asked: Asked): RegistryError {
  const { registry, tokenFrom, modules } = asked;
  const said = detail === undefined ? '' : `: ${detail}`;
  const names = modules.map((module) => module.replace(/@.*$/, ''));
  const grant = shellLine`moonbit-registry token create NAME --owner PERSON --may publish ${names.flatMap((name) => ['--for', name])}`;
  if (status >= 300 && status < 400) return redirected(registry, location);
  switch (status) {
    case 400:
    case 422:
      return new UsageError(`${registry} refuses it${said}`, {
        hint: `correct that, and try it by ${shellLine`moonbit-registry publish --dry-run`}`,
      });
    case 401:
      return new UsageError(`${registry} does not accept the token of ${tokenFrom}${said}`, {
        hint: `whoever operates it makes one: ${grant}`,
      });
    case 403:
      return new UsageError(`the token of ${tokenFrom} may not publish that on ${registry}${said}`, {
        hint: `whoever operates it makes one that may: ${grant}`,
      });
    case 404:
    case 405:
      return new NotFoundError(`nothing can be published on ${registry}: it answered ${status}${said}`, {
        hint: 'look whether that is the address of a registry, and whether it has [hosting] namespaces',
      });
    case 409:
      return new UsageError(`${registry} has that version with other bytes${said}`, {
        hint: 'a version never changes: raise "version" in the manifest, and publish that',
      });
    case 413:
      return new UsageError(`it is larger than ${registry} or a proxy before it takes${said}`, {
        hint: 'leave out by lines in .moonignore what nobody needs who installs it; the limit is hosting.max_archive there',
      });
    case 429:
      return new UnavailableError(`${registry} was asked too often${said}`, {
        hint: `wait ${Math.ceil((retryAfterMs ?? 60_000) / 1000)} seconds, and ${sendAgain}`,
      });
    default:
      return new UnavailableError(`${registry} answered ${status}${said}`, { hint: sendAgain });
  }
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
