import { describe, expect, test } from 'vitest';
import { canonicalRequirements, requirementsDigest } from './requirements.ts';

const stated = (deps: Record<string, Record<string, string>>, ...binDeps: string[]) => ({
  deps: new Map(Object.entries(deps)),
  binDeps,
});

describe('the requirements of a line', () => {
  test('are "none" where nothing is required, however that is written', () => {
    for (const binDeps of [[], ['null'], ['{}'], [' { } '], ['{}', 'null']])
      expect(requirementsDigest(stated({}, ...binDeps))).toBe('none');
  });

  test('have this text and this digest, which ledgers hold for ever', () => {
    const one = stated({ 'b/b': { version: '1.0.0' }, 'a/a': { path: '../a' } }, '{"c/c":"2.0.0"}');
    expect(canonicalRequirements(one)).toBe(
      '{"bin-deps":[{"c/c":{"version":"2.0.0"}}],"deps":{"a/a":{"path":"../a"},"b/b":{"version":"1.0.0"}}}',
    );
    expect(requirementsDigest(one)).toBe('cfb97401e74763f9df64a167c4ba3970033bb08a3e1a282835b705336069c903');
  });

  test.each([
    [
      'the order of modules',
      stated({ a: { version: '1.0.0' }, b: {} }),
      stated({ b: {}, a: { version: '1.0.0' } }),
    ],
    [
      'the order of keys',
      stated({ a: { path: 'x', version: '1.0.0' } }),
      stated({ a: { version: '1.0.0', path: 'x' } }),
    ],
    [
      'the order of keys in bin-deps',
      stated({}, '{"b":{"x":[1,{"k":1,"j":2}],"a":0},"a":"1.0.0"}'),
      stated({}, '{"a":"1.0.0","b":{"a":0,"x":[1,{"j":2,"k":1}]}}'),
    ],
    ['white space and escapes', stated({}, '{"a":"1.0.0"}'), stated({}, ' { "\\u0061" : "1.0.\\u0030" }\t')],
    ['a version in an object', stated({}, '{"a":"1.0.0"}'), stated({}, '{"a":{"version":"1.0.0"}}')],
    ['a null in an object', stated({}, '{"a":{"version":"1.0.0","path":null}}'), stated({}, '{"a":"1.0.0"}')],
  ])('are the same whatever %s', (_, left, right) => {
    expect(requirementsDigest(left)).toBe(requirementsDigest(right));
    expect(requirementsDigest(left)).toMatch(/^[0-9a-f]{64}$/);
  });

  const different = [
    stated({ a: { version: '1.0.0' } }),
    stated({ a: { version: '1.0.1' } }),
    stated({ b: { version: '1.0.0' } }),
    stated({ a: {} }),
    stated({ a: { path: '1.0.0' } }),
    stated({ a: { path: '1.0.0', version: '1.0.0' } }),
    stated({ a: { git: '1.0.0' } }),
    stated({ a: { git: '1.0.0', branch: 'x' } }),
    stated({ __proto__x: {}, a: {} }),
    stated({ '': {} }),
    stated({}, '{"a":"1.0.0"}'),
    stated({}, '{"a":null}'),
    stated({}, '{"a":{}}'),
    stated({}, '{"__proto__":"1.0.0"}'),
    stated({}, '{"a":{"version":"1.0.0","alias":"x"}}'),
    stated({}, '{"a":{"version":"1.0.0","bin_pkg":["x","y"]}}'),
    stated({}, '{"a":{"version":"1.0.0","bin_pkg":["y","x"]}}'),
    stated({}, '{"a":1e999}'),
    stated({}, '{"a":true}'),
    stated({}, '[]'),
    stated({}, '"\\ud800"'),
    stated({}, '"\\ud801"'),
    stated({}, '{"a":"1.0.0"}', '{"a":"1.0.0"}'),
    stated({}, '{"a":"1.0.0",}'),
    stated({}, '{"a":"1.0.0",,}'),
    stated({}, ''),
    stated({}, `${'['.repeat(5000)}${']'.repeat(5000)}`),
    stated({}, `${'['.repeat(5001)}${']'.repeat(5001)}`),
    stated({}, `${'['.repeat(2_000_000)}${']'.repeat(2_000_000)}`),
    stated({}, `["${'x'.repeat(70_000)}"]`),
  ];
  test('differ wherever something else is stated, and are total', () => {
    const digests = different.map(requirementsDigest);
    expect(new Set(digests).size).toBe(different.length);
    for (const digest of digests) expect(digest).toMatch(/^[0-9a-f]{64}$/);
  });
});
