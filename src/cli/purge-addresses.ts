import type { Config } from '../config/config.ts';
import { ownerOf, restOf } from '../model/module-name.ts';
import type { OperatorDecision } from '../model/operator-decision.ts';
import { localUrl } from './moon-client.ts';

/**
 * Where caches in front of the registry may hold bytes that are served no longer: each version whose checksum was
 * replaced, in both forms in which clients ask for it (moon-protocol §3).
 */
export function purgeAddresses(
  decisions: readonly OperatorDecision[],
  { baseUrl, host, port }: Pick<Config['server'], 'baseUrl' | 'host' | 'port'>,
): string[] {
  const base = baseUrl ?? localUrl(host, port);
  return decisions.flatMap((decision) => {
    if (decision.action !== 'accept-version') return [];
    const { module, version } = decision;
    const [owner, rest, last] = [ownerOf(module), restOf(module), version].map(encodeURIComponent);
    return [
      `${base}/user/${encodeURIComponent(`${module}/${version}`)}.zip`,
      `${base}/user/${owner}/${rest}/${last}.zip`,
    ];
  });
}
