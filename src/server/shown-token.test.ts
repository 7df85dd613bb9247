import { expect, test } from 'vitest';
import { shownToken } from './shown-token.ts';

const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;

test.each([
  ['Bearer mbr_x', { text: 'mbr_x', by: 'header' }],
  ['bearer   mbr_x ', { text: 'mbr_x', by: 'header' }],
  [basic('any:mbr_x'), { text: 'mbr_x', by: 'address' }],
  [basic('mbr_x:'), { text: 'mbr_x', by: 'address' }],
  [basic('mbr_x'), { text: 'mbr_x', by: 'address' }],
  [basic('a:b:c'), { text: 'b:c', by: 'address' }],
  ['Digest username="x"', { text: '', by: 'header' }],
  ['Bearer', { text: '', by: 'header' }],
  [`Bearer ${'x'.repeat(5000)}`, { text: 'x'.repeat(1017), by: 'header' }],
  [undefined, undefined],
])('%s', (authorization, expected) => {
  expect(shownToken(authorization === undefined ? {} : { authorization })).toEqual(expected);
});
