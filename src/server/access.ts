import type { IncomingMessage } from 'node:http';
import type { Config } from '../config/config.ts';
import { type Answer, type AppRequest, type ProblemAnswer, problem, type Route } from '../http/answer.ts';
import type { ClientAddress } from '../http/client-address.ts';
import { toPhrase } from '../http/phrase.ts';
import { matchesPattern } from '../model/pattern.ts';
import { createFailedAttempts } from '../registry/access/failed-attempts.ts';
import type { TokenFinding } from '../registry/access/known-tokens.ts';
import type { LastUse } from '../registry/access/last-use.ts';
import type { ShortTokens } from '../registry/access/oidc/short-tokens.ts';
import {
  anonymous,
  mayFor,
  mayForAll,
  type Permission,
  type Principal,
  type TokenHolder,
} from '../registry/access/permissions.ts';
import type { TokenWatch } from '../registry/access/token-watch.ts';
import { type ShownToken, shownToken } from './shown-token.ts';

/** What a request wants, as far as it takes a permission. */
export type Need =
  /** Nothing of the registry: whether the server runs. */
  | { readonly kind: 'nothing' }
  /** To read what is of these modules alone, or of all there are: the index, lists, search. */
  | { readonly kind: 'read'; readonly modules: readonly string[] | 'all' }
  /** To read a part of the index, whose readers the settings name: see `ViewConfig`. */
  | { readonly kind: 'view'; readonly view: string; readonly for: readonly string[] }
  /** What the request itself says: whoever answers it asks. */
  | { readonly kind: 'own' };

export const needsNothing: Need = { kind: 'nothing' };
export const readsAll: Need = { kind: 'read', modules: 'all' };

/** To read what is of one module; of all, where nobody can tell of which. */
export function readsModule(module: string | undefined): Need {
  return module === undefined ? readsAll : { kind: 'read', modules: [module] };
}

/** A route that says what it takes to be answered by it. */
export interface GuardedRoute extends Omit<Route, 'handle'> {
  /** From the path, as in `AppRequest`; a route that does not say needs to be allowed to read everything. */
  readonly need?: (path: string) => Need;
  readonly handle: (request: AppRequest, caller: Caller) => Promise<Answer>;
}

/** Who asks, and how that was found. */
export interface Caller {
  readonly principal: Principal;
  /** Whether everything may be read, so that nothing else need be asked. */
  readonly readsAll: boolean;
  /** Why the token that was shown does not count; `unsure` while nobody can tell. */
  readonly failure: Exclude<TokenFinding, { kind: 'holder' }> | { readonly kind: 'unsure' } | undefined;
  /** In the form of `parseAddress`. */
  readonly address: string;
}

/** Who may. Everything here is of the moment, never throws and never waits: it runs ahead of each answer. */
export interface Access {
  /** Whether reading needs a token now: then whatever is answered is for its asker alone. */
  isPrivate(): boolean;
  /** Reads who asks from a request, or from the token that was taken out of its address. */
  identify(request: IncomingMessage, client: ClientAddress, pathToken: string | undefined): Caller;
  /**
   * The same, having looked anew, of one whose token nobody knows: it may have been made a moment ago. This waits, and only
   * for who would be refused.
   */
  reconsider(
    caller: Caller,
    request: IncomingMessage,
    client: ClientAddress,
    pathToken: string | undefined,
  ): Promise<Caller>;
  /** Who shows this token otherwise: in a form. Looks anew, as `reconsider` does. */
  recognise(text: string, client: ClientAddress): Promise<Caller>;
  /** Counts a token that does not count; the answer instead of why, where there were too many from this address. */
  countFailure(address: string): ProblemAnswer | undefined;
  /** What stands in the way of what is wanted; `undefined` if nothing does. */
  judge(caller: Caller, need: Need): ProblemAnswer | undefined;
  /** The same for doing something with a module. */
  judgeAct(
    caller: Caller,
    permission: Exclude<Permission, 'read'>,
    module: string,
  ): ProblemAnswer | undefined;
}

export interface AccessOptions {
  readonly settings: () => Pick<Config, 'access'>;
  readonly tokens: Pick<TokenWatch, 'glance' | 'look'>;
  readonly lastUse: Pick<LastUse, 'note'>;
  readonly short: Pick<ShortTokens, 'find'>;
  /** Milliseconds since 1970. */
  readonly date: () => number;
  /** Milliseconds since any moment. */
  readonly now: () => number;
}

