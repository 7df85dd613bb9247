import { expect, test } from 'vitest';
import { judgeProcessOne } from './doctor-tools.ts';

test.each([
  ['systemd', false, 'ok'],
  ['tini', false, 'ok'],
  ['docker-init', false, 'ok'],
  ['pause', false, 'ok'],
  ['sh', false, 'ok'],
  ['node', false, 'warning'],
  ['moonbit-registry', false, 'warning'],
  ['node', true, 'warning'],
  ['MainThread', true, 'warning'],
])('process 1 that is %s (we ourselves: %s) is %s', (command, isThisOne, result) => {
  expect(judgeProcessOne({ command, isThisOne }).result).toBe(result);
});

test('without an init comes with how to have one', () => {
  expect(judgeProcessOne({ command: 'node', isThisOne: true }).hint).toContain('docker run --init');
});
