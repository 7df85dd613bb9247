import type { JWK } from 'jose';
import { createSingleFlight } from '../../../support/flow/single-flight.ts';
import type { IdentityToken } from './identity-token.ts';

/** The keys that could have signed a token, of those that its issuer publishes now. */
type FoundKeys =
  | { readonly kind: 'found'; readonly keys: readonly JWK[] }
  | { readonly kind: 'absent' }
  /** They cannot be read, for this reason, which is for operators alone. */
  | { readonly kind: 'unavailable'; readonly why: string };

export interface IssuerKeys {
  /** `issuer` is one that the settings name. Never rejects. */
  find(issuer: string, token: Pick<IdentityToken, 'algorithm' | 'keyId'>): Promise<FoundKeys>;
}

/** Reads all keys of an issuer. Throws what can be told to operators. */
export type ReadKeys = (issuer: string) => Promise<readonly JWK[]>;

/** Read again when they are older: an issuer takes a key away that was stolen. */
const freshMs = 10 * 60_000;
/** While they cannot be read, the last ones count no longer than this. */
const usableMs = 60 * 60_000;
/** Whoever sends a key's name that is not known makes us ask no more often. */
const askAgainMs = 10_000;
/** Nobody has so many of one name. */
const mostCandidates = 4;

interface Known {
  readonly keys: readonly JWK[] | undefined;
  readonly readAt: number;
  readonly triedAt: number;
  readonly failure: string | undefined;
}

/** `now`: milliseconds since any moment. */
export function createIssuerKeys(readKeys: ReadKeys, now: () => number): IssuerKeys {
  const known = new Map<string, Known>();
  const reading = createSingleFlight<string, void>();

  function refresh(issuer: string): Promise<void> {
    return reading.run(issuer, async () => {
      const triedAt = now();
      try {
        const keys = await readKeys(issuer);
        known.set(issuer, { keys, readAt: triedAt, triedAt, failure: undefined });
      } catch (error) {
        const before = known.get(issuer) ?? { keys: undefined, readAt: Number.NEGATIVE_INFINITY };
        const failure = error instanceof Error ? error.message : String(error);
        known.set(issuer, { ...before, triedAt, failure });
      }
    });
  }

  const since = (moment: number | undefined) => now() - (moment ?? Number.NEGATIVE_INFINITY);
  /** Joins a reading that is under way. */
  async function refreshIfDue(issuer: string): Promise<void> {
    if (since(known.get(issuer)?.triedAt) >= askAgainMs) await refresh(issuer);
  }
  function fitting(issuer: string, token: Pick<IdentityToken, 'algorithm' | 'keyId'>) {
    const state = known.get(issuer);
    return state?.keys && since(state.readAt) < usableMs ? keysFor(state.keys, token) : undefined;
  }

  return {
    async find(issuer, token) {
      if (since(known.get(issuer)?.readAt) >= freshMs) await refreshIfDue(issuer);
      if (fitting(issuer, token)?.length === 0) await refreshIfDue(issuer);
      const keys = fitting(issuer, token);
      if (!keys) return { kind: 'unavailable', why: known.get(issuer)?.failure ?? 'they were not read yet' };
      return keys.length === 0 ? { kind: 'absent' } : { kind: 'found', keys };
    },
  };
}

const curves: Readonly<Record<string, string>> = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' };

/** Those that a signature of this kind may be made by, and of this name; without a name, the only one there is. */
function keysFor(
  keys: readonly JWK[],
  { algorithm, keyId }: Pick<IdentityToken, 'algorithm' | 'keyId'>,
): readonly JWK[] {
  const fitting = keys.filter(
    ({ kty, crv, alg, use, kid }) =>
      isKind(algorithm, kty, crv) &&
      (alg === undefined || alg === algorithm) &&
      (use === undefined || use === 'sig') &&
      (keyId === undefined || kid === keyId),
  );
  return keyId === undefined && fitting.length > 1 ? [] : fitting.slice(0, mostCandidates);
}

/** A public key never doubles as the secret of another kind of signature. */
function isKind(algorithm: string, kty: unknown, crv: unknown): boolean {
  if (algorithm.startsWith('ES')) return kty === 'EC' && crv === curves[algorithm];
  return algorithm.startsWith('Ed') ? kty === 'OKP' && crv === 'Ed25519' : kty === 'RSA';
}
