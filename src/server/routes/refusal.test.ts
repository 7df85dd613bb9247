import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { moduleName, version } from '../../../test/support/registry-world.ts';
import { toPhrase } from '../../http/phrase.ts';
import type { SourceFailure } from '../../model/lookup.ts';
import type { ArchiveOutcome } from '../../registry/deliver/served-bytes.ts';
import { judgeOutcome, refusalProblem } from './refusal.ts';

const asked = { module: moduleName('alice/json'), version: version('1.0.0'), origin: 'main' };
const at = '2026-11-27T10:00:00.000Z';
const failed = (reason: SourceFailure['reason']): Exclude<ArchiveOutcome, { kind: 'found' }> => ({
  kind: 'unavailable',
  cause: { reason, detail: 'said in confidence' },
});

describe('an outcome', () => {
  const refusals: [string, Exclude<ArchiveOutcome, { kind: 'found' }>, number, string, RegExp][] = [
    [
      'blocked',
      { kind: 'blocked', block: { reason: 'CVE-2026-1', at, version: asked.version } },
      403,
      'Blocked: CVE-2026-1',
      /^alice\/json@1\.0\.0 is blocked here since 2026-11-27: CVE-2026-1$/,
    ],
    [
      'blocked',
      { kind: 'blocked', block: { reason: 'CVE-2026-1', at, version: undefined } },
      403,
      'Blocked: CVE-2026-1',
      /like all of alice\/json, is blocked/,
    ],
    ['gone', { kind: 'gone', firstSeen: at }, 410, 'Gone: it has left the index of this registry', /left/],
    ['disabled', failed('disabled'), 503, 'Held: no source that is enabled supplies it', /"main"/],
    [
      'not-cached',
      failed('not-cached'),
      503,
      'Held: it is not cached, and nothing is fetched on demand here',
      /store/,
    ],
    [
      'not-current',
      failed('not-current'),
      503,
      'Held: a source that may have it could not be read lately',
      /lately/,
    ],
  ];
  test.each(refusals)(
    'that is %s has its reason, status, phrase and text',
    (reason, outcome, status, phrase, text) => {
      const refusal = judgeOutcome(asked, outcome);
      expect(refusal).toMatchObject({
        kind: 'refused',
        reason,
        phrase,
        text: expect.stringMatching(text),
      });
      expect(refusal.kind === 'refused' && refusalProblem(refusal).status).toBe(status);
      expect(JSON.stringify({ ...refusal, cause: '' })).not.toContain('confidence');
    },
  );

  const momentary = ['timeout', 'overloaded', 'rate-limited', 'connection', 'tls', 'unauthorized'] as const;
  test.each(momentary)('of the moment is no refusal: %s', (reason) => {
    expect(judgeOutcome(asked, failed(reason)).kind).toBe('unavailable');
  });

  test('that nobody has it is no refusal', () => {
    expect(judgeOutcome(asked, { kind: 'absent', detail: '' }).kind).toBe('absent');
  });
});

test('the command for the operator is quoted, where a shell would obey what its author chose as a name', () => {
  const hintFor = (name: string) => {
    const hostile = { ...asked, module: moduleName(name) };
    return judgeOutcome(hostile, { kind: 'blocked', block: { reason: 'x', at, version: undefined } });
  };
  expect(hintFor('$(id)/x')).toMatchObject({
    hint: expect.stringContaining(": moonbit-registry explain '$(id)/x@1.0.0' tells"),
  });
  expect(hintFor('a/x')).toMatchObject({
    hint: expect.stringContaining('"moonbit-registry explain a/x@1.0.0" tells'),
  });
});

describe('a phrase', () => {
  test.each([
    ['Blocked: CVE-2026-1', 'Blocked: CVE-2026-1'],
    ['two\r\nSet-Cookie: lines', 'two Set-Cookie: lines'],
    ['恶意 code', '? code'],
    ['x'.repeat(500), `${'x'.repeat(117)}...`],
    ['old — ünsafe “thing”, it’s 月', 'old - unsafe "thing", it\'s ?'],
  ])('of %j is %j', (text, phrase) => {
    expect(toPhrase(text)).toBe(phrase);
  });

  test('is one short line of ASCII, whatever was written', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(toPhrase(text)).toMatch(/^[\u0020-\u007e]{0,120}$/);
      }),
    );
  });
});
