import { expect, test } from 'vitest';
import { addressRangeProblem, createAddressRanges, parseAddress } from './address-ranges.ts';

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['::FFFF:c000:201', '192.0.2.1'],
  ['0:0:0:0:0:ffff:192.0.2.1', '192.0.2.1'],
  ['2001:DB8:0:0::1', '2001:db8::1'],
  ['fe80::1%eth0', 'fe80::1'],
  ['::1', '::1'],
])('the address %j is %j', (text, address) => {
  expect(parseAddress(text)).toBe(address);
});

test.each([
  '',
  'unknown',
  '010.0.0.1',
  '1.2.3',
  '1.2.3.4:80',
  '[::1]',
  ':::',
  '1.2.3.4%x',
  `::${'0'.repeat(99)}`,
])('%j is no address', (text) => {
  expect(parseAddress(text)).toBeUndefined();
});

test.each([
  ['10.0.0.0/8', ['10.255.0.1'], ['11.0.0.1', '::1']],
  ['10.1.2.3/8', ['10.255.0.1'], ['11.0.0.1']],
  ['192.0.2.7', ['192.0.2.7'], ['192.0.2.8']],
  ['0.0.0.0/0', ['1.2.3.4'], ['::1']],
  ['fd00::/8', ['fd12::1'], ['fe80::1']],
  ['::1', ['::1'], ['::2', '127.0.0.1']],
  ['::/0', ['::1', '2001:db8::1'], ['1.2.3.4']],
  ['::ffff:10.0.0.0/104', ['10.9.9.9'], ['11.0.0.1', '::1']],
  ['::ffff:0:0/96', ['1.2.3.4'], ['::1']],
  ['::ffff:10.0.0.1', ['10.0.0.1'], ['10.0.0.2']],
])('%s holds %j and not %j', (range, within, without) => {
  expect(addressRangeProblem(range)).toBeUndefined();
  const ranges = createAddressRanges([range]);
  expect(within.filter((address) => !ranges.has(address))).toEqual([]);
  expect(without.filter((address) => ranges.has(address))).toEqual([]);
});

test.each([
  ['10.0.0.0/33', 'expected a number from 0 to 32 after the "/"'],
  ['fd00::/129', 'expected a number from 0 to 128 after the "/"'],
  ['10.0.0.0/', 'expected a number from 0 to 32 after the "/"'],
  ['10.0.0.0/255.0.0.0', 'expected a number from 0 to 32 after the "/"'],
  ['::ffff:10.0.0.0/8', 'expected at least "/96"'],
  ['proxy.example.com', 'names are not resolved'],
  ['localhost', 'names are not resolved'],
  ['unix:', 'names are not resolved'],
  ['fe80::1%eth0', 'without a zone'],
  ['[::1]', 'without brackets and port'],
  ['10.0.0.1:80', 'without brackets and port'],
  ['*', '"0.0.0.0/0" and "::/0"'],
  ['10.0.0.0/8/8', 'expected an address or a range'],
  ['10.0.0.0-10.0.0.9', 'expected an address or a range'],
  ['010.0.0.1', 'expected an address or a range'],
  ['', 'expected an address or a range'],
])('%j is no range: %s', (text, problem) => {
  expect(addressRangeProblem(text)).toContain(problem);
  expect(() => createAddressRanges([text])).toThrow('not a range');
});
