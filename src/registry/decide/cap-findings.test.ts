import { describe, expect, test } from 'vitest';
import type { Finding } from '../../model/finding.ts';
import { capFindings, untoldIn } from './cap-findings.ts';

type Kind = 'dropped-line' | 'look-alike';
const finding = (kind: Kind, source: string, module: string): Finding => {
  const about = { source, module, message: 'x' };
  return kind === 'look-alike' ? { kind, ...about } : { kind, ...about, line: 1 };
};
const many = (number: number, kind: Kind = 'dropped-line', source = 'partner') =>
  Array.from({ length: number }, (_, position) => finding(kind, source, `a/m${position}`));
const tell = (findings: readonly Finding[]) =>
  findings.map((one) => [one.kind, one.module, 'count' in one ? one.count : undefined]);

describe('findings of one source', () => {
  test('up to its limit stay as they are', () => {
    expect(capFindings(many(5), () => 5)).toEqual(many(5));
  });

  test('beyond it are a number', () => {
    const capped = capFindings(many(4215), () => 3);
    expect(tell(capped)).toEqual([
      ['dropped-line', 'a/m0', undefined],
      ['dropped-line', 'a/m1', undefined],
      ['dropped-line', 'a/m2', undefined],
      ['more', '', 4212],
    ]);
    expect(capped.at(-1)?.message).toBe('and 4,212 more findings about source "partner"');
  });

  test('that wait for the operator are always told', () => {
    const capped = capFindings([...many(3), ...many(5, 'look-alike')], () => 1);
    expect(capped.filter(({ kind }) => kind === 'look-alike')).toHaveLength(5);
    expect(tell(capped).slice(5)).toEqual([
      ['dropped-line', 'a/m0', undefined],
      ['more', '', 2],
    ]);
  });

  test('count what was not told before', () => {
    const before = capFindings(many(10), () => 3);
    const told = before.filter(({ kind }) => kind !== 'more');
    const more = [...told, finding('dropped-line', 'partner', 'b/b')];
    const capped = capFindings(
      more,
      () => 3,
      untoldIn(before, () => false),
    );
    expect(tell(capped).at(-1)).toEqual(['more', '', 8]);
  });

  test('are no longer counted once their module is mended', () => {
    const before = capFindings(many(10), () => 3);
    const told = before.filter(({ kind }) => kind !== 'more');
    const mended = (module: string) => module === 'a/m5' || module === 'a/m6';
    expect(tell(capFindings(told, () => 3, untoldIn(before, mended))).at(-1)).toEqual(['more', '', 5]);
    expect(
      capFindings(
        [],
        () => 3,
        untoldIn(before, () => true),
      ),
    ).toEqual([]);
  });

  test('take nothing from those of another, and go with the source', () => {
    const both = [...many(100, 'dropped-line', 'hostile'), ...many(2, 'look-alike', 'internal')];
    const limitOf = (source: string) => (source === 'hostile' ? 1 : 5);
    expect(capFindings(both, limitOf).filter(({ source }) => source === 'internal')).toHaveLength(2);
    expect(capFindings(both, (source) => (source === 'hostile' ? undefined : 5))).toEqual(
      many(2, 'look-alike', 'internal'),
    );
  });
});
