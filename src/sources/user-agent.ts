import type { SourceConfig } from '../config/config.ts';
import { programVersion } from '../support/version.ts';

/** Registries block what does not begin like the stock client (moon-protocol §13, trap 22). */
export const userAgent = `mooncake/0.1.0 moonbit-registry/${programVersion}`;

/** What a source is told we are. */
export function userAgentOf(config: Pick<SourceConfig, 'userAgent'>): string {
  return config.userAgent ?? userAgent;
}
