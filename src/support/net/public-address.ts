import { isIPv4, isIPv6 } from 'node:net';
import { createAddressRanges, embeddedAddress } from './address-ranges.ts';

/**
 * What IANA's special-purpose address registries list as not globally reachable, or only for protocols that carry an
 * IPv4 address inside (RFC 6890; https://www.iana.org/assignments/iana-ipv4-special-registry and …/iana-ipv6-special-registry),
 * and multicast. A narrower entry of `reachable` decides against a wider one here.
 */
const special4 = [
  '0.0.0.0/8', // this network (RFC 791)
  '10.0.0.0/8', // private use (RFC 1918)
  '100.64.0.0/10', // shared address space (RFC 6598)
  '127.0.0.0/8', // loopback (RFC 1122)
  '169.254.0.0/16', // link local (RFC 3927)
  '172.16.0.0/12', // private use (RFC 1918)
  '192.0.0.0/24', // IETF protocol assignments (RFC 6890)
  '192.0.2.0/24', // documentation (RFC 5737)
  '192.88.99.0/24', // 6to4 relays, withdrawn (RFC 7526)
  '192.168.0.0/16', // private use (RFC 1918)
  '198.18.0.0/15', // benchmarking (RFC 2544)
  '198.51.100.0/24', // documentation (RFC 5737)
  '203.0.113.0/24', // documentation (RFC 5737)
  '224.0.0.0/4', // multicast (RFC 5771)
  '240.0.0.0/4', // reserved, and limited broadcast (RFC 1112, RFC 919)
  '168.63.129.16/32', // not IANA's: what a cloud's host answers to its virtual machines alone
];
const reachable4 = ['192.0.0.9/32', '192.0.0.10/32']; // PCP and TURN anycast (RFC 7723, RFC 8155)

/** Global unicast is 2000::/3; all else is mapped, translated, local, multicast or nobody's (RFC 4291 §2.4). */
const unicast6 = ['2000::/3'];
const special6 = [
  '2001::/23', // IETF protocol assignments, Teredo, benchmarking and ORCHID among them (RFC 2928)
  '2001:db8::/32', // documentation (RFC 3849)
  '2002::/16', // 6to4 (RFC 3056)
  '3fff::/20', // documentation (RFC 9637)
];
const reachable6 = [
  '2001:1::1/128', // PCP anycast (RFC 7723)
  '2001:1::2/128', // TURN anycast (RFC 8155)
  '2001:1::3/128', // DNS-SD SRP anycast (RFC 9665)
  '2001:3::/32', // AMT (RFC 7450)
  '2001:4:112::/48', // AS112 (RFC 7535)
  '2001:20::/28', // ORCHIDv2 (RFC 7343)
  '2001:30::/28', // drone remote id (RFC 9374)
];
const translated = /^64:ff9b:(?:0:){4}([0-9a-f]{1,4}):([0-9a-f]{1,4})$/; // 64:ff9b::/96 (RFC 6052)

const special = createAddressRanges([...special4, ...special6]);
const unicast = createAddressRanges(unicast6);
const reachable = createAddressRanges([...reachable4, ...reachable6]);

/**
 * Whether an IP address, as resolvers and URLs spell it, can be that of a host on the public internet. Anything else is
 * not: private, local, mapped or translated to such, reserved, scoped to an interface, or no address at all.
 */
export function isGlobalAddress(address: string): boolean {
  if (!isIPv4(address)) {
    if (!isIPv6(address) || address.includes('%')) return false;
    const embedded = translatedAddress(address);
    if (embedded !== undefined) return isGlobalAddress(embedded);
    if (!unicast.has(address)) return false;
  }
  return !special.has(address) || reachable.has(address);
}

/** The IPv4 address that a NAT64 gateway turns this one into. */
function translatedAddress(address: string): string | undefined {
  const [, high, low] = translated.exec(expand(address)) ?? [];
  return high === undefined || low === undefined ? undefined : embeddedAddress(high, low);
}

/** Eight groups without leading zeros, whatever the spelling. */
function expand(address: string): string {
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':'));
  if (tail === undefined) return head;
  const missing = 8 - groups(head).length - groups(tail).length;
  return [...groups(head), ...Array<string>(missing).fill('0'), ...groups(tail)].join(':');
}
