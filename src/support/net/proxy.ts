import type { Environment } from '../environment.ts';
import { portOf } from './host-name.ts';
import { isExempt } from './no-proxy.ts';

/** How a web address is reached. */
export type Route =
  | { readonly kind: 'direct' }
  /** `url` has a scheme, a host and a port, and nothing behind them; it may hold a user name and a password. `variable` names it. */
  | { readonly kind: 'proxy'; readonly url: string; readonly variable: string }
  /** The environment names a proxy that cannot be used; `problem` names the variable, never its value. */
  | { readonly kind: 'unusable'; readonly problem: string };

const usable = new Set(['http:', 'https:']);
// Told by name; of anything else nothing is repeated, since a password may have slipped to its front.
const known = new Set(['socks:', 'socks4:', 'socks4a:', 'socks5:', 'socks5h:', 'ftp:']);

/**
 * The way to `url` that the environment names, for whoever goes there: `http_proxy` or `https_proxy`, else `all_proxy`, but
 * for the hosts in `no_proxy`; each in lower case before capitals, and one that is empty is none. `HTTP_PROXY` does not
 * count where `REQUEST_METHOD` is set: to a CGI program it is what a client sent as the header `Proxy`.
 */
export function proxyFor(url: URL, environment: Environment): Route {
  const scheme = url.protocol === 'https:' ? 'https' : 'http';
  const isCgi = environment.REQUEST_METHOD !== undefined;
  const names = [`${scheme}_proxy`, `${scheme}_proxy`.toUpperCase(), 'all_proxy', 'ALL_PROXY'];
  const variable = names.find(
    (name) => !(isCgi && name === 'HTTP_PROXY') && nonEmpty(environment, name) !== undefined,
  );
  if (variable === undefined) return { kind: 'direct' };
  const exempt = nonEmpty(environment, 'no_proxy') ?? nonEmpty(environment, 'NO_PROXY') ?? '';
  return isExempt(url, exempt)
    ? { kind: 'direct' }
    : readProxy(variable, nonEmpty(environment, variable) ?? '');
}

const proxyVariables = inBothCases('http_proxy', 'https_proxy', 'all_proxy');

/** Takes from the environment of a program all that would name a proxy to it, so that it goes the way it is told. */
export const noProxyVariables: Readonly<Record<string, undefined>> = Object.fromEntries(
  [...proxyVariables, ...inBothCases('no_proxy')].map((name) => [name, undefined]),
);

/** Passwords of proxies that the environment names, and users without one, as they are and as they are sent. */
export function proxySecrets(environment: Environment): string[] {
  const values = proxyVariables.flatMap((name) => nonEmpty(environment, name) ?? []);
  return [...new Set(values)].flatMap((value) => {
    const text = withScheme(value);
    if (!URL.canParse(text)) return [];
    const { username, password } = new URL(text);
    const secret = password || username;
    if (secret === '') return [];
    const plain = decoded(password) ?? password;
    return [
      decoded(secret) ?? secret,
      secret,
      Buffer.from(`${decoded(username)}:${plain}`).toString('base64'),
    ];
  });
}

function inBothCases(...names: readonly string[]): string[] {
  return names.flatMap((name) => [name, name.toUpperCase()]);
}

function nonEmpty(environment: Environment, name: string): string | undefined {
  return environment[name]?.trim() || undefined;
}

function withScheme(value: string): string {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`;
}

function readProxy(variable: string, value: string): Route {
  const unusable = (problem: string): Route => ({
    kind: 'unusable',
    problem: `the environment variable ${variable} ${problem}`,
  });
  const text = withScheme(value);
  if (!URL.canParse(text))
    return unusable('does not hold the address of a proxy, such as http://proxy.example.com:3128');
  const proxy = new URL(text);
  const { protocol, hostname, username, password, pathname, search, hash } = proxy;
  if (!usable.has(protocol)) {
    const kind = known.has(protocol) ? `${protocol.slice(0, -1)} proxy` : 'kind of proxy';
    return unusable(`names a ${kind} that is not supported: http:// and https:// are`);
  }
  if (hostname === '') return unusable('names a proxy without a host');
  // A password with "/", "?" or "#" in it ends the address for whoever reads it.
  if (`${pathname}${search}${hash}`.includes('@'))
    return unusable('has a "/", "?" or "#" in its credentials: write %2F, %3F or %23');
  if (decoded(username) === undefined || decoded(password) === undefined)
    return unusable('holds credentials in which a "%" begins no percent-encoded character');
  return { kind: 'proxy', url: addressOf(proxy), variable };
}

/** With the port spelt out, of which programs have different ideas where it is not, and a password if there is a user. */
function addressOf(proxy: URL): string {
  const { protocol, hostname, username, password } = proxy;
  const credentials = username === '' && password === '' ? '' : `${username}:${password}@`;
  return `${protocol}//${credentials}${hostname}:${portOf(proxy)}`;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
