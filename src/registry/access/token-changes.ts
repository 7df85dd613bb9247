/** What becomes of the list of tokens: pure, so that a change that met another one is worked out again. */
import { NotFoundError, UsageError } from '../../errors.ts';
import { shellLine } from '../../support/shell.ts';
import { suggest } from '../../support/suggest.ts';
import type { Grants, OnlyVersion } from './permissions.ts';
import { standingOf, type TokenRecord, tokenNameProblem } from './token-record.ts';
import type { TokenDigest } from './token-text.ts';

export interface TokenRequest {
  readonly name: string;
  readonly owner: string;
  readonly grants: Grants;
  /** How long it counts, in milliseconds; `undefined`: for ever. */
  readonly lifetimeMs: number | undefined;
  readonly views?: readonly string[] | undefined;
  readonly only?: OnlyVersion | undefined;
  readonly cidr?: readonly string[] | undefined;
}

export interface Stamp {
  readonly now: Date;
  /** Who makes the change. */
  readonly by: string;
}

/** How long the text that was replaced goes on counting. */
const rotationMs = 3_600_000;

export function addToken(
  tokens: readonly TokenRecord[],
  { name, owner, grants, views, lifetimeMs, only, cidr }: TokenRequest,
  digest: TokenDigest,
  { now, by }: Stamp,
): TokenRecord[] {
  const problem = tokenNameProblem(name);
  if (problem !== undefined) throw new UsageError(`a token cannot be called "${name}": ${problem}`);
  const namesake = tokens.find((token) => token.name === name);
  if (namesake)
    throw new UsageError(
      `there is a token "${name}" already (${describeStanding(namesake, now)}), and a name is given once only`,
      {
        hint: shellLine`moonbit-registry token rotate ${name}`,
      },
    );
  const token: TokenRecord = {
    name,
    owner,
    keys: [{ digest }],
    grants: copyGrants(grants),
    ...(views === undefined ? {} : { views: [...views] }),
    createdAt: now.toISOString(),
    createdBy: by,
    ...(lifetimeMs === undefined ? {} : { expiresAt: new Date(now.getTime() + lifetimeMs).toISOString() }),
    ...(only === undefined ? {} : { only: { ...only } }),
    ...(cidr === undefined || cidr.length === 0 ? {} : { cidr: [...cidr] }),
  };
  return [...tokens, token];
}

function copyGrants(grants: Grants): TokenRecord['grants'] {
  return Object.fromEntries(
    Object.entries(grants).map(([permission, names]) => [permission, [...(names ?? [])]]),
  );
}

/** Who logged in, and by what. */
export interface LoginRequest {
  readonly login: NonNullable<TokenRecord['login']>;
  /** Says who it is, within the entry: `sub` of the identity token. */
  readonly subject: string;
  readonly grants: Grants;
  readonly lifetimeMs: number;
}

/** So many at a time count of one person: whoever logs in once more ends the oldest. */
const mostLogins = 10;
/** So many are kept of one person, those that have ended among them. */
const keptLogins = 20;

/** The token of somebody who logged in, as the last of the list: their next number, with their oldest ended where there are many. */
export function addLogin(
  tokens: readonly TokenRecord[],
  { login, subject, grants, lifetimeMs }: LoginRequest,
  digest: TokenDigest,
  { now }: Stamp,
): TokenRecord[] {
  const owner = `${login.entry}:${subject}`;
  const own = tokens.filter((token) => token.login !== undefined && token.owner === owner);
  const forgotten = own.slice(0, Math.max(0, own.length + 1 - keptLogins));
  const ended = own.filter((token) => standingOf(token, now.getTime()) === 'valid').slice(0, 1 - mostLogins);
  const last = Number(/#(\d+)$/.exec(own.at(-1)?.name ?? '')?.[1] ?? 0);
  const token: TokenRecord = {
    ...{ name: `${owner}#${last + 1}`, owner, keys: [{ digest }], grants: copyGrants(grants), login },
    createdAt: now.toISOString(),
    createdBy: `login ${login.entry}`,
    expiresAt: new Date(now.getTime() + lifetimeMs).toISOString(),
  };
  const kept = tokens
    .filter((one) => !forgotten.includes(one))
    .map((one) => (ended.includes(one) ? revoked(one, now) : one));
  return [...kept, token];
}

/** Throws `NotFoundError` where there is none of that name that still counts. */
export function revokeToken(tokens: readonly TokenRecord[], name: string, { now }: Stamp): TokenRecord[] {
  const token = findToken(tokens, name);
  const standing = standingOf(token, now.getTime());
  if (standing === 'revoked')
    throw new NotFoundError(`the token "${name}" was revoked already, at ${token.revokedAt}`);
  return tokens.map((one) => (one === token ? revoked(one, now) : one));
}

/** All tokens of a person, expired ones too. Throws `NotFoundError` where nothing is left to revoke. */
export function revokeOwner(tokens: readonly TokenRecord[], owner: string, { now }: Stamp): TokenRecord[] {
  const own = tokens.filter((token) => token.owner === owner && token.revokedAt === undefined);
  if (own.length === 0) {
    const meant = suggest(owner, new Set(tokens.map((token) => token.owner)));
    throw new NotFoundError(
      `no token of "${owner}" is left to revoke${meant === undefined ? '' : `; did you mean "${meant}"?`}`,
      {
        hint: 'moonbit-registry token list',
      },
    );
  }
  return tokens.map((one) => (own.includes(one) ? revoked(one, now) : one));
}

function revoked(token: TokenRecord, now: Date): TokenRecord {
  return { ...token, revokedAt: now.toISOString() };
}

/** A new text for a token; the one before counts for an hour more. It expires when it would have: rotating prolongs nothing. */
export function rotateToken(
  tokens: readonly TokenRecord[],
  name: string,
  digest: TokenDigest,
  { now }: Stamp,
): TokenRecord[] {
  const token = findToken(tokens, name);
  const standing = standingOf(token, now.getTime());
  if (standing !== 'valid')
    throw new UsageError(`the token "${name}" is ${describeStanding(token, now)} and cannot be rotated`, {
      hint: 'make a new one: moonbit-registry token create',
    });
  const until = new Date(now.getTime() + rotationMs).toISOString();
  const former = token.keys
    .filter((key) => key.until === undefined || Date.parse(key.until) > now.getTime())
    .map((key) => ({ ...key, until: key.until ?? until }));
  return tokens.map((one) => (one === token ? { ...one, keys: [{ digest }, ...former] } : one));
}

function findToken(tokens: readonly TokenRecord[], name: string): TokenRecord {
  const token = tokens.find((one) => one.name === name);
  if (token) return token;
  const meant = suggest(name, new Set(tokens.map((one) => one.name)));
  throw new NotFoundError(
    `there is no token "${name}"${meant === undefined ? '' : `; did you mean "${meant}"?`}`,
    { hint: 'moonbit-registry token list' },
  );
}

function describeStanding(token: TokenRecord, now: Date): string {
  switch (standingOf(token, now.getTime())) {
    case 'valid':
      return `of ${token.owner}`;
    case 'expired':
      return `expired since ${token.expiresAt}`;
    case 'revoked':
      return `revoked since ${token.revokedAt}`;
  }
}
