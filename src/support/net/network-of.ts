/**
 * What one party has who has an address, in the form of `parseAddress`: of IPv6 the half that names a network, since whoever has one has all
 * of its addresses (RFC 4291 §2.5.4).
 */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address;
  const [head = '', tail = ''] = address.split('::');
  const groups = head === '' ? [] : head.split(':');
  const missing = 8 - groups.length - (tail === '' ? 0 : tail.split(':').length);
  const all = address.includes('::')
    ? [...groups, ...Array<string>(Math.max(0, missing)).fill('0'), ...tail.split(':')]
    : groups;
  return all.slice(0, 4).join(':');
}
