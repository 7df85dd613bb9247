import { permissions } from '../registry/access/permissions.ts';
import { forMoon } from '../registry/access/token-address.ts';
import type { IssuedToken, TokenFacts } from '../registry/access/token-desk.ts';

/** What is printed once, with what `moon` needs of it. */
export function formatIssued({ text, token }: IssuedToken, url: string): { text: string; json: unknown } {
  const moon = forMoon(text, token.grants, url, token.views);
  const reading = [
    'To read with moon, in its environment (anybody who sees the address has the token):',
    `  export MOONCAKES_REGISTRY=${moon.mooncakesRegistry}`,
  ];
  const publishing = [
    'To publish with moon, in ~/.moon/credentials.json:',
    `  ${JSON.stringify(moon.credentials)}`,
  ];
  const lines = [
    `Token "${token.name}" of ${token.owner}: ${describeGrants(token)}; ${describeEnd(token)}.`,
    '',
    `  ${text}`,
    '',
    'It is shown this once. As a header: Authorization: Bearer TOKEN',
    ...(moon.mooncakesRegistry === undefined ? [] : reading),
    ...(token.grants.publish ? publishing : []),
    ...(token.formerUntil === undefined ? [] : [`The former text counts until ${token.formerUntil}.`]),
  ];
  return {
    text: lines.join('\n'),
    json: { text, token, ...moon },
  };
}

export function formatTokenList(tokens: readonly TokenFacts[], hidden: number): string {
  const more = hidden === 0 ? [] : [`${hidden} more that are expired or revoked: --all shows them.`];
  if (tokens.length === 0) return ['No token counts.', ...more].join('\n');
  return [...tokens.flatMap(describeToken), ...more].join('\n');
}

function describeToken(token: TokenFacts): string[] {
  const { name, owner, only, cidr, lastUsed, standing } = token;
  return [
    `${name} (${owner})${standing === 'valid' ? '' : ` [${standing}]`}`,
    `  ${describeGrants(token)}`,
    ...(only
      ? [`  only ${only.module}@${only.version}${only.checksum === undefined ? '' : ` (${only.checksum})`}`]
      : []),
    ...(cidr ? [`  from ${cidr.join(', ')}`] : []),
    ...describeLogin(token),
    `  made ${token.createdAt} by ${token.createdBy}; ${describeEnd(token)}; ${lastUsed === undefined ? 'never used' : `last used ${lastUsed}`}`,
  ];
}

function describeLogin({ login }: TokenFacts): string[] {
  if (!login) return [];
  const { email, preferred_username: user, name } = login.claims;
  const said = [name, email ?? user].filter((one) => one !== undefined).join(', ');
  return [`  logged in by ${login.entry}${said === '' ? '' : ` as ${said}`}`];
}

function describeGrants({ grants, views }: Pick<TokenFacts, 'grants' | 'views'>): string {
  const said = permissions.flatMap((permission) => {
    const names = grants[permission];
    return names === undefined ? [] : [`${permission} ${names.join(' ')}`];
  });
  const seen = views === undefined ? [] : [`read the view ${views.join(', ')}`];
  return `may ${[...said, ...seen].join(', ')}`;
}

function describeEnd({ revokedAt, expiresAt }: TokenFacts): string {
  if (revokedAt !== undefined) return `revoked ${revokedAt}`;
  return expiresAt === undefined ? 'never expires' : `expires ${expiresAt}`;
}
