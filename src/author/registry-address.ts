import { UsageError } from '../errors.ts';
import { registryVariable } from '../model/moon-client.ts';
import { isLoopbackHost } from '../support/net/host-name.ts';
import { shellLine } from '../support/shell.ts';

/** The registry that somebody publishes to. */
export interface RegistryChoice {
  /** Without a final slash, and without any credentials that were written with it. */
  readonly url: string;
  readonly namedBy: 'option' | 'variable' | 'config.json';
}

/** What may name it, in the order in which it counts; each as it was written. */
export interface RegistryNames {
  readonly option: string | undefined;
  readonly variable: string | undefined;
  readonly clientConfig: string | undefined;
}

type Reading =
  | { readonly kind: 'address'; readonly url: string; readonly hasCredentials: boolean }
  | { readonly kind: 'problem'; readonly problem: string };

/** A token where clients can send nothing but a path. */
const tokenInPath = /\/t\/mbr_[^/]*/;

/** The address of a registry, or what is wrong with it in words that hold none of it. */
export function readRegistryAddress(text: string): Reading {
  if (!URL.canParse(text)) return { kind: 'problem', problem: 'is no address' };
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    return { kind: 'problem', problem: 'is no http or https address' };
  if (url.search !== '' || url.hash !== '')
    return { kind: 'problem', problem: 'has a query or a fragment, which no registry has' };
  const hasCredentials = url.username !== '' || url.password !== '' || tokenInPath.test(url.pathname);
  const path = url.pathname.replace(tokenInPath, '').replace(/\/+$/, '');
  return { kind: 'address', url: url.origin + path, hasCredentials };
}

const askForOne = shellLine`moonbit-registry publish --registry https://moon.company.com`;

/**
 * Which registry is meant. The official one is only where the command line names it: nobody shall publish to all the world
 * what was meant for colleagues, because a variable was not set. Throws `UsageError`.
 */
export function chooseRegistry(names: RegistryNames): RegistryChoice {
  const named = [
    { namedBy: 'option', text: names.option, name: '--registry' },
    { namedBy: 'variable', text: names.variable, name: registryVariable },
    { namedBy: 'config.json', text: names.clientConfig, name: 'config.json of moon' },
  ] as const;
  const first = named.find(({ text }) => text !== undefined && text !== '');
  if (first?.text === undefined)
    throw new UsageError('which registry is to publish this?', {
      hint: `name it: ${askForOne}; or set ${registryVariable}`,
    });
  const reading = readRegistryAddress(first.text);
  if (reading.kind === 'problem')
    throw new UsageError(`what ${first.name} names ${reading.problem}`, { hint: askForOne });
  if (first.namedBy !== 'option' && isOfficial(reading.url))
    throw new UsageError(`${first.name} names the official registry, where all the world would read this`, {
      hint: `name yours: ${askForOne}; if the official one is meant: ${shellLine`moonbit-registry publish --registry ${reading.url}`}`,
    });
  requireSafeWay(reading.url);
  return { url: reading.url, namedBy: first.namedBy };
}

/** Whether it is mooncakes.io, of whose publishing only what the stock client does is known. */
export function isOfficial(url: string): boolean {
  return /(^|\.)mooncakes\.io\.?$/.test(new URL(url).hostname);
}

/** Throws `UsageError` for an address at which a token would go over the network in the clear. */
export function requireSafeWay(url: string): void {
  const { protocol, hostname, port } = new URL(url);
  if (protocol === 'https:' || isLoopbackHost(hostname)) return;
  throw new UsageError(`${url} is not encrypted: everybody on the way would read the token`, {
    hint: `use its https address; or a tunnel: ${shellLine`ssh -N -L ${`8080:localhost:${port || '80'}`} ${hostname}`}, and http://localhost:8080 as the address`,
  });
}
