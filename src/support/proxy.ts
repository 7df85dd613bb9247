import { BlockList, isIP, isIPv4 } from 'node:net';

export type Environment = Readonly<Record<string, string | undefined>>;

/** How a web address is reached. */
export type Route =
  | { readonly kind: 'direct' }
  /** `url` may hold credentials. */
  | { readonly kind: 'proxy'; readonly url: string }
  /** The environment names a proxy that cannot be used; `problem` names the variable, never its value. */
  | { readonly kind: 'unusable'; readonly problem: string };

const usable = new Set(['http:', 'https:']);
// Told by name; of anything else nothing is repeated, since a password may have slipped to its front.
const known = new Set(['socks:', 'socks4:', 'socks4a:', 'socks5:', 'socks5h:', 'ftp:']);

/**
 * The way to `url` that the environment names, as curl (and so git) reads it: `http_proxy` or `https_proxy`, else
 * `all_proxy`, but for the hosts in `no_proxy`; each in lower case before upper case.
 */
export function proxyFor(url: URL, environment: Environment): Route {
  const scheme = url.protocol === 'https:' ? 'https' : 'http';
  const names = [`${scheme}_proxy`, `${scheme}_proxy`.toUpperCase(), 'all_proxy', 'ALL_PROXY'];
  const variable = names.find((name) => environment[name]?.trim());
  const value = variable === undefined ? undefined : environment[variable]?.trim();
  if (variable === undefined || value === undefined || isExempt(url, environment)) return { kind: 'direct' };
  return readProxy(variable, value);
}

function readProxy(variable: string, value: string): Route {
  const unusable = (problem: string): Route => ({
    kind: 'unusable',
    problem: `the environment variable ${variable} ${problem}`,
  });
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`;
  if (!URL.canParse(text))
    return unusable('does not hold the address of a proxy, such as http://proxy.example.com:3128');
  const { protocol, hostname, username, password } = new URL(text);
  if (!usable.has(protocol)) {
    const kind = known.has(protocol) ? `${protocol.slice(0, -1)} proxy` : 'kind of proxy';
    return unusable(`names a ${kind} that is not supported: http:// and https:// are`);
  }
  if (hostname === '') return unusable('names a proxy without a host');
  if (![username, password].every(isDecodable))
    return unusable('holds credentials in which a "%" begins no percent-encoded character');
  return { kind: 'proxy', url: text };
}

/** Entries stand for themselves and all names below them; addresses may be ranges (curl's noproxy.c); a port may follow. */
function isExempt(url: URL, environment: Environment): boolean {
  const host = bareHost(url.hostname);
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  const entries = (environment.no_proxy ?? environment.NO_PROXY ?? '').toLowerCase().split(/[,\s]+/);
  return entries.some((entry) => {
    if (entry === '*') return true;
    if (entry.includes('/')) return isInRange(host, entry);
    const [, bracketed, plain, wanted] = /^(?:\[(.*)\]|(.*?))(?::(\d+))?$/.exec(
      isIP(entry) === 6 ? `[${entry}]` : entry,
    ) ?? ['', '', entry];
    if (wanted !== undefined && wanted !== port) return false;
    const name = bareHost(bracketed ?? plain ?? '').replace(/^\*?\./, '');
    return name !== '' && (host === name || (isIP(host) === 0 && host.endsWith(`.${name}`)));
  });
}

function isInRange(host: string, entry: string): boolean {
  const [base = '', prefix = ''] = entry.split('/');
  const [family, longest] = isIPv4(base) ? (['ipv4', 32] as const) : (['ipv6', 128] as const);
  if (isIP(base) === 0 || isIP(host) !== isIP(base) || !/^\d{1,3}$/.test(prefix) || Number(prefix) > longest)
    return false;
  const list = new BlockList();
  list.addSubnet(base, Number(prefix), family);
  return list.check(host, family);
}

/** Without the brackets of an IPv6 address and the dot that ends a full name. */
function bareHost(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
