import { expect, test } from 'vitest';
import { parseDecisions, parseFindings } from './state-lines.ts';

const file = 'findings.jsonl in refs/registry/state of /srv/index';
const bytes = (...lines: readonly (object | string)[]) =>
  Buffer.from(lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join(''));
const about = { module: 'a/b', source: 'public', message: 'it is no JSON' };

test('what a later program has written beside what is known stays where it is', () => {
  const finding = { kind: 'broken-file', ...about, since: 7 };
  expect(parseFindings(bytes(finding, { kind: 'of-tomorrow', ...about }), file)).toEqual([finding]);
  const decision = { module: 'a/b', at: 'now', by: 'me', action: 'of-tomorrow', more: [1] };
  expect(parseDecisions(bytes(decision), file)).toEqual([decision]);
});

test.each([
  ['it is not JSON', '{"kind":'],
  ['it has no "kind"', about],
  ['what it says of "line" is no such thing', { kind: 'dropped-line', ...about, line: 'one' }],
  [
    'what it says of "pinned" is no such thing',
    { kind: 'checksum-conflict', ...about, version: '1.0.0', line: 1, pinned: 'x' },
  ],
])('a damaged line is named, with what to do: %s', (reason, line) => {
  const parse = () => parseFindings(bytes({ kind: 'look-alike', ...about }, line), file);
  expect(parse).toThrow(`line 2 of ${file} cannot be read: ${reason}`);
  expect(parse).toThrow(
    expect.objectContaining({ hint: expect.stringContaining('moonbit-registry verify') }),
  );
});