export function createAccess({ settings, tokens, lastUse, short, date, now }: AccessOptions): Access {
  const attempts = createFailedAttempts();
  const isPrivate = () => settings().access.read === 'token';

  function find({ text, by }: ShownToken, { address }: ClientAddress): Caller {
    const known = tokens.glance();
    if (!known) return nobody(address, { kind: 'unsure' });
    const made = known.find(text, address, date());
    const isOther = made.kind === 'unknown' && made.hasForm;
    const finding = isOther ? short.find(text, date(), known.isRevoked) : made;
    if (finding.kind !== 'holder') return nobody(address, finding);
    const { holder } = finding;
    // Of a quarter of an hour nobody needs to know the hour.
    if (!holder.oidc) lastUse.note(holder.name, date());
    // Logs, histories and error messages have seen it.
    const principal = by === 'header' ? holder : readingOnly(holder);
    return { principal, readsAll: !isPrivate() || mayForAll(principal, 'read'), failure: undefined, address };
  }

  const nobody = (address: string, failure: Caller['failure']): Caller => ({
    ...{ principal: anonymous, failure, address },
    readsAll: !isPrivate(),
  });

  function identify(request: IncomingMessage, client: ClientAddress, pathToken: string | undefined): Caller {
    const shown: ShownToken | undefined =
      pathToken === undefined ? shownToken(request.headers) : { text: pathToken, by: 'address' };
    return shown === undefined ? nobody(client.address, undefined) : find(shown, client);
  }

  /** Of a token that nobody knows, having looked once more. */
  async function orAnew(caller: Caller, again: () => Caller): Promise<Caller> {
    const { failure } = caller;
    const mayBeNew = failure?.kind === 'unsure' || (failure?.kind === 'unknown' && failure.hasForm);
    if (!mayBeNew) return caller;
    await tokens.look();
    return again();
  }

  /** For want of a token that counts. */
  function refuse({ failure, address }: Caller): ProblemAnswer {
    if (failure?.kind === 'unsure')
      return problem('busy', 'Nobody can tell just now whether this token counts.', { retryAfterMs: 1000 });
    if (failure === undefined) return unauthorised('This needs a token.');
    return (
      countFailure(address) ??
      unauthorised(failure.kind === 'unknown' ? 'This token is not known here.' : describeSpent(failure))
    );
  }

  function countFailure(address: string): ProblemAnswer | undefined {
    const waitMs = attempts.count(address, now());
    if (waitMs === 0) return undefined;
    return problem('too-many-attempts', 'Too many tokens that do not count were shown from this address.', {
      headers: { 'Retry-After': String(Math.ceil(waitMs / 1000)) },
      hint: 'a token that counts is heard all the same',
    });
  }

  return {
    isPrivate,
    countFailure,
    identify,
    reconsider: (caller, request, client, pathToken) =>
      orAnew(caller, () => identify(request, client, pathToken)),
    async recognise(text, client) {
      const again = () => find({ text, by: 'header' }, client);
      return orAnew(again(), again);
    },
    judge(caller, need) {
      if (need.kind === 'nothing' || need.kind === 'own' || caller.readsAll) return undefined;
      if (need.kind === 'view' && mayReadView(caller.principal, need)) return undefined;
      if (caller.principal.kind === 'anonymous') return refuse(caller);
      const { principal } = caller;
      if (need.kind === 'view')
        return forbidden(`This token may not read the view ${JSON.stringify(need.view)}.`, principal.name);
      if (need.modules === 'all' || need.modules.length === 0)
        return forbidden('This token may not read all modules, and this tells of all.', principal.name);
      const denied = need.modules.find((module) => !mayFor(principal, 'read', module));
      return denied === undefined
        ? undefined
        : forbidden(`This token may not read ${denied}.`, principal.name);
    },
    judgeAct(caller, permission, module) {
      const { principal } = caller;
      if (principal.kind === 'anonymous') return refuse(caller);
      if (mayFor(principal, permission, module)) return undefined;
      return forbidden(`This token may not ${permission} ${module}.`, principal.name);
    },
  };
}

/** Who may read a view besides those who may read everything: whom it names, and who has a token for it. */
function mayReadView(
  principal: Principal,
  { view, for: audience }: Extract<Need, { kind: 'view' }>,
): boolean {
  if (audience.includes('anyone')) return true;
  if (principal.kind === 'anonymous') return false;
  const { name, owner, views = [] } = principal;
  return (
    views.includes(view) ||
    audience.some((one) =>
      one.startsWith(ownerMark) ? one.slice(ownerMark.length) === owner : matchesPattern(one, name),
    )
  );
}

const ownerMark = 'owner:';

const readers = new WeakMap<TokenHolder, TokenHolder>();

/** The same holder, of a token that was shown in an address; made once for each. */
function readingOnly(holder: TokenHolder): TokenHolder {
  const before = readers.get(holder);
  if (before) return before;
  const reader = { ...holder, grants: { read: holder.grants.read } };
  readers.set(holder, reader);
  return reader;
}

function describeSpent({ name, why }: Extract<TokenFinding, { kind: 'spent' }>): string {
  switch (why) {
    case 'revoked':
      return `The token "${name}" was revoked.`;
    case 'expired':
      return `The token "${name}" has expired.`;
    case 'replaced':
      return `The token "${name}" has a new text.`;
    case 'elsewhere':
      return `The token "${name}" does not count from this address.`;
  }
}

/** git asks its user, or its helpers, only when it is told how (RFC 7235 §4.1). */
export function unauthorised(detail: string): ProblemAnswer {
  return problem('no-token', detail, {
    hint: 'ask whoever operates this registry for a token: as "Authorization: Bearer TOKEN", or in the address, https://token:TOKEN@HOST',
    headers: { 'WWW-Authenticate': 'Basic realm="moonbit-registry", charset="UTF-8"' },
    phrase: toPhrase(`Unauthorized: ${detail.replace(/\.$/, '')}`),
  });
}

function forbidden(detail: string, token: string): ProblemAnswer {
  return problem('not-allowed', detail, {
    hint: `"${token}" is what this token is called by whoever operates this registry`,
    phrase: toPhrase(`Forbidden: ${detail.replace(/\.$/, '')}`),
  });
}
