import { describe, expect, test } from 'vitest';
import {
  anySource,
  decidesNames,
  formatMirrorPattern,
  mirrorPatternProblem,
  parseMirrorPattern,
} from './mirror-target.ts';

describe('what can be mirrored', () => {
  test.each([
    ['moonbitlang/*', { pattern: 'moonbitlang/*' }],
    ['*', { pattern: '*' }],
    ['alice/json', { pattern: 'alice/json' }],
    ['alice/json@1.2.3', { pattern: 'alice/json', version: '1.2.3' }],
    ['alice/deep/er@1.0.0-rc.1+b.2', { pattern: 'alice/deep/er', version: '1.0.0-rc.1+b.2' }],
  ])('%s is read and written again', (text, target) => {
    expect(mirrorPatternProblem(text)).toBeUndefined();
    expect(parseMirrorPattern(text)).toEqual(target);
    expect(formatMirrorPattern(parseMirrorPattern(text))).toBe(text);
  });

  test.each([
    ['alice/*@1.0.0', /whole name of one module/],
    ['alice@1.0.0', /whole name of one module/],
    ['alice/json@', /"" is not a version/],
    ['alice/json@1.2', /"1\.2" is not a version/],
    ['alice/json@^1.2.3', /is not a version/],
    ['alice', /names no module/],
    ['', /empty/],
  ])('%j is neither a pattern nor a version', (text, problem) => {
    expect(mirrorPatternProblem(text)).toMatch(problem);
  });
});

test.each([
  ['moonbitlang/*', true],
  ['moonbitlang/x', true],
  ['moonbitlang/*/json', true],
  ['*', false],
  ['*/json', false],
  ['moon*/json', false],
  ['moonbitlang*', false],
  ['*lang/x', false],
])('mirroring %s from one source decides about names: %s', (pattern, decides) => {
  expect(decidesNames({ source: 'mooncakes', pattern })).toBe(decides);
  expect(decidesNames({ source: anySource, pattern })).toBe(false);
});
