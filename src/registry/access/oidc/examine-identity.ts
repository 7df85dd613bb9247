import type { JWK } from 'jose';
import type { OidcEntry } from '../../../config/config.ts';
import { type IdentityToken, readIdentityToken } from './identity-token.ts';
import type { IssuerKeys } from './issuer-keys.ts';
import { type EntryVerdict, judgeClaims } from './judge-claims.ts';
import { type JudgedTimes, judgeTimes } from './token-times.ts';

/** What an identity token turned out to be. */
export type Examination =
  /** None that could count; words go after "it", and hold nothing of it. */
  | { readonly kind: 'none'; readonly why: string }
  /** Whether it is one cannot be told just now; `why` is for operators alone. */
  | { readonly kind: 'unavailable'; readonly issuer: string; readonly why: string }
  /** Its issuer has signed it: what is told of its claims is no secret to whoever holds it. */
  | {
      readonly kind: 'signed';
      readonly token: IdentityToken;
      readonly times: Exclude<JudgedTimes, { kind: 'none' }>;
      /** Of the entries of its issuer, in the order of the file. */
      readonly verdicts: readonly EntryVerdict[];
    };

export interface Examining {
  readonly entries: readonly OidcEntry[];
  readonly keys: IssuerKeys;
  /** Milliseconds since 1970. */
  readonly now: number;
}

export async function examineIdentity(text: string, { entries, keys, now }: Examining): Promise<Examination> {
  const read = readIdentityToken(text);
  if (read.kind === 'unreadable') return { kind: 'none', why: read.why };
  const { token } = read;
  const { iss } = token.claims;
  const ofIssuer = entries.filter(({ issuer }) => issuer === iss);
  const [first] = ofIssuer;
  if (!first) return { kind: 'none', why: 'is of an issuer that is not configured here' };
  const found = await keys.find(first.issuer, token);
  if (found.kind === 'unavailable') return { kind: 'unavailable', issuer: first.issuer, why: found.why };
  const isSigned =
    found.kind === 'found' &&
    (await Promise.all(found.keys.map((key) => isSignedBy(token, key)))).includes(true);
  if (!isSigned) return { kind: 'none', why: 'is not signed by a key of its issuer' };
  const times = judgeTimes(token.claims, now);
  if (times.kind === 'none') return times;
  return { kind: 'signed', token, times, verdicts: judgeClaims(token.claims, ofIssuer) };
}

async function isSignedBy({ text, algorithm }: IdentityToken, jwk: JWK): Promise<boolean> {
  // Few registries need it, and each would wait for it at the start.
  const { compactVerify, importJWK } = await import('jose');
  try {
    await compactVerify(text, await importJWK(jwk, algorithm), { algorithms: [algorithm] });
    return true;
  } catch {
    // A key that cannot be read, or is too short, signs nothing.
    return false;
  }
}
