import { UsageError } from '../../errors.ts';
import type { AccessStore } from './access-store.ts';
import { readLastUse } from './last-use.ts';
import type { Grants, OnlyVersion } from './permissions.ts';
import { addToken, revokeOwner, revokeToken, rotateToken, type TokenRequest } from './token-changes.ts';
import { standingOf, type TokenRecord } from './token-record.ts';
import { createToken } from './token-text.ts';

/** A token as it may be shown: all but what it counts by. */
export interface TokenFacts {
  readonly name: string;
  /** The person who answers for it. */
  readonly owner: string;
  readonly grants: Grants;
  /** ISO 8601, UTC, as are the others. */
  readonly createdAt: string;
  readonly createdBy: string;
  /** Absent: it never ends. */
  readonly expiresAt?: string | undefined;
  readonly revokedAt?: string | undefined;
  /** Views that it may read besides, by name. */
  readonly views?: readonly string[] | undefined;
  readonly only?: OnlyVersion | undefined;
  /** Ranges of addresses that it counts from; absent: any. */
  readonly cidr?: readonly string[] | undefined;
  /** Who they are, where somebody logged in: claims of their issuer, by name. */
  readonly login?: { readonly entry: string; readonly claims: Readonly<Record<string, string>> } | undefined;
  readonly standing: 'valid' | 'expired' | 'revoked';
  /** Until when a text that was replaced still counts: ISO 8601, UTC. */
  readonly formerUntil?: string | undefined;
  /** Beginning of the hour in which it was last used: ISO 8601, UTC. */
  readonly lastUsed?: string | undefined;
}

/** A token with its text, which is shown this once. */
export interface IssuedToken {
  readonly text: string;
  readonly token: TokenFacts;
}

/** Gives out tokens and takes them back. */
export interface TokenDesk {
  /** Throws `UsageError` for a name that was given before. */
  create(request: TokenRequest): Promise<IssuedToken>;
  /** In the order in which they were made; of one owner, if that is given. */
  list(owner?: string): Promise<readonly TokenFacts[]>;
  /** Of one name, or all of an owner. Throws `NotFoundError` where nothing is left to revoke. */
  revoke(which: { readonly name: string } | { readonly owner: string }): Promise<readonly TokenFacts[]>;
  /** All that an `[[access.oidc]]` entry has given out; returns until when. It goes on giving out. */
  revokeEntry(entry: string): Promise<Date>;
  /** A new text for a token; the former counts for an hour more. */
  rotate(name: string): Promise<IssuedToken>;
}

export interface TokenDeskOptions {
  readonly store: AccessStore;
  /** Absolute path of the file of `createLastUse`. */
  readonly lastUseFile: string;
  /** Who acts. */
  readonly by: string;
  readonly now: () => Date;
  /** Told of each change once it is real. */
  readonly record: (event: TokenEvent) => Promise<void>;
}

type TokenEvent =
  | {
      readonly event: 'token-created' | 'token-revoked' | 'token-rotated';
      readonly token: string;
      readonly owner: string;
    }
  | { readonly event: 'issuer-revoked'; readonly issuer: string };

export function createTokenDesk({ store, lastUseFile, by, now, record }: TokenDeskOptions): TokenDesk {
  const stamp = () => ({ now: now(), by });

  function describe(record: TokenRecord, uses: ReadonlyMap<string, string>): TokenFacts {
    const { keys, name, owner, grants, views, createdAt, createdBy, expiresAt, revokedAt, only, cidr } =
      record;
    const at = now().getTime();
    const former = keys.find(({ until }) => until !== undefined && Date.parse(until) > at);
    const standing = standingOf(record, at);
    return {
      ...{ name, owner, grants, views, createdAt, createdBy, expiresAt, revokedAt, only, cidr },
      standing,
      ...(record.login && { login: { entry: record.login.entry, claims: record.login.claims } }),
      ...(former?.until === undefined || standing !== 'valid' ? {} : { formerUntil: former.until }),
      ...(uses.has(record.name) ? { lastUsed: uses.get(record.name) } : {}),
    };
  }

  async function issue(
    event: 'token-created' | 'token-rotated',
    name: string,
    change: (
      tokens: readonly TokenRecord[],
      digest: ReturnType<typeof createToken>['digest'],
    ) => TokenRecord[],
  ): Promise<IssuedToken> {
    const { text, digest } = createToken();
    const tokens = await store.change((before) => change(before, digest), `${event} ${name}`, now());
    const made = tokens.find((token) => token.name === name);
    if (!made) throw new Error(`the token ${name} was not written`);
    await record({ event, token: name, owner: made.owner });
    return { text, token: describe(made, new Map()) };
  }

  return {
    create: (request) =>
      issue('token-created', request.name, (tokens, digest) => addToken(tokens, request, digest, stamp())),
    rotate: (name) =>
      issue('token-rotated', name, (tokens, digest) => rotateToken(tokens, name, digest, stamp())),
    async list(owner) {
      const [tokens, uses] = await Promise.all([store.read(store.version()), readLastUse(lastUseFile)]);
      return tokens
        .filter((token) => owner === undefined || token.owner === owner)
        .map((token) => describe(token, uses));
    },
    async revokeEntry(entry) {
      const date = now();
      await store.revokeEntry(entry, `tokens-revoked of ${entry}`, date);
      await record({ event: 'issuer-revoked', issuer: entry });
      return date;
    },
    async revoke(which) {
      let before: readonly TokenRecord[] = [];
      const what = 'name' in which ? which.name : `all of ${which.owner}`;
      if (what.includes('\n')) throw new UsageError('a name has one line');
      const after = await store.change(
        (tokens) => {
          before = tokens;
          return 'name' in which
            ? revokeToken(tokens, which.name, stamp())
            : revokeOwner(tokens, which.owner, stamp());
        },
        `token-revoked ${what}`,
        now(),
      );
      const revoked = after.filter((token) => !before.includes(token));
      for (const { name, owner } of revoked) await record({ event: 'token-revoked', token: name, owner });
      return revoked.map((token) => describe(token, new Map()));
    },
  };
}
