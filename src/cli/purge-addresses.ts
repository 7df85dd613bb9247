import type { Config } from '../config/config.ts';
import { type ModuleName, ownerOf, restOf } from '../model/module-name.ts';
import type { Version } from '../model/version.ts';
import { localUrl } from './moon-client.ts';

/**
 * Where caches in front of the registry may hold bytes that are served no longer, in both forms in which clients ask for
 * them (moon-protocol §3).
 */
export function purgeAddresses(
  archives: readonly { readonly module: ModuleName; readonly version: Version }[],
  { baseUrl, host, port }: Pick<Config['server'], 'baseUrl' | 'host' | 'port'>,
): string[] {
  const base = baseUrl ?? localUrl(host, port);
  return archives.flatMap(({ module, version }) => {
    const [owner, rest, last] = [ownerOf(module), restOf(module), version].map(encodeURIComponent);
    return [
      `${base}/user/${encodeURIComponent(`${module}/${version}`)}.zip`,
      `${base}/user/${owner}/${rest}/${last}.zip`,
    ];
  });
}
