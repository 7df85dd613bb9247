import { type LookupAddress, type LookupOptions, lookup as systemLookup } from 'node:dns';
import { BlockList, isIP, isIPv4, type LookupFunction } from 'node:net';
import { portOf } from './host-name.ts';
import { isGlobalAddress } from './public-address.ts';

/** Where a client's requests may lead: a redirect is foreign text, and its target is judged before anything is sent. */
export interface Destinations {
  /** Whether `address` may be connected to for `url`; `undefined` where only a proxy will know the address. */
  permits(url: URL, address: string | undefined): boolean;
  /** Why that may not be connected to, in words that end a sentence. */
  refusal(url: URL, address: string | undefined): string;
}

/** For clients that are sent nowhere by strangers. */
export const anyDestination: Destinations = { permits: () => true, refusal: () => '' };

/** A connection that was not made. */
export class DestinationRefused extends Error {
  readonly code = 'ERR_DESTINATION_REFUSED';
}

/** As `dns.lookup` with `all`. */
export type Resolve = (
  hostname: string,
  options: LookupOptions & { readonly all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/**
 * Why nothing may be sent to `url`, as far as that shows without resolving a name: `judgedLookup` sees to the rest, on
 * the very connection, so that a name which answers differently each time gains nothing.
 */
export function destinationProblem(
  destinations: Destinations,
  url: URL,
  isProxied: boolean,
): string | undefined {
  const address = literalAddress(url);
  if (address === undefined && !isProxied) return undefined;
  return destinations.permits(url, address) ? undefined : destinations.refusal(url, address);
}

/** Resolves the host of `url` to those of its addresses that may be connected to; fails with `DestinationRefused`. */
export function judgedLookup(
  destinations: Destinations,
  url: URL,
  resolve: Resolve = systemLookup,
): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, []);
      const permitted = addresses.filter(({ address }) => destinations.permits(url, address));
      const [first] = permitted;
      if (first === undefined)
        return callback(new DestinationRefused(destinations.refusal(url, addresses[0]?.address)), []);
      return options.all ? callback(null, permitted) : callback(null, first.address, first.family);
    });
  };
}

/** The address that a URL's host is, however it was spelled. */
export function literalAddress(url: URL): string | undefined {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return isIP(host) === 0 ? undefined : host;
}

/** Whether a name is one of this machine or its own network: what a proxy would resolve where it stands. */
function isLocalName(hostname: string): boolean {
  const name = hostname.replace(/\.+$/, '').toLowerCase();
  return !name.includes('.') || name.endsWith('.localhost');
}

/** One destination that the operator names: a host or addresses, at one port or at any. */
export interface NamedDestination {
  matches(url: URL, address: string | undefined): boolean;
}

const hostPattern =
  /^(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*\.?$/i;
const expected = 'expected a host, HOST:PORT, an address or a range of addresses such as "10.0.0.0/8"';

/** Why `text` names no destination; `undefined` if it does. */
export function namedDestinationProblem(text: string): string | undefined {
  const read = readDestination(text);
  return typeof read === 'string' ? read : undefined;
}

/** Throws for what `namedDestinationProblem` objects to. */
export function parseNamedDestination(text: string): NamedDestination {
  const read = readDestination(text);
  if (typeof read === 'string') throw new Error(`not a destination: ${read}`);
  return read;
}

function readDestination(text: string): NamedDestination | string {
  if (text.includes('://')) return `${expected}, without a scheme`;
  if (text.includes('*')) return `${expected}; a "*" stands for nothing here`;
  if (text.includes('/')) return readRange(text);
  const [, bracketed, plain, portText] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/.exec(
    isIP(text) === 6 ? `[${text}]` : text,
  ) ?? ['', '', ''];
  const host = bracketed ?? plain ?? '';
  const port = portText === undefined ? undefined : Number(portText);
  if (port !== undefined && (port < 1 || port > 65_535)) return 'expected a port from 1 to 65535';
  if (host.includes('%')) return 'expected an address without a zone';
  if (isIP(host) !== 0 && (bracketed === undefined) === isIPv4(host))
    return namedRange(host, isIPv4(host) ? 32 : 128, port);
  if (bracketed !== undefined || !hostPattern.test(host)) return expected;
  const name = canonicalHost(host);
  if (name === undefined || isIP(name) !== 0) return 'expected an IPv4 address as four decimal numbers';
  return { matches: (url) => canonicalHost(url.hostname) === name && isAtPort(url, port) };
}

function readRange(text: string): NamedDestination | string {
  const [base = '', prefix = '', ...rest] = text.split('/');
  const longest = isIPv4(base) ? 32 : 128;
  if (isIP(base) === 0 || base.includes('%') || rest.length > 0) return expected;
  if (!/^\d{1,3}$/.test(prefix) || Number(prefix) > longest)
    return `expected a number from 0 to ${longest} after the "/"`;
  return namedRange(base, Number(prefix), undefined);
}

function namedRange(base: string, prefix: number, port: number | undefined): NamedDestination {
  const list = new BlockList();
  list.addSubnet(base, prefix, isIPv4(base) ? 'ipv4' : 'ipv6');
  const holds = (address: string) =>
    !address.includes('%') && list.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');
  return { matches: (url, address) => address !== undefined && holds(address) && isAtPort(url, port) };
}

/** As URLs have it: a final dot apart, two spellings of one name are equal. */
function canonicalHost(host: string): string | undefined {
  const url = `http://${host.replace(/\.$/, '')}`;
  return URL.canParse(url) ? new URL(url).hostname : undefined;
}

function isAtPort(url: URL, port: number | undefined): boolean {
  return port === undefined || Number(portOf(url)) === port;
}

/** Whether any host on the internet may be meant; names that are not resolved yet count as such. */
export function isPublicDestination(url: URL, address: string | undefined): boolean {
  return address === undefined ? !isLocalName(url.hostname) : isGlobalAddress(address);
}
