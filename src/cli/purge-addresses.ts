import { type ModuleName, ownerOf, restOf } from '../model/module-name.ts';
import type { Version } from '../model/version.ts';
import { clientUrl } from './moon-client.ts';

/**
 * Where caches in front of the registry may hold bytes that are served no longer, in both forms in which clients ask for
 * them (moon-protocol §3).
 */
export function purgeAddresses(
  archives: readonly { readonly module: ModuleName; readonly version: Version }[],
  server: Parameters<typeof clientUrl>[0],
): string[] {
  const base = clientUrl(server);
  return archives.flatMap(({ module, version }) => {
    const [owner, rest, last] = [ownerOf(module), restOf(module), version].map(encodeURIComponent);
    return [
      `${base}/user/${encodeURIComponent(`${module}/${version}`)}.zip`,
      `${base}/user/${owner}/${rest}/${last}.zip`,
    ];
  });
}
