import type { OidcEntry } from '../../../config/config.ts';
import { toVisibleLine } from '../../../support/visible-text.ts';
import type { Claims } from './identity-token.ts';
import { claimText } from './judge-claims.ts';

/** Who a machine is, as its issuer says: kept with what it publishes. */
export interface OidcClaims {
  readonly issuer: string;
  /** The `[[access.oidc]]` entry that let it in. */
  readonly entry: string;
  /** The claims that matter, by their names. */
  readonly claims: Readonly<Record<string, string>>;
}

/** Beside those that an entry asks for: from them people find the run again. */
const tellingClaims: Readonly<Record<OidcEntry['provider'], readonly string[]>> = {
  github: [
    ...['sub', 'repository', 'repository_id', 'repository_owner', 'repository_owner_id', 'ref', 'sha'],
    ...['event_name', 'environment', 'job_workflow_ref', 'workflow_ref', 'actor', 'run_id', 'run_attempt'],
  ],
  gitlab: [
    ...['sub', 'project_path', 'project_id', 'namespace_path', 'namespace_id', 'ref', 'ref_type'],
    ...['ref_protected', 'sha', 'pipeline_source', 'environment', 'user_login', 'pipeline_id', 'job_id'],
  ],
  other: ['sub'],
};
const longestValue = 300;
const longestName = 200;

export function describeMachine(claims: Claims, entry: OidcEntry): OidcClaims {
  return pickClaims(claims, entry, [...tellingClaims[entry.provider], ...Object.keys(entry.claims)]);
}

function pickClaims(claims: Claims, entry: OidcEntry, names: readonly string[]): OidcClaims {
  const telling = [...new Set(names)].flatMap((name) => {
    const text = claimText(claims, name);
    return text === undefined ? [] : [[name, toVisibleLine(text.slice(0, longestValue))] as const];
  });
  return { issuer: entry.issuer, entry: entry.name, claims: Object.fromEntries(telling) };
}

/** What is kept of somebody who logged in, beside what the entry asks for: to tell people apart by. */
const claimsOfPeople = ['sub', 'email', 'preferred_username', 'name'];

export function describePerson(claims: Claims, entry: OidcEntry): OidcClaims {
  return pickClaims(claims, entry, [...claimsOfPeople, ...Object.keys(entry.claims)]);
}

/** What logs, the audit and published versions call it: `github:owner/repo@refs/heads/main`. No token that is made by command has a ":". */
export function machineName({ provider, name }: OidcEntry, { claims }: OidcClaims): string {
  const at = claims.ref === undefined ? '' : `@${claims.ref}`;
  const place = provider === 'github' ? claims.repository : claims.project_path;
  const who =
    provider === 'other' || place === undefined
      ? `${name}:${claims.sub ?? '?'}`
      : `${provider}:${place}${at}`;
  return who.slice(0, longestName);
}
