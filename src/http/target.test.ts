import { describe, expect, test } from 'vitest';
import { decodePath, parseTarget } from './target.ts';

describe('a request target', () => {
  test.each([
    ['/user/a%2Fb?x=1', '', { path: '/user/a%2Fb', query: 'x=1' }],
    ['//git/index/info/refs?a=b?c', '', { path: '/git/index/info/refs', query: 'a=b?c' }],
    ['http://host:80//health', '', { path: '/health', query: '' }],
    ['http://host', '', { path: '/', query: '' }],
    ['/moon/health', '/moon', { path: '/health', query: '' }],
    ['/moon//health', '/moon', { path: '/health', query: '' }],
    ['//moon/health', '/moon', { path: '/health', query: '' }],
    ['/moon', '/moon', { path: '/', query: '' }],
    ['/health', '/moon', { path: '/health', query: '' }],
    ['/moonlight', '/moon', { path: '/moonlight', query: '' }],
    ['*', '', undefined],
    ['health', '', undefined],
  ])('%s under the prefix %j', (raw, prefix, expected) => {
    expect(parseTarget(raw, prefix)).toEqual(expected);
  });
});

describe('a path', () => {
  test.each([
    ['a%2Fb%2F1.0.0', 'a/b/1.0.0'],
    ['1.0.0+x', '1.0.0+x'],
    ['1.0.0%2Bx', '1.0.0+x'],
    ['%252F', '%2F'],
    ['%F0%9F%90%AB', '🐫'],
    [Buffer.from('🐫').toString('latin1'), '🐫'],
    ['%00', '\0'],
    ['%EF%BB%BFa', '\ufeffa'],
    ['%', undefined],
    ['%2', undefined],
    ['%zz', undefined],
    ['%ff', undefined],
    ['%C0%AF', undefined],
    ['%ED%A0%80', undefined],
  ])('%j decodes to %j', (raw, expected) => {
    expect(decodePath(raw)).toBe(expected);
  });
});
