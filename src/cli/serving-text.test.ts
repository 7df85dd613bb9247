import { describe, expect, test } from 'vitest';
import type { MachineAddress } from './moon-client.ts';
import { addressesOf, formatServing } from './serving-text.ts';

const loopback: MachineAddress = { address: '127.0.0.1', family: 'IPv4', internal: true };
const linkLocal: MachineAddress = { address: 'fe80::1', family: 'IPv6', internal: false };
const unassigned: MachineAddress = { address: '169.254.3.4', family: 'IPv4', internal: false };
const six: MachineAddress = { address: '2001:db8::7', family: 'IPv6', internal: false };
const four: MachineAddress = { address: '10.1.2.3', family: 'IPv4', internal: false };
const all = [loopback, linkLocal, unassigned, six, four];

describe('what is told of where it serves', () => {
  test.each([
    ['all addresses', '0.0.0.0', all, 'http://10.1.2.3:8080'],
    ['all of both families', '::', all, 'http://10.1.2.3:8080'],
    ['all, on a machine with IPv6 alone', '::', [loopback, linkLocal, six], 'http://[2001:db8::7]:8080'],
    ['all of IPv4, where there are none', '0.0.0.0', [loopback, linkLocal, six], 'http://localhost:8080'],
    ['this machine', '127.0.0.1', all, 'http://localhost:8080'],
    ['one address', '10.9.9.9', all, 'http://10.9.9.9:8080'],
  ])('is an address that clients can use: it listens on %s', (_, host, addresses, url) => {
    expect(addressesOf({ host, port: 8080, baseUrl: undefined }, addresses).url).toBe(url);
  });

  test('is base_url, where that is set', () => {
    const baseUrl = 'https://moon.company.com';
    expect(addressesOf({ host: '0.0.0.0', port: 80, baseUrl }, all)).toEqual({
      url: baseUrl,
      isHidden: false,
    });
  });

  test('names the address for others, that of this machine, and what to give clients', () => {
    const reached = addressesOf({ host: '0.0.0.0', port: 8080, baseUrl: undefined }, all);
    expect(
      formatServing('ours', reached, {
        client: { file: '/m/config.json', verdict: 'absent' },
        needsToken: false,
      }),
    ).toBe(
      `Serving "ours" at http://10.1.2.3:8080 (on this machine also at http://localhost:8080)

Point moon at it, everywhere at this same address (moon clones anew for another):
  MOONCAKES_REGISTRY=http://10.1.2.3:8080 moon update`,
    );
    const hidden = addressesOf({ host: '0.0.0.0', port: 8080, baseUrl: undefined }, [loopback]);
    expect(
      formatServing('ours', hidden, {
        client: { file: '/m/config.json', verdict: 'absent' },
        needsToken: false,
      }),
    ).toContain(
      'No address was found at which other machines could ask; if there is one, set server.base_url to it.',
    );
  });

  test('says what to do about a config.json that names another registry, and nothing where it names this one', () => {
    const reached = { url: 'http://localhost:8080', isHidden: false };
    const right = formatServing('ours', reached, {
      client: { file: '/m/config.json', verdict: 'this-registry' },
      needsToken: false,
    });
    expect(right).toMatch(/Here moon does so already: \/m\/config\.json names this registry\.$/);
    const wrong = formatServing('ours', reached, {
      client: { file: '/m/config.json', verdict: 'other' },
      needsToken: false,
    });
    expect(wrong).toContain(
      '/m/config.json exists, so moon ignores that variable. Put this into it instead:\n{',
    );
  });

  test('has a place for the token where reading needs one', () => {
    const reached = { url: 'https://moon.company.com', isHidden: false };
    const client = { file: '/m/config.json', verdict: 'other' } as const;
    const text = formatServing('ours', reached, { client, needsToken: true });
    expect(text).toContain('  MOONCAKES_REGISTRY=https://token:TOKEN@moon.company.com moon update\n');
    expect(text).toContain('moonbit-registry token create NAME --owner PERSON --may read');
    expect(text).toContain('"https://token:TOKEN@moon.company.com');
  });
});
