import { join } from 'node:path';
import type { SourceConfig } from '../config/config.ts';
import type { Environment } from '../support/environment.ts';
import {
  DestinationRefused,
  destinationProblem,
  judgedLookup,
  literalAddress,
  type Resolve,
} from '../support/net/destination.ts';
import { portOf } from '../support/net/host-name.ts';
import { noProxyVariables, proxyFor } from '../support/net/proxy.ts';
import { isOlderVersion } from '../support/older-version.ts';
import { commandToAllow, type SourceDestinations } from './destinations.ts';

export interface GitRouteContext {
  readonly config: SourceConfig;
  /** Names the proxies, and authorities to trust. */
  readonly env: Environment;
  readonly destinations: SourceDestinations;
  /** Folder of this source's own, for short-lived git directories and the file of certificate authorities. */
  readonly gitDirectory: string;
  /** Tells the version of the git that is installed. */
  readonly gitVersion: () => Promise<string>;
  /** Resolves names; `dns.lookup` unless given. */
  readonly resolve?: Resolve | undefined;
}

/** What git is told, so that it goes the way we have judged and no other. */
export interface GitRoute {
  readonly settings: readonly (readonly [string, string])[];
  readonly variables: Readonly<Record<string, string | undefined>>;
}

/** The first git with `http.curloptResolve`. */
const pinningGit = '2.37';

/**
 * How git reaches the web address `url`, which a redirect may have led to: through the proxy that our own requests went
 * through, with the same credentials at once, or else straight to addresses that were judged. It is told so by settings,
 * and sees no variable of the environment that it could read in its own way. git resolves names itself, so that a name which has a public
 * address for us could have a private one for git; where git cannot be told the address, such a place is refused.
 * And git has an empty home: curl would send what stands in `~/.netrc` to any host that asks. Throws
 * `DestinationRefused`, and what resolving a name fails with.
 */
export async function routeGit(context: GitRouteContext, url: string): Promise<GitRoute> {
  const target = new URL(url);
  const variables = { ...noProxyVariables, HOME: join(context.gitDirectory, 'no-home') };
  const route = proxyFor(target, context.env);
  if (route.kind === 'unusable') throw new DestinationRefused(route.problem);
  const problem = destinationProblem(context.destinations, target, route.kind === 'proxy');
  if (problem !== undefined) throw new DestinationRefused(problem);
  if (route.kind === 'proxy')
    return { settings: [['http.proxy', route.url], ...sentAtOnce(route.url)], variables };
  const straight = [['http.proxy', '']] as const;
  if (context.destinations.trusts(target) || literalAddress(target) !== undefined)
    return { settings: straight, variables };
  return { settings: [...straight, ...(await pin(context, target))], variables };
}

/** Else git waits for the proxy to ask for credentials, and takes whatever way to send them that the proxy names. */
function sentAtOnce(proxy: string): [string, string][] {
  return proxy.includes('@') ? [['http.proxyAuthMethod', 'basic']] : [];
}

async function pin(context: GitRouteContext, target: URL): Promise<[string, string][]> {
  if (isOlderVersion(await context.gitVersion(), pinningGit)) {
    throw new DestinationRefused(
      `a redirect to ${target.host} cannot be followed safely by a git before ${pinningGit}: install a later one, or ` +
        `trust that host: ${commandToAllow(context.config, target)}`,
    );
  }
  const addresses = await resolveJudged(context, target);
  return [['http.curloptResolve', `${target.hostname}:${portOf(target)}:${addresses.join(',')}`]];
}

function resolveJudged({ destinations, resolve }: GitRouteContext, target: URL): Promise<string[]> {
  const lookup = judgedLookup(destinations, target, resolve);
  return new Promise((found, fail) => {
    lookup(target.hostname, { all: true }, (error, addresses) => {
      if (error) return fail(error);
      const list = typeof addresses === 'string' ? [{ address: addresses }] : addresses;
      // In brackets, as libcurl wants IPv6 addresses in CURLOPT_RESOLVE.
      found(list.map(({ address }) => (address.includes(':') ? `[${address}]` : address)));
    });
  });
}
