import type { Config } from '../config/config.ts';
import { UsageError } from '../errors.ts';
import { hostOfAddress, isLoopbackHost, parseHostName } from '../support/net/host-name.ts';

/**
 * Why a registry that hosts modules must not be served yet: others than this machine reach it, and nobody has said who may read
 * what is published there. `undefined` where it may. `host` is where it will listen, a name or an address.
 */
export function unsaidReading(
  { access, hosting, server }: Pick<Config, 'access' | 'hosting' | 'server'>,
  host: string,
): UsageError | undefined {
  if (hosting.namespaces.length === 0 || access.read !== undefined) return undefined;
  const listening = hostOfAddress(host) ?? parseHostName(host) ?? host;
  const told = server.baseUrl === undefined ? 'localhost' : new URL(server.baseUrl).hostname;
  const reached = [listening, told].find((name) => !isLoopbackHost(name));
  if (reached === undefined) return undefined;
  return new UsageError(
    `${hosting.namespaces.join(', ')} would be published to whoever reaches ${reached}: nobody has said who may read`,
    {
      hint: 'moonbit-registry config access.read token (or anyone, if that is meant), then serve again',
    },
  );
}
