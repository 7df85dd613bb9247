import { expect, test } from 'vitest';
import { parseIndexFile } from '../../index/index-file.ts';
import { judgeNewestLines, newestDropped } from './newer-format.ts';

const good = (version: string) => `{"version":"${version}","checksum":"${'a'.repeat(64)}"}`;
const bad = (version: string) => `{"version":"${version}","deps":{"a/b":{"range":"1"}}}`;

test.each([
  ['the last line is one', [good('1.0.0'), bad('1.1.0')], true],
  ['the last lines are', [good('1.0.0'), bad('1.1.0'), bad('1.2.0')], true],
  ['no line is good', [bad('1.0.0')], true],
  ['blank lines follow it', [good('1.0.0'), bad('1.1.0'), '', ''], true],
  ['a good line follows it', [bad('1.0.0'), good('1.1.0')], false],
  ['only blank lines are dropped', [good('1.0.0'), ''], false],
  ['what is dropped states no version', [good('1.0.0'), '<html>'], false],
  ['nothing is dropped', [good('1.0.0')], false],
])('the newest version of a module is dropped where %s: %o, %s', (_, lines, isDropped) => {
  const file = parseIndexFile(Buffer.from(lines.join('\n')));
  expect(newestDropped(file) !== undefined).toBe(isDropped);
});

test.each([
  [887, 5, 'ok'],
  [887, 88, 'ok'],
  [887, 89, 'warning'],
  [3, 2, 'ok'],
  [3, 3, 'warning'],
  [30, 3, 'warning'],
  [31, 3, 'ok'],
  [0, 0, 'ok'],
])('of %d modules, %d with a dropped newest version are %s', (modules, dropped, result) => {
  const checks = judgeNewestLines('main', { modules, dropped, reason: 'it is odd' });
  expect(checks.map((check) => check.result)).toEqual(result === 'ok' ? [] : [result]);
});
