/** Where a server is reached, and what people are told when it serves. */
import { networkInterfaces } from 'node:os';
import { registryVariable } from '../model/moon-client.ts';
import type { Registry } from '../registry/registry.ts';
import { lacksAllowedHosts } from '../server/allowed-hosts.ts';
import { shellLine } from '../support/shell.ts';
import type { CommandContext } from './context.ts';
import {
  type ClientConfig,
  formatClientConfig,
  localUrl,
  type MachineAddress,
  readClientConfig,
  sharedUrl,
} from './moon-client.ts';

/** The result: where it serves. */
export function tellServing(
  { io, output }: CommandContext,
  registry: Registry,
  listening: { readonly host: string; readonly port: number },
): void {
  const { server, access, registry: own, directory } = registry.config;
  const reached = addressesOf({ ...listening, baseUrl: server.baseUrl }, machineAddresses());
  const { url } = reached;
  if (lacksAllowedHosts(server, { host: listening.host, address: listening.host }))
    output.warn(
      'server.base_url and server.allowed_hosts are not set, so requests for whatever host are answered; ' +
        `set the address that clients use, e.g. ${shellLine`moonbit-registry config server.base_url ${url}`}`,
    );
  output.result({
    text: formatServing(own.name, reached, {
      client: readClientConfig(io, url),
      needsToken: access.read === 'token',
    }),
    json: { url, index: `${url}/git/index`, port: listening.port, directory },
  });
  // Clients are served all the same.
  output.delivered().catch((error: Error) => output.warn(`it serves at ${url}, but ${error.message}`));
}

/** Where a server is reached. */
interface Reached {
  /** What clients are to be given. */
  readonly url: string;
  /** What works on this machine alone, where that is another one. */
  readonly localUrl?: string;
  /** It listens for other machines, and no address is known at which they could ask. */
  readonly isHidden: boolean;
}

export function addressesOf(
  {
    host,
    port,
    baseUrl,
  }: { readonly host: string; readonly port: number; readonly baseUrl: string | undefined },
  addresses: readonly MachineAddress[],
): Reached {
  if (baseUrl !== undefined) return { url: baseUrl, isHidden: false };
  const own = localUrl(host, port);
  const shared = sharedUrl(host, port, addresses);
  if (shared === undefined) return { url: own, isHidden: true };
  return { url: shared, isHidden: false, ...(shared === own ? {} : { localUrl: own }) };
}

function machineAddresses(): MachineAddress[] {
  return Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
}

/** What people are told when it serves: its address, and how to point moon there in spite of what `config.json` says. */
export function formatServing(
  name: string,
  { url, localUrl: own, isHidden }: Reached,
  { client, needsToken }: { readonly client: ClientConfig; readonly needsToken: boolean },
): string {
  // `moon` has no other place for one (moon-protocol §8).
  const given = needsToken ? url.replace('://', '://token:TOKEN@') : url;
  const lines = [
    `Serving "${name}" at ${url}${own === undefined ? '' : ` (on this machine also at ${own})`}`,
    ...(isHidden
      ? [
          'No address was found at which other machines could ask; if there is one, set server.base_url to it.',
        ]
      : []),
    '',
    own === undefined
      ? 'Point moon at it:'
      : 'Point moon at it, everywhere at this same address (moon clones anew for another):',
    `  ${registryVariable}=${given} moon update`,
    ...(needsToken
      ? ['TOKEN is what this prints: moonbit-registry token create NAME --owner PERSON --may read']
      : []),
  ];
  if (client.verdict === 'absent') return lines.join('\n');
  if (client.verdict === 'this-registry')
    return [...lines, '', `Here moon does so already: ${client.file} names this registry.`].join('\n');
  return [
    ...lines,
    '',
    `${client.file} exists, so moon ignores that variable. Put this into it instead:`,
    formatClientConfig(given),
  ].join('\n');
}
