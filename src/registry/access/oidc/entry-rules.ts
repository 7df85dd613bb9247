import { createHash } from 'node:crypto';
import type { OidcEntry } from '../../../config/config.ts';

const rulesByEntry = new WeakMap<OidcEntry, string>();

/** What an entry asks for, as one word: lets a token end with what it was given out for. */
export function rulesOf(entry: OidcEntry): string {
  const before = rulesByEntry.get(entry);
  if (before !== undefined) return before;
  const { issuer, audience, claims, isLogin } = entry;
  const rules = createHash('sha256')
    .update(JSON.stringify([issuer, audience, claims, isLogin]))
    .digest('hex');
  rulesByEntry.set(entry, rules);
  return rules;
}
