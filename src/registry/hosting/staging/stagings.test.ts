import { describe, expect, test } from 'vitest';
import type { StagingRecord } from '../../../index/staged-file.ts';
import { formatStagings, parseStagings } from '../../../index/staged-file.ts';
import type { Checksum } from '../../../model/checksum.ts';
import type { ModuleName } from '../../../model/module-name.ts';
import type { Version } from '../../../model/version.ts';
import { compareDependencies, compareFiles } from './compare-versions.ts';
import {
  addStaging,
  decideStaging,
  findWaiting,
  isOfSame,
  isWaiting,
  mostWaiting,
  settleStagings,
  stagingId,
} from './stagings.ts';

const limits = { maxStagedBytes: 1000, stagedExpiryMs: 3_600_000 };
const at = '2026-11-28T08:00:00.000Z';
const now = new Date(at);
const sum = (text: string) => text.repeat(64).slice(0, 64) as Checksum;

function record(ids: readonly string[], checksum: string, facts: Partial<StagingRecord> = {}): StagingRecord {
  const versions = ids.map((id, position) => {
    const [module = '', version = ''] = id.split('@');
    return {
      module: module as ModuleName,
      version: version as Version,
      checksum: sum(`${checksum}${position === 0 ? '' : position}`),
      sizeBytes: 100,
    };
  });
  return {
    id: stagingId(versions.map((one) => one.checksum)),
    ...{ versions, token: 'ci', owner: 'ada', at },
    ...facts,
  };
}

function add(records: readonly StagingRecord[], one: StagingRecord, date = now) {
  const added = addStaging(records, one, limits, date);
  if (added.kind !== 'added') throw new Error(added.kind);
  return added.records;
}

const kinds = (records: readonly StagingRecord[]) => records.map(({ decision }) => decision?.kind ?? 'waits');

test('an id is of bytes: of one archive its checksum, of several one that no order changes', () => {
  expect(stagingId([sum('a')])).toBe(sum('a'));
  expect(stagingId([sum('a'), sum('b')])).toBe(stagingId([sum('b'), sum('a')]));
  const ids = [[sum('a')], [sum('a'), sum('b')], [sum('a'), sum('c')], [sum('a'), sum('b'), sum('c')]];
  expect(new Set(ids.map(stagingId)).size).toBe(4);
});

describe('what is sent', () => {
  test('again, with the same bytes, waits already, whoever sends it', () => {
    const records = add([], record(['company/a@1.0.0'], 'a'));
    const again = record(['company/a@1.0.0'], 'a', { owner: 'eve', at: '2026-11-28T08:30:00.000Z' });
    expect(addStaging(records, again, limits, now)).toMatchObject({
      kind: 'waits',
      staging: { owner: 'ada', at },
    });
  });

  test('with other bytes replaces what the same person sent of that version, and nobody else does', () => {
    const first = add([], record(['company/a@1.0.0', 'company/b@1.0.0'], 'a'));
    const others = add(first, record(['company/a@1.0.0'], 'b', { owner: 'eve' }));
    expect(kinds(others)).toEqual(['waits', 'waits']);
    const second = add(others, record(['company/a@1.0.0'], 'c', { owner: 'Ada' }));
    expect(kinds(second)).toEqual(['replaced', 'waits', 'waits']);
    expect(kinds(add(second, record(['company/a@1.0.1'], 'd')))).toEqual([
      ...['replaced', 'waits', 'waits', 'waits'],
    ]);
  });

  test('is refused beyond the room there is, which what was decided does not take', () => {
    let records: readonly StagingRecord[] = [];
    for (let i = 0; i < 10; i++) records = add(records, record([`company/m${i}@1.0.0`], String(i)));
    const more = record(['company/more@1.0.0'], 'f');
    expect(addStaging(records, more, limits, now)).toEqual({ kind: 'full' });
    const decided = decideStaging(records, sum('3'), { kind: 'rejected', at });
    expect(addStaging(decided, more, limits, now).kind).toBe('added');
    const many = Array.from({ length: mostWaiting }, (_, i) => record([`company/m${i}@1.0.0`], `${i}.`));
    const roomy = { ...limits, maxStagedBytes: 1e9 };
    expect(addStaging(many, more, roomy, now)).toEqual({ kind: 'full' });
    expect(addStaging(many.slice(1), more, roomy, now).kind).toBe('added');
  });

  test('waits until its time is over, and is remembered for a while', () => {
    const records = add([], record(['company/a@1.0.0'], 'a'));
    const before = new Date(now.getTime() + limits.stagedExpiryMs - 1);
    expect(settleStagings(records, limits, before)).toBe(records);
    const after = settleStagings(records, limits, new Date(before.getTime() + 1));
    expect(kinds(after)).toEqual(['expired']);
    expect(findWaiting(after, sum('a'))).toBeUndefined();
    const old = Array.from({ length: 600 }, () => after).flat();
    const kept = settleStagings([...old, ...records], limits, now);
    expect([kept.length, kept.filter(isWaiting).length]).toEqual([501, 1]);
  });
});

