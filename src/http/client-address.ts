import type { IncomingMessage } from 'node:http';
import type { Config } from '../config/config.ts';
import { type AddressRanges, createAddressRanges, parseAddress } from '../support/net/address-ranges.ts';

/** Who asks, behind the proxies that the operator trusts. */
export interface ClientAddress {
  /** In the form of `parseAddress`; `unknown` where the connection was gone before anybody looked. */
  readonly address: string;
  /** By which the client reaches us, as far as that is known. */
  readonly scheme: 'http' | 'https';
}

/** What proxies add to a request, several headers of a name joined by commas; `undefined` where there is none. */
export interface ForwardedHeaders {
  readonly for: string | undefined;
  readonly proto: string | undefined;
}

/** More proxies than stand in a row anywhere; a longer chain of trusted addresses is somebody's invention. */
const maxProxies = 32;
/** An address with brackets, a port and blanks around it. */
const maxEntryCharacters = 80;
const withPort = /^(?:\[([^\]]*)\]|([\d.]*))(?::(\d{1,5}))?$/;

/**
 * The client's address and scheme. Each proxy adds to the end of `X-Forwarded-For` the address that asked it, so from
 * the peer of the connection on, and then from right to left, each address is believed as long as the one that told it
 * is trusted; the first that is not trusted is the client, whatever stands left of it. Nothing is read at all where the
 * peer is not trusted. An entry that is no address is where the proxy that wrote it says nothing of use: that proxy
 * counts. `X-Forwarded-Proto` is read as far back. `Forwarded` (RFC 7239) never: proxies that set the others pass on what a
 * client wrote there.
 */
export function clientAddress(
  peer: string | undefined,
  forwarded: ForwardedHeaders,
  trusted: AddressRanges,
): ClientAddress {
  const connected = peer === undefined ? undefined : parseAddress(peer);
  if (connected === undefined) return { address: 'unknown', scheme: 'http' };
  if (trusted.isEmpty || !trusted.has(connected)) return { address: connected, scheme: 'http' };
  const { address, proxies } = walkBack(connected, forwarded.for ?? '', trusted);
  return { address, scheme: schemeSeenBy(proxies, forwarded.proto ?? '') };
}

/** The first address from the right that is not trusted, and how many proxies there are up to it. */
function walkBack(connected: string, list: string, trusted: AddressRanges) {
  let address = connected;
  let proxies = 1;
  for (const entry of fromTheRight(list)) {
    const told = parseEntry(entry);
    if (told === undefined) break;
    address = told;
    if (proxies === maxProxies || !trusted.has(told)) break;
    proxies++;
  }
  return { address, proxies };
}

/** What the proxy next to the client says, where each adds its own; where one alone says something, that. */
function schemeSeenBy(proxies: number, list: string): ClientAddress['scheme'] {
  let told = '';
  let seen = 0;
  for (const entry of fromTheRight(list)) {
    told = entry;
    if (++seen >= proxies) break;
  }
  return told.toLowerCase() === 'https' ? 'https' : 'http';
}

/** The entries of a list from the last to the first, read only as far as somebody wants them. */
function* fromTheRight(list: string): Generator<string> {
  let end = list.length;
  while (end > 0) {
    const comma = list.lastIndexOf(',', end - 1);
    const isLong = end - comma > maxEntryCharacters;
    yield isLong ? '' : list.slice(comma + 1, end).trim();
    end = comma;
  }
}

/** Some proxies add the port, and then brackets around an IPv6 address. */
function parseEntry(entry: string): string | undefined {
  const plain = entry.includes('%') ? undefined : parseAddress(entry);
  if (plain !== undefined) return plain;
  const [, bracketed, ipv4, port = '0'] = withPort.exec(entry) ?? [];
  if (Number(port) > 65_535 || bracketed?.includes('%')) return undefined;
  if (bracketed !== undefined) return bracketed.includes(':') ? parseAddress(bracketed) : undefined;
  return ipv4 === undefined ? undefined : parseAddress(ipv4);
}

/** Who asks, by the settings of now: edits count at once. */
export function createClientReader(registry: { readonly config: Config }) {
  let known: { readonly config: Config; readonly trusted: AddressRanges } | undefined;
  return ({ socket, headers }: Pick<IncomingMessage, 'socket' | 'headers'>): ClientAddress => {
    const { config } = registry;
    if (known?.config !== config)
      known = { config, trusted: createAddressRanges(config.server.trustedProxies) };
    const forwarded = {
      for: textOf(headers['x-forwarded-for']),
      proto: textOf(headers['x-forwarded-proto']),
    };
    return clientAddress(socket.remoteAddress, forwarded, known.trusted);
  };
}

function textOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(',') : header;
}
