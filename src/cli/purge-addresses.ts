import type { Config } from '../config/config.ts';
import { type ModuleName, ownerOf, restOf } from '../model/module-name.ts';
import type { Version } from '../model/version.ts';
import { clientUrl } from './moon-client.ts';

/**
 * Where caches in front of the registry may hold bytes that are served no longer, in both forms in which clients ask for
 * them (moon-protocol §3): of the whole index, then of each view. Dated addresses are as many as there were moments.
 */
export function purgeAddresses(
  archives: readonly { readonly module: ModuleName; readonly version: Version }[],
  { server, views }: { readonly server: Parameters<typeof clientUrl>[0] } & Pick<Config, 'views'>,
): string[] {
  const base = clientUrl(server);
  const bases = [base, ...views.map(({ name }) => `${base}/v/${name}`)];
  return bases.flatMap((place) => addressesOf(archives, place));
}

function addressesOf(
  archives: readonly { readonly module: ModuleName; readonly version: Version }[],
  base: string,
): string[] {
  return archives.flatMap(({ module, version }) => {
    const [owner, rest, last] = [ownerOf(module), restOf(module), version].map(encodeURIComponent);
    return [
      `${base}/user/${encodeURIComponent(`${module}/${version}`)}.zip`,
      `${base}/user/${owner}/${rest}/${last}.zip`,
    ];
  });
}
