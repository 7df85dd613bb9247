import type { OidcEntry } from '../../../config/config.ts';
import { toVisibleLine } from '../../../support/visible-text.ts';
import type { Claims } from './identity-token.ts';

/** A claim that does not say what an entry asks for. */
export interface ClaimFailure {
  readonly claim: string;
  /** One of these would do. */
  readonly expected: readonly string[];
  /** What it says, as far as that is one value; `undefined` where it is not there, or a list or a table. */
  readonly actual: string | undefined;
}

/** What becomes of a token by one `[[access.oidc]]` entry: it lets its holder in where nothing fails. */
export interface EntryVerdict {
  readonly entry: OidcEntry;
  readonly failures: readonly ClaimFailure[];
}

const longestShown = 200;

/** By each entry of the token's issuer. */
export function judgeClaims(claims: Claims, entries: readonly OidcEntry[]): readonly EntryVerdict[] {
  return entries.map((entry) => {
    const failures = Object.entries(entry.claims).flatMap(([claim, expected]): ClaimFailure[] => {
      const said = entry.isLogin ? claimTexts(claims, claim) : textOrNothing(claims, claim);
      const fits = said.some((actual) => expected.some((value) => matchesClaim(value, actual)));
      return fits ? [] : [{ claim, expected, actual: said.length === 0 ? undefined : show(said.join(' ')) }];
    });
    return { entry, failures: [...audienceFailure(claims, entry), ...failures] };
  });
}

function audienceFailure({ aud }: Claims, { audience }: OidcEntry): ClaimFailure[] {
  const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  if (audiences.includes(audience)) return [];
  const said = audiences.filter((one) => typeof one === 'string').join(' ');
  return [{ claim: 'aud', expected: [audience], actual: said === '' ? undefined : show(said) }];
}

/** The rules of the settings see to where a `*` may stand. */
function matchesClaim(expected: string, actual: string): boolean {
  return expected.endsWith('*') ? actual.startsWith(expected.slice(0, -1)) : actual === expected;
}

/** A claim of one value as text: some issuers send ids as numbers. */
export function claimText(claims: Claims, claim: string): string | undefined {
  const value = Object.hasOwn(claims, claim) ? claims[claim] : undefined;
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean' || Number.isSafeInteger(value)) return String(value);
  return undefined;
}

function textOrNothing(claims: Claims, claim: string): readonly string[] {
  const text = claimText(claims, claim);
  return text === undefined ? [] : [text];
}

/** Of people, issuers say by lists which groups they are in: one of them is enough. */
function claimTexts(claims: Claims, claim: string): readonly string[] {
  const value = Object.hasOwn(claims, claim) ? claims[claim] : undefined;
  return Array.isArray(value)
    ? value.filter((one): one is string => typeof one === 'string')
    : textOrNothing(claims, claim);
}

function show(text: string): string {
  return toVisibleLine(text.slice(0, longestShown));
}
