import { expect, test } from 'vitest';
import { takePathToken } from './path-token.ts';

test.each([
  ['/t/mbr_x/git/index/info/refs?service=x', '', { text: 'mbr_x', target: '/git/index/info/refs?service=x' }],
  ['//t/mbr_x//git/index', '', { text: 'mbr_x', target: '//git/index' }],
  [
    '/moon/t/mbr_x/user/a%2Fb%2F1.0.0.zip',
    '/moon',
    { text: 'mbr_x', target: '/moon/user/a%2Fb%2F1.0.0.zip' },
  ],
  ['/t/mbr_x/moon/symbols.zip', '/moon', { text: 'mbr_x', target: '/moon/symbols.zip' }],
  ['http://host:1/t/mbr_x/x', '', { text: 'mbr_x', target: 'http://host:1/x' }],
  ['/t/mbr_x', '', { text: 'mbr_x', target: '/' }],
  ['/t/mbr_x?q=1', '', { text: 'mbr_x', target: '/?q=1' }],
  ['/t/not%20one/x', '', { text: 'not%20one', target: '/x' }],
  ['/t/', '', { text: '', target: '/' }],
  ['/test/x', '', undefined],
  ['/user/t/x', '', undefined],
])('%s', (raw, prefix, expected) => {
  expect(takePathToken(raw, prefix)).toEqual(expected);
});
