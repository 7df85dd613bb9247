import { BlockList, isIP, isIPv4 } from 'node:net';
import { portOf } from './host-name.ts';

/**
 * Whether a list as in `NO_PROXY` (separated by commas or white space) names the host of `url`. An entry stands for itself and all
 * names below it, with a dot or `*.` before it or not; `*` in it stands for any characters, alone for any host; an
 * address may be a range. A port may follow. Names are compared as URLs have them, addresses as such.
 */
export function isExempt(url: URL, list: string): boolean {
  const host = bareHost(url.hostname);
  return list
    .split(/[,\s]+/)
    .some((entry) => entry !== '' && matches(entry.toLowerCase(), host, portOf(url)));
}

function matches(entry: string, host: string, port: string): boolean {
  if (entry.includes('/')) return isInRange(host, entry);
  const { name, port: wanted } = splitPort(entry);
  if (wanted !== undefined && Number(wanted) !== Number(port)) return false;
  if (name === '*') return true;
  const suffix = canonical(name.replace(/^\*?\.(?=.)/, ''));
  if (suffix.includes('*')) return globOf(suffix).test(host);
  if (isIP(suffix) !== 0) return isInRange(host, suffix);
  return suffix !== '' && (host === suffix || (isIP(host) === 0 && host.endsWith(`.${suffix}`)));
}

function splitPort(entry: string): { readonly name: string; readonly port: string | undefined } {
  if (isIP(entry) === 6) return { name: entry, port: undefined };
  const [, bracketed, plain, port] = /^(?:\[(.*)\]|(.*?))(?::(\d{1,5}))?$/.exec(entry) ?? [];
  return { name: bracketed ?? plain ?? entry, port };
}

function isInRange(host: string, entry: string): boolean {
  const [written = '', prefix, ...more] = entry.split('/');
  const base = bareHost(written);
  const longest = isIPv4(base) ? 32 : 128;
  const length = prefix === undefined ? longest : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
  if (isIP(base) === 0 || isIP(host) === 0 || more.length > 0 || !(length <= longest)) return false;
  const list = new BlockList();
  list.addSubnet(base, length, isIPv4(base) ? 'ipv4' : 'ipv6');
  // An IPv4 address that is written as one of IPv6 is compared as what it is.
  return list.check(host, isIPv4(host) ? 'ipv4' : 'ipv6');
}

/** Names with letters beyond ASCII stand in URLs in another form. */
function canonical(name: string): string {
  const host = name.replace(/\.$/, '');
  if (isIP(host) !== 0 || /[*/?#@\\[\]]/.test(host) || !URL.canParse(`http://${host}`)) return host;
  return bareHost(new URL(`http://${host}`).hostname);
}

function globOf(pattern: string): RegExp {
  const parts = pattern.split(/\*+/).map((part) => part.replace(/[^a-z0-9-]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 's');
}

/** Without the brackets of an IPv6 address and the dot that ends a full name. */
function bareHost(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
}
