import type { Grants } from './permissions.ts';

/** What `moon` needs of a token, in the forms in which it reads them (moon-protocol §8). */
export interface ForMoon {
  /** What `~/.moon/credentials.json` holds, to publish. */
  readonly credentials: { readonly token: string };
  /** The address for `MOONCAKES_REGISTRY`, where the token may read all that moon reads. */
  readonly mooncakesRegistry?: string;
}

/** `views`: those that it may read besides. */
export function forMoon(text: string, grants: Grants, url: string, [view]: readonly string[] = []): ForMoon {
  const readsAll = grants.read?.includes('*') ?? false;
  const address = readsAll || view === undefined ? url : `${url}/v/${view}`;
  return {
    credentials: { token: text },
    ...(readsAll || view !== undefined ? { mooncakesRegistry: withToken(address, text) } : {}),
  };
}

/** An address that names a token as moon can send it: by a Basic header, made from the address. */
export function withToken(url: string, token: string): string {
  const address = new URL(url);
  address.username = 'token';
  address.password = token;
  return address.href.replace(/\/$/, '');
}
