import { expect, test } from 'vitest';
import type { DoctorReport } from '../../registry/doctor.ts';
import { formatReport } from './doctor.ts';

const ok = { name: 'git', result: 'ok', detail: '2.43' } as const;
const bad = { name: 'disk', result: 'warning', detail: 'it is full', hint: 'buy one' } as const;
const report = (...checks: DoctorReport['checks'][number][]): DoctorReport => ({ directory: '/r', checks });

test('what is well is left out where only trouble is wanted', () => {
  const trouble = 'WARNING  disk: it is full\n          hint: buy one\n\n1 warning';
  expect(formatReport(report(ok, bad), false)).toBe(`ok       git: 2.43\n${trouble}`);
  expect(formatReport(report(ok, bad), true)).toBe(trouble);
  expect(formatReport(report(ok), true)).toBe('All is well.');
});
