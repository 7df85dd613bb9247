import type { OidcEntry } from '../../../config/config.ts';
import { toVisibleLine } from '../../../support/visible-text.ts';
import type { AccessStore } from '../access-store.ts';
import { addLogin } from '../token-changes.ts';
import { createToken } from '../token-text.ts';
import { rulesOf } from './entry-rules.ts';
import type { Exchanged } from './exchanged.ts';
import type { Claims } from './identity-token.ts';
import { claimText } from './judge-claims.ts';
import { describePerson } from './machine-identity.ts';

/** As long as a token that an operator makes, unless they say otherwise. */
const lifetimeMs = 90 * 24 * 60 * 60_000;
const longestSubject = 200;

/** Gives a person whom an entry lets in a token that reads, and that operators see and revoke as any other. */
export async function logIn(
  store: Pick<AccessStore, 'change'>,
  claims: Claims,
  entry: OidcEntry,
  now: Date,
): Promise<Extract<Exchanged, { kind: 'issued' | 'none' }>> {
  const subject = toVisibleLine(claimText(claims, 'sub') ?? '');
  if (subject === '' || subject.length > longestSubject)
    return { kind: 'none', why: 'has no "sub" of 1 to 200 characters, which says who it is' };
  const { text, digest } = createToken();
  const login = { ...describePerson(claims, entry), rules: rulesOf(entry) };
  const grants = { read: entry.grants.read };
  const tokens = await store.change(
    (before) =>
      addLogin(before, { login, subject, grants, lifetimeMs }, digest, { now, by: `login ${entry.name}` }),
    `logged-in ${entry.name}`,
    now,
  );
  const made = tokens.at(-1);
  if (made?.keys[0]?.digest !== digest) throw new Error('the token of a login was not written');
  const endsAt = new Date(now.getTime() + lifetimeMs);
  return { kind: 'issued', text, name: made.name, entry, endsAt };
}
