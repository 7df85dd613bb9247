import type { Grants } from './permissions.ts';

/** What `moon` needs of a token, in the forms in which it reads them (moon-protocol §8). */
export interface ForMoon {
  /** What `~/.moon/credentials.json` holds, to publish. */
  readonly credentials: { readonly token: string };
  /** The address for `MOONCAKES_REGISTRY`, where the token may read all that moon reads. */
  readonly mooncakesRegistry?: string;
}

export function forMoon(text: string, grants: Grants, url: string): ForMoon {
  const readsAll = grants.read?.includes('*') ?? false;
  return {
    credentials: { token: text },
    ...(readsAll ? { mooncakesRegistry: withToken(url, text) } : {}),
  };
}

/** An address that names a token as moon can send it: by a Basic header, made from the address. */
export function withToken(url: string, token: string): string {
  const address = new URL(url);
  address.username = 'token';
  address.password = token;
  return address.href.replace(/\/$/, '');
}
