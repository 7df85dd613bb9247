/** Whose identity tokens an issuer gives out, as far as rules depend on it: what a claim says differs. */
export type OidcProvider = 'github' | 'gitlab' | 'other';

/** Claims that GitLab alone has; its own servers are called anything. */
const gitlabClaims = ['namespace_id', 'namespace_path', 'project_id', 'project_path', 'ref_protected'];

/** By the address, and where that does not tell, by the claims that are asked for. */
export function providerOf(issuer: string, claims: readonly string[]): OidcProvider {
  const { hostname, pathname } = URL.canParse(issuer) ? new URL(issuer) : { hostname: '', pathname: '' };
  if (hostname === 'token.actions.githubusercontent.com') return 'github';
  // Where GitHub runs on a server of one's own.
  if (pathname.replace(/\/+$/, '').endsWith('/_services/token')) return 'github';
  const isGitlab = hostname.split('.').includes('gitlab') || claims.some((key) => gitlabClaims.includes(key));
  return isGitlab ? 'gitlab' : 'other';
}
