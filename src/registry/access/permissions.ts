import type { Checksum } from '../../model/checksum.ts';
import type { ModuleName } from '../../model/module-name.ts';
import { matchesAny } from '../../model/pattern.ts';
import type { Version } from '../../model/version.ts';
import type { OidcClaims } from './oidc/machine-identity.ts';

/** What a token may be allowed. `admin` decides for others: approves, withdraws, sees what pages tell operators. */
export const permissions = ['read', 'publish', 'yank', 'admin'] as const;
export type Permission = (typeof permissions)[number];

/** For each permission the names it holds for, as patterns; a permission that is not there is not given. */
export type Grants = { readonly [permission in Permission]?: readonly string[] | undefined };

/** Who asks. */
export type Principal =
  /** Somebody who showed no token. */
  { readonly kind: 'anonymous' } | TokenHolder;

export interface TokenHolder {
  readonly kind: 'token';
  /** The token's name, which logs and the audit call it by. */
  readonly name: string;
  /** The person who answers for it. */
  readonly owner: string;
  readonly grants: Grants;
  /** Views that may be read by it, by name. */
  readonly views?: readonly string[] | undefined;
  /** The one version that may be published or yanked with it. */
  readonly only?: OnlyVersion | undefined;
  /** Who its machine is, where it was given for an identity token. */
  readonly oidc?: OidcClaims | undefined;
}

export interface OnlyVersion {
  readonly module: ModuleName;
  readonly version: Version;
  /** Lowercase hex SHA-256 of the only archive that may be published. */
  readonly checksum?: Checksum | undefined;
}

export const anonymous: Principal = { kind: 'anonymous' };

export function isPermission(text: string): text is Permission {
  return (permissions as readonly string[]).includes(text);
}

/** Whether the permission holds for a module's name, without regard to `only`. */
export function mayFor(principal: Principal, permission: Permission, module: string): boolean {
  return principal.kind === 'token' && matchesAny(principal.grants[permission] ?? [], module);
}

/** Whether the permission holds for every name there is: what an index, a search or a list of all needs. */
export function mayForAll(principal: Principal, permission: Permission): boolean {
  return principal.kind === 'token' && (principal.grants[permission] ?? []).includes('*');
}
