import { timingSafeEqual } from 'node:crypto';
import type { OidcEntry } from '../../config/config.ts';
import { type AddressRanges, createAddressRanges } from '../../support/net/address-ranges.ts';
import { rulesOf } from './oidc/entry-rules.ts';
import type { Revocations } from './oidc/revocations.ts';
import type { Grants, TokenHolder } from './permissions.ts';
import { standingOf, type TokenRecord } from './token-record.ts';
import { readToken } from './token-text.ts';

/** What a token's text turned out to be. */
export type TokenFinding =
  | { readonly kind: 'holder'; readonly holder: TokenHolder }
  /** Nobody's, as far as is known; one that has the form may have been made a moment ago. */
  | { readonly kind: 'unknown'; readonly hasForm: boolean }
  /** Somebody's, who may be told why it does not count: only its holder has the text. */
  | {
      readonly kind: 'spent';
      readonly name: string;
      readonly why: 'revoked' | 'expired' | 'replaced' | 'elsewhere';
    };

/** The tokens as of one commit of `refs/registry/access`, ready to be asked on each request. */
export interface KnownTokens {
  /** `address` as in `parseAddress`, `now` in milliseconds since 1970. */
  find(text: string, address: string | undefined, now: number): TokenFinding;
  /** Whether what an `[[access.oidc]]` entry gave out at that time, in milliseconds since 1970, counts no more. */
  isRevoked(entry: string, issuedAt: number): boolean;
}

interface Key {
  readonly digest: Buffer;
  readonly until: number;
  readonly record: TokenRecord;
  readonly holder: TokenHolder;
  readonly ranges: AddressRanges | undefined;
}

/** `entries`: those that people may have logged in by, as they are now. */
export function knowTokens(
  records: readonly TokenRecord[],
  revocations: Revocations = new Map(),
  entries: () => readonly OidcEntry[] = () => [],
): KnownTokens {
  const isRevoked = (entry: string, issuedAt: number) =>
    issuedAt <= (revocations.get(entry) ?? Number.NEGATIVE_INFINITY);

  /** What the entry grants now; `undefined` where it is gone, or asks for something else. */
  function grantsOf({ grants, login, createdAt }: TokenRecord): Grants | undefined {
    if (!login) return grants;
    const entry = entries().find(({ name }) => name === login.entry);
    if (!entry || rulesOf(entry) !== login.rules || isRevoked(entry.name, Date.parse(createdAt)))
      return undefined;
    return { read: entry.grants.read };
  }

  const keys = new Map<string, Key>();
  for (const record of records) {
    const { name, owner, grants, views, only, cidr } = record;
    const holder: TokenHolder = { kind: 'token', name, owner, grants, views, only };
    const ranges = cidr && createAddressRanges(cidr);
    for (const { digest, until } of record.keys)
      keys.set(digest, {
        digest: Buffer.from(digest, 'hex'),
        until: until === undefined ? Number.POSITIVE_INFINITY : Date.parse(until),
        ...{ record, holder, ranges },
      });
  }
  return {
    isRevoked,
    find(text, address, now) {
      const digest = readToken(text);
      const key = digest === undefined ? undefined : keys.get(digest);
      if (digest === undefined || !key || !timingSafeEqual(key.digest, Buffer.from(digest, 'hex')))
        return { kind: 'unknown', hasForm: digest !== undefined };
      const { record, holder, until, ranges } = key;
      const standing = standingOf(record, now);
      if (standing !== 'valid') return { kind: 'spent', name: record.name, why: standing };
      if (until <= now) return { kind: 'spent', name: record.name, why: 'replaced' };
      if (ranges && (address === undefined || !ranges.has(address)))
        return { kind: 'spent', name: record.name, why: 'elsewhere' };
      const grants = grantsOf(record);
      if (!grants) return { kind: 'spent', name: record.name, why: 'revoked' };
      return { kind: 'holder', holder: grants === holder.grants ? holder : { ...holder, grants } };
    },
  };
}
