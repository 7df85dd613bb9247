import type { OidcEntry } from './config.ts';
import { providerOf } from './oidc-provider.ts';
import { claimValues, githubEvents } from './rules-oidc.ts';
import type { OidcTable } from './schema.ts';

/** What an entry without problems means: who is let in for what, defaults filled in. */
export function normaliseOidc(table: OidcTable): OidcEntry {
  const { name, issuer, audience, may, login: isLogin = false } = table;
  const names = table.for ?? ['*'];
  const provider = isLogin ? 'other' : providerOf(issuer, Object.keys(table.claims));
  const claims = Object.entries(table.claims).map(([key, value]) => [key, claimValues(value)] as const);
  const events = provider === 'github' ? { event_name: githubEvents } : {};
  return {
    ...{ name, provider, issuer, audience, isLogin },
    claims: { ...events, ...Object.fromEntries(claims) },
    grants: Object.fromEntries(
      may.map((act) => [act, act === 'read' ? (table.read_for ?? names) : names] as const),
    ),
  };
}
