import type { IncomingMessage } from 'node:http';
import type { Config } from '../config/config.ts';
import { hostOfAddress, isLoopbackHost, parseHost } from '../support/net/host-name.ts';

/**
 * The names by which clients may ask this server. A web page can have its own name resolved to an address of ours
 * (DNS rebinding) and then read what is served here in the name of whoever looks at it; it cannot choose `Host`.
 */
export type AllowedHosts =
  | { readonly kind: 'any' }
  | {
      readonly kind: 'these';
      /** As `parseHost` gives them. */
      readonly names: ReadonlySet<string>;
      /** Whether the names of this machine for itself count. */
      readonly loopback: boolean;
    };

/** In `allowed_hosts`: whatever the client says. */
const anyHost = '*';

type ServerSettings = Pick<Config['server'], 'allowedHosts' | 'baseUrl'>;

/** Where a server listens. */
export interface Listening {
  /** A name or an address, as it was told. */
  readonly host: string;
  /** The address that is. */
  readonly address: string;
}

/**
 * `base_url`'s host, the names of `allowed_hosts` and the one it listens at; those of loopback where it listens there or
 * on all addresses. A server that listens beyond loopback and was told of no name answers to all: nobody but its
 * operator knows them.
 */
export function allowedHosts(settings: ServerSettings, { host, address }: Listening): AllowedHosts {
  const bound = hostOfAddress(address) ?? address;
  const isLoopback = isLoopbackHost(bound);
  const named = [...settings.allowedHosts];
  if (settings.baseUrl !== undefined) named.push(new URL(settings.baseUrl).hostname);
  if (named.includes(anyHost) || (named.length === 0 && !isLoopback)) return { kind: 'any' };
  const names = [...named, host].flatMap((name) => parseHost(name) ?? []);
  return { kind: 'these', names: new Set(names), loopback: isLoopback || isEveryAddress(bound) };
}

/** Whether a page of whatever name could ask, because nobody said which names are right. */
export function lacksAllowedHosts(settings: ServerSettings, listening: Listening): boolean {
  return !settings.allowedHosts.includes(anyHost) && allowedHosts(settings, listening).kind === 'any';
}

function isEveryAddress(host: string): boolean {
  return host === '0.0.0.0' || host === '[::]';
}

type HostVerdict =
  | { readonly kind: 'allowed' }
  /** RFC 9112 §3.2: 400. */
  | { readonly kind: 'malformed'; readonly reason: string }
  /** RFC 9110 §15.5.20: 421. */
  | { readonly kind: 'refused'; readonly host: string };

type Asked = Pick<IncomingMessage, 'rawHeaders' | 'httpVersion' | 'url'> & {
  readonly socket: { readonly localAddress?: string | undefined };
};

const absoluteForm = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i;

/**
 * Judges the host of a request's `Host` header and, in the absolute form, of its target: RFC 9112 lets the target
 * count alone, and a proxy before us may go by either, so both have to be allowed. A client of HTTP/1.0 may name none,
 * which no browser is. The very address that the connection was made to is always allowed: no name is resolved then.
 */
export function judgeHost(allowed: AllowedHosts, request: Asked): HostVerdict {
  const sent = hostHeaders(request.rawHeaders);
  if (sent.length > 1) return { kind: 'malformed', reason: 'The request has several Host headers.' };
  if (sent.length === 0 && request.httpVersion !== '1.0')
    return { kind: 'malformed', reason: 'The request has no Host header.' };
  const url = request.url ?? '';
  const authority = url.startsWith('/') ? undefined : absoluteForm.exec(url)?.[1];
  for (const text of authority === undefined ? sent : [...sent, authority]) {
    const host = parseHost(text);
    if (host === undefined)
      return { kind: 'malformed', reason: 'The request names no host that there could be.' };
    if (!isAllowed(allowed, host, request.socket.localAddress)) return { kind: 'refused', host };
  }
  return { kind: 'allowed' };
}

function isAllowed(allowed: AllowedHosts, host: string, localAddress: string | undefined): boolean {
  if (allowed.kind === 'any' || allowed.names.has(host)) return true;
  if (allowed.loopback && isLoopbackHost(host)) return true;
  return localAddress !== undefined && hostOfAddress(localAddress) === host;
}

/** All of them: Node's own `headers` has the first alone. */
function hostHeaders(rawHeaders: readonly string[]): string[] {
  const found: string[] = [];
  for (let position = 0; position < rawHeaders.length; position += 2) {
    const name = rawHeaders[position] ?? '';
    if (name.length === 4 && name.toLowerCase() === 'host') found.push(rawHeaders[position + 1] ?? '');
  }
  return found;
}
