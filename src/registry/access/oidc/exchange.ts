import type { OidcEntry } from '../../../config/config.ts';
import type { AccessStore } from '../access-store.ts';
import { createToken } from '../token-text.ts';
import type { BurnedTokens } from './burned-tokens.ts';
import { rulesOf } from './entry-rules.ts';
import { examineIdentity } from './examine-identity.ts';
import type { Exchanged } from './exchanged.ts';
import type { IssuerKeys } from './issuer-keys.ts';
import { logIn } from './log-in.ts';
import { describeMachine, machineName } from './machine-identity.ts';
import type { ShortTokens } from './short-tokens.ts';

/** So long a machine may do what its entry says: a job that takes longer shows another identity token. */
const lifetimeMs = 15 * 60_000;
const tidyEveryMs = 60_000;

/** Gives machines that show whose they are a token for a while. */
export interface IdentityExchange {
  /** Each identity token once. Throws `StorageError` where the disk does not take it. */
  exchange(text: string): Promise<Exchanged>;
}

export interface ExchangeParts {
  readonly entries: () => readonly OidcEntry[];
  readonly keys: IssuerKeys;
  readonly burned: BurnedTokens;
  readonly short: Pick<ShortTokens, 'add' | 'tidy'>;
  readonly store: Pick<AccessStore, 'change'>;
  readonly now: () => Date;
  /** Told of each token that is given out. */
  readonly record: (event: {
    readonly event: 'token-exchanged' | 'logged-in';
    readonly token: string;
    readonly issuer: string;
  }) => Promise<void>;
  /** Told when what has ended could not be removed. */
  readonly onFailure: (error: unknown) => void;
}

export function createIdentityExchange(parts: ExchangeParts): IdentityExchange {
  let tidiedAt = Number.NEGATIVE_INFINITY;

  function tidy(now: number): void {
    if (now - tidiedAt < tidyEveryMs) return;
    tidiedAt = now;
    void Promise.all([parts.burned.tidy(now), parts.short.tidy(now)]).catch(parts.onFailure);
  }

  return {
    async exchange(text) {
      const now = parts.now().getTime();
      const examined = await examineIdentity(text, { entries: parts.entries(), keys: parts.keys, now });
      if (examined.kind !== 'signed') return examined;
      const { token, times, verdicts } = examined;
      if (times.kind === 'other-time') return { kind: 'other-time', why: times.why };
      const entry = verdicts.find(({ failures }) => failures.length === 0)?.entry;
      if (!entry) return { kind: 'refused', verdicts };
      if (!(await parts.burned.burn(token, times.endsAt))) return { kind: 'used-before' };
      if (entry.isLogin) {
        const login = await logIn(parts.store, token.claims, entry, parts.now());
        if (login.kind === 'issued')
          await parts.record({ event: 'logged-in', token: login.name, issuer: entry.name });
        return login;
      }
      const identity = describeMachine(token.claims, entry);
      const name = machineName(entry, identity);
      const endsAt = Math.min(now, times.endsAt) + lifetimeMs;
      const { text: issued, digest } = createToken();
      await parts.short.add(digest, { name, rules: rulesOf(entry), issuedAt: now, endsAt, identity });
      await parts.record({ event: 'token-exchanged', token: name, issuer: entry.name });
      tidy(now);
      return { kind: 'issued', text: issued, name, entry, endsAt: new Date(endsAt) };
    },
  };
}
