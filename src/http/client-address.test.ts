import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { serveStandIn } from '../../test/support/stand-in-server.ts';
import { createAddressRanges, parseAddress } from '../support/net/address-ranges.ts';
import { clientAddress } from './client-address.ts';

const trusted = createAddressRanges(['127.0.0.1', '10.0.0.0/8', 'fd00::/8']);

function addressOf(list: string | undefined, peer = '127.0.0.1'): string {
  return clientAddress(peer, { for: list, proto: undefined }, trusted).address;
}

describe('the address of a client', () => {
  test.each([
    ['the one that a trusted proxy tells', '192.0.2.1', '192.0.2.1'],
    ['the rightmost that is not trusted', '198.51.100.9, 192.0.2.1', '192.0.2.1'],
    ['found behind several trusted proxies', '198.51.100.9,192.0.2.1, 10.1.1.1 ,fd00::2', '192.0.2.1'],
    ['the leftmost where all are trusted', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
    ['an IPv6 one in its shortest form', '2001:DB8:0::0:1', '2001:db8::1'],
    ['an IPv4 one inside an IPv6 one', '::ffff:192.0.2.1', '192.0.2.1'],
    ['without its port', '192.0.2.1:51234', '192.0.2.1'],
    ['without brackets and port', '[2001:db8::1]:443', '2001:db8::1'],
    ['without brackets', '[2001:db8::1]', '2001:db8::1'],
    ['the peer without a header', undefined, '127.0.0.1'],
    ['the peer for an empty header', '', '127.0.0.1'],
  ])('is %s', (_, list, address) => {
    expect(addressOf(list)).toBe(address);
  });

  test.each(['192.0.2.200', '2001:db8::5', '::ffff:192.0.2.200'])(
    'is that of an untrusted peer %s',
    (peer) => {
      const said = { for: '192.0.2.1', proto: 'https' };
      expect(clientAddress(peer, said, trusted)).toEqual({ address: parseAddress(peer), scheme: 'http' });
      expect(clientAddress('127.0.0.1', said, createAddressRanges([]))).toEqual({
        address: '127.0.0.1',
        scheme: 'http',
      });
    },
  );

  test('is that of a peer which a socket for both families writes as IPv6', () => {
    expect(addressOf('192.0.2.1', '::ffff:127.0.0.1')).toBe('192.0.2.1');
    expect(addressOf('192.0.2.1', 'fd00::1%eth0')).toBe('192.0.2.1');
  });

  test('is unknown where the connection has gone', () => {
    expect(clientAddress(undefined, { for: '192.0.2.1', proto: 'https' }, trusted)).toEqual({
      address: 'unknown',
      scheme: 'http',
    });
  });

  test.each([
    'unknown',
    '_hidden',
    'client.example.com',
    '192.0.2.1:99999',
    '192.0.2.1:',
    '192.0.2.256',
    '192.0.2.1 192.0.2.2',
    '"192.0.2.1"',
    '[192.0.2.1]',
    '[::1',
    '2001:db8::1]:80',
    'fe80::1%eth0',
    '0x7f.1',
    '192.0.2.1\u0000',
    `${'1'.repeat(100_000)}`,
    ',',
    '192.0.2.1,',
  ])('is that of the proxy which wrote rubbish: %j', (rubbish) => {
    expect(addressOf(rubbish)).toBe('127.0.0.1');
    expect(addressOf(`192.0.2.1, ${rubbish}, 10.0.0.2`)).toBe('10.0.0.2');
  });

  test('is looked for through so many proxies and no more', () => {
    const chain = Array.from({ length: 100_000 }, () => '10.0.0.2').join(',');
    expect(addressOf(`192.0.2.1,${chain}`)).toBe('10.0.0.2');
  });

  test('is always an address that was told or the peer, whatever a header says', () => {
    const piece = fc.constantFrom(
      '192.0.2.1',
      '10.0.0.2',
      'fd00::1',
      '[',
      ']',
      ':',
      ',',
      ' ',
      '%',
      'unknown',
      '\u0000',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(piece).map((pieces) => pieces.join('')),
        ),
        (list) => {
          const { address, scheme } = clientAddress('10.0.0.1', { for: list, proto: list }, trusted);
          expect(parseAddress(address)).toBe(address);
          expect(['http', 'https']).toContain(scheme);
        },
      ),
    );
  });
});

describe('the scheme of a client', () => {
  test.each([
    ['https', '192.0.2.1', 'https'],
    ['HTTPS', '192.0.2.1', 'https'],
    ['http', '192.0.2.1', 'http'],
    [undefined, '192.0.2.1', 'http'],
    ['javascript', '192.0.2.1', 'http'],
    ['https://evil.example/', '192.0.2.1', 'http'],
    // What the client wrote itself stands to the left of what the trusted proxy added.
    ['https, http', '198.51.100.9, 192.0.2.1', 'http'],
    ['http, https', '192.0.2.1, 10.0.0.2', 'http'],
    ['https, http', '192.0.2.1, 10.0.0.2', 'https'],
    ['https', '192.0.2.1, 10.0.0.2', 'https'],
  ] as const)('by %j for %j is %s', (proto, list, scheme) => {
    expect(clientAddress('127.0.0.1', { for: list, proto }, trusted).scheme).toBe(scheme);
  });
});

test('the log and the page at / tell what a trusted proxy says, and edits of the setting count at once', async () => {
  const { registry, url, log } = await serveStandIn({ accessLog: true });
  const headers = { 'X-Forwarded-For': '192.0.2.7', 'X-Forwarded-Proto': 'https' };
  const ask = async () => {
    const answer = await fetch(`${url}/`, { headers });
    const { index } = (await answer.json()) as { index: string };
    await expect.poll(() => log.at(-1)?.fields?.id).toBe(answer.headers.get('x-request-id'));
    return { index, client: log.at(-1)?.fields?.client };
  };
  expect(await ask()).toEqual({ index: `${url}/git/index`, client: '127.0.0.1' });
  registry.editServer({ trustedProxies: ['127.0.0.0/8'] });
  expect(await ask()).toEqual({
    index: `${url.replace('http:', 'https:')}/git/index`,
    client: '192.0.2.7',
  });
});