test('what is approved overtakes what else waits of the same version; what is rejected can be sent again', () => {
  const records = add(
    add(add([], record(['company/a@1.0.0'], 'a')), record(['company/a@1.0.0'], 'b', { owner: 'eve' })),
    record(['company/c@1.0.0'], 'c'),
  );
  const approved = decideStaging(records, sum('b'), { kind: 'approved', at, by: 'bob', token: 'boss' });
  expect(kinds(approved)).toEqual(['replaced', 'approved', 'waits']);
  expect(decideStaging(approved, sum('a'), { kind: 'approved', at })).toBe(approved);
  const rejected = decideStaging(records, sum('a'), { kind: 'rejected', at, reason: 'no' });
  expect(kinds(add(rejected, record(['company/a@1.0.0'], 'a')))).toEqual([
    ...['rejected', 'waits', 'waits', 'waits'],
  ]);
});

test('one person is one, however the name is written', () => {
  expect(['ADA', ' ada ', 'ad\u200ba'].map((name) => isOfSame(name, 'ada'))).toEqual([true, true, true]);
  expect(isOfSame('ada', 'adam')).toBe(false);
});

test('records are read as they were written, with what a later program adds; damage is said', () => {
  const records = [
    { ...record(['company/a@1.0.0'], 'a'), later: 1 },
    record(['company/b@1.0.0'], 'b', { decision: { kind: 'rejected', at, by: 'bob', reason: 'no' } }),
  ];
  expect(parseStagings(Buffer.from(formatStagings(records)))).toEqual(records);
  expect(parseStagings(Buffer.alloc(0))).toEqual([]);
  for (const line of [
    '{',
    '{"id":"x"}',
    JSON.stringify({ ...records[0], id: 'A'.repeat(64) }),
    JSON.stringify({ ...records[0], versions: [] }),
  ])
    expect(() => parseStagings(Buffer.from(`${line}\n`))).toThrow(/line 1 of staged\.jsonl/);
});

test('differences are of what files hold and what is required', () => {
  const before = new Map([...Object.entries({ a: '1', b: '2', c: '3' })]);
  const after = new Map([...Object.entries({ b: '2', c: '4', d: '5' })]);
  expect(compareFiles(before, after)).toEqual({ added: ['d'], removed: ['a'], changed: ['c'] });
  const dependency = (module: string, requirement: string) => ({
    ...{ module: module as ModuleName, requirement: requirement as Version, written: requirement },
  });
  expect(
    compareDependencies(
      { dependencies: [dependency('x/a', '1.0.0'), dependency('x/b', '1.0.0')], binDependencies: [] },
      { dependencies: [dependency('x/b', '1.1.0')], binDependencies: [dependency('x/a', '1.0.0')] },
    ),
  ).toEqual({ added: ['x/a (bin-deps) 1.0.0'], removed: ['x/a 1.0.0'], changed: ['x/b 1.0.0 -> 1.1.0'] });
});
