import { expect, test } from 'vitest';
import type { Version } from '../../model/version.ts';
import { type VersionRule, versionProblem } from './version-rule.ts';

const existing = ['2.0.0', '0.9.0', '1.0.0', '1.0.0+a', '3.0.0-rc.1'] as Version[];

test.each<[string, Record<VersionRule, string>]>([
  ['1.0.0', { 'per-major': 'exists', always: 'exists', no: 'exists' }],
  ['1.0.0+a', { 'per-major': 'exists', always: 'exists', no: 'exists' }],
  ['1.0.1', { 'per-major': '', always: '3.0.0-rc.1', no: '' }],
  ['1.0.0+b', { 'per-major': '', always: '3.0.0-rc.1', no: '' }],
  ['1.0.0+0', { 'per-major': '1.0.0+a', always: '3.0.0-rc.1', no: '' }],
  ['1.0.1-rc.1', { 'per-major': '', always: '3.0.0-rc.1', no: '' }],
  ['1.0.0-rc.1', { 'per-major': '1.0.0+a', always: '3.0.0-rc.1', no: '' }],
  ['0.9.1', { 'per-major': '1.0.0+a', always: '3.0.0-rc.1', no: '' }],
  ['2.0.1', { 'per-major': '', always: '3.0.0-rc.1', no: '' }],
  ['1.9.9', { 'per-major': '', always: '3.0.0-rc.1', no: '' }],
  ['3.0.0-rc.0', { 'per-major': '3.0.0-rc.1', always: '3.0.0-rc.1', no: '' }],
  ['3.0.0', { 'per-major': '', always: '', no: '' }],
  ['10.0.0', { 'per-major': '', always: '', no: '' }],
])('%s after 0.9.0, 1.0.0, 2.0.0 and 3.0.0-rc.1', (version, expected) => {
  for (const [rule, words] of Object.entries(expected)) {
    const problem = versionProblem(rule as VersionRule, existing, version as Version);
    expect(problem?.kind === 'not-higher' ? problem.highest : (problem?.kind ?? ''), rule).toBe(words);
  }
});

test('the first version may be any', () => {
  for (const rule of ['per-major', 'always', 'no'] as const)
    expect(versionProblem(rule, [], '0.0.0-a' as Version)).toBeUndefined();
});
