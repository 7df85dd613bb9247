import { expect, test } from 'vitest';
import type { Finding } from '../model/finding.ts';
import { formatFindings } from './findings.ts';

const [before, now] = ['2026-11-01T00:00:00.000Z', '2026-11-02T00:00:00.000Z'];
const broken: Finding = {
  ...{ kind: 'broken-file', module: 'a/b', source: 'mooncakes', foundAt: before, message: 'it is no JSON' },
};
const findings: readonly Finding[] = [
  broken,
  { ...broken, kind: 'dropped-line', module: 'a/c', line: 3, foundAt: now },
  { ...broken, kind: 'refused-name', module: 'A/b', source: 'partner' },
  { ...broken, kind: 'more', module: '', count: 1200, untold: [], message: 'and 1,200 more findings' },
];

test('defects that nobody here can mend are one line for each source', () => {
  expect(formatFindings(findings)).toEqual([
    '1,202 defects in what "mooncakes" lists: moonbit-registry status',
    '1 defect in what "partner" lists: moonbit-registry status',
  ]);
});

test('a sync tells those in full that it found first', () => {
  expect(formatFindings(findings, { foundSince: now })).toEqual([
    '1 defect of sources, kept away from clients:',
    '  dropped-line a/c (mooncakes, line 3): it is no JSON',
    '1,201 defects in what "mooncakes" lists, as before: moonbit-registry status',
    '1 defect in what "partner" lists, as before: moonbit-registry status',
  ]);
});

test('where all are asked for, all are told', () => {
  const lines = formatFindings(findings, 'all');
  expect(lines).toHaveLength(5);
  expect(lines.join('\n')).not.toContain('moonbit-registry status');
});

test('conflicts and what could not be planned are told in full everywhere', () => {
  const conflict = { ...broken, kind: 'look-alike' } as const;
  const text = formatFindings([conflict, { ...broken, kind: 'unplanned' }]).join('\n');
  expect(text).toContain('  look-alike a/b (mooncakes): it is no JSON');
  expect(text).toContain('  unplanned a/b (mooncakes): it is no JSON');
});
