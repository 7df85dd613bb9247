import { BlockList, isIP, isIPv4 } from 'node:net';

const example = 'expected an address or a range of addresses such as "10.0.0.0/8" or "fd00::/8"';
/** The longest address in text: eight groups of which the last two are an IPv4 address. */
const maxAddressCharacters = 45;
const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/; // ::ffff:0:0/96 (RFC 4291 §2.5.5.2)

/**
 * An IP address in the one form in which addresses are compared: IPv6 in its shortest spelling and without a zone, and
 * an IPv4 address inside an IPv6 one, as sockets for both have it, as that IPv4 address. `undefined` for anything else.
 */
export function parseAddress(text: string): string | undefined {
  if (isIPv4(text)) return text;
  const plain = text.replace(/%.*$/s, '');
  if (plain.length > maxAddressCharacters || isIP(plain) !== 6) return undefined;
  const shortest = new URL(`http://[${plain}]`).hostname.slice(1, -1);
  const [, high, low] = mapped.exec(shortest) ?? [];
  return high === undefined || low === undefined ? shortest : embeddedAddress(high, low);
}

/** The IPv4 address that the last two groups of an IPv6 one hold, in hexadecimal digits. */
export function embeddedAddress(high: string, low: string): string {
  const number = Number.parseInt(high, 16) * 0x1_0000 + Number.parseInt(low, 16);
  return [24, 16, 8, 0].map((bits) => Math.floor(number / 2 ** bits) % 256).join('.');
}

/** Why `text` is neither an address nor a range in CIDR form; `undefined` if it is. */
export function addressRangeProblem(text: string): string | undefined {
  const range = readRange(text);
  return typeof range === 'string' ? range : undefined;
}

/** Addresses of which one may ask whether another is among them. */
export interface AddressRanges {
  readonly isEmpty: boolean;
  /** Whether an address, as `parseAddress` gives it, is among them. */
  has(address: string): boolean;
}

/** Throws for what `addressRangeProblem` objects to. */
export function createAddressRanges(texts: readonly string[]): AddressRanges {
  // In one list, `::/0` would hold IPv4 addresses too.
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const text of texts) {
    const range = readRange(text);
    if (typeof range === 'string') throw new Error(`not a range of addresses: ${range}`);
    const family = familyOf(range.base);
    lists[family].addSubnet(range.base, range.bits, family);
  }
  return {
    isEmpty: texts.length === 0,
    has: (address) => lists[familyOf(address)].check(address, familyOf(address)),
  };
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv4(address) ? 'ipv4' : 'ipv6';
}

function readRange(text: string): { readonly base: string; readonly bits: number } | string {
  const [written = '', bitsText, ...rest] = text.split('/');
  const base = written.includes('%') ? undefined : parseAddress(written);
  if (base === undefined || rest.length > 0) return adviceFor(text);
  const longest = isIPv4(written) ? 32 : 128;
  if (bitsText === undefined) return { base, bits: isIPv4(base) ? 32 : 128 };
  if (!/^\d{1,3}$/.test(bitsText) || Number(bitsText) > longest)
    return `expected a number from 0 to ${longest} after the "/"`;
  if (isIPv4(written) || !isIPv4(base)) return { base, bits: Number(bitsText) };
  // Of an IPv4 address inside an IPv6 one, the first 96 bits say only that it is one.
  return Number(bitsText) < 96
    ? 'expected at least "/96" after an IPv4 address inside an IPv6 one'
    : { base, bits: Number(bitsText) - 96 };
}

function adviceFor(text: string): string {
  if (text === '*') return `${example}; for all addresses write "0.0.0.0/0" and "::/0"`;
  if (text.includes('%')) return `${example}, without a zone`;
  if (text.includes('[') || /^[\d.]+:\d+$/.test(text)) return `${example}, without brackets and port`;
  return /[a-z]{2}|_/i.test(text) && !/^[0-9a-f:./]+$/i.test(text)
    ? `${example}; names are not resolved`
    : example;
}
