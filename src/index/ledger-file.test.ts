import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { StorageError } from '../errors.ts';
import { isChecksum } from '../model/checksum.ts';
import { isVersion } from '../model/version.ts';
import { formatLedgerFile, type Pin, parseLedgerFile } from './ledger-file.ts';

const checksum = 'ab'.repeat(32);
const pin = fc
  .record({
    version: fc.constantFrom('1.0.0', '0.1.0-rc.1+build.5', '18446744073709551615.0.0+00'),
    checksum: fc.array(fc.constantFrom(...'0123456789abcdef'), { minLength: 64, maxLength: 64 }),
    firstSeen: fc.date({ noInvalidDate: true, min: new Date(0), max: new Date('9999-12-31') }),
    source: fc.constantFrom('mooncakes', 'my-source.2', 'x'),
    requirements: fc.constantFrom(undefined, 'none', 'a'.repeat(64)),
    extra: fc.constantFrom(undefined, ['of', 'tomorrow']),
  })
  .map(({ version, checksum: digits, firstSeen, source, requirements, extra }): Pin => {
    const sum = digits.join('');
    if (!isVersion(version) || !isChecksum(sum)) throw new TypeError('the generator is wrong');
    const known = { version, checksum: sum, firstSeen: firstSeen.toISOString(), source, requirements };
    return extra ? { ...known, extra } : known;
  });

describe('a ledger file', () => {
  test('is read as it was written', () => {
    fc.assert(
      fc.property(fc.array(pin), (pins) => {
        expect(parseLedgerFile(Buffer.from(formatLedgerFile(pins)))).toEqual(pins);
      }),
    );
  });

  test('grows only at its end', () => {
    fc.assert(
      fc.property(fc.array(pin), fc.array(pin), (pins, added) => {
        expect(formatLedgerFile([...pins, ...added])).toBe(formatLedgerFile(pins) + formatLedgerFile(added));
      }),
    );
  });

  test.each([
    ['a version that is none', `1.0 ${checksum} 2026-01-01T00:00:00.000Z mooncakes`],
    ['an uppercase checksum', `1.0.0 ${checksum.toUpperCase()} 2026-01-01T00:00:00.000Z mooncakes`],
    ['a line cut short', `1.0.0 ${checksum}`],
    ['no source', `1.0.0 ${checksum} 2026-01-01T00:00:00.000Z`],
    ['a merge conflict', '<<<<<<< HEAD'],
  ])('with %s is an error, since forgetting a pin would break rule 3', (_, line) => {
    const whole = `2.0.0 ${checksum} 2026-01-01T00:00:00.000Z mooncakes\n${line}\n`;
    expect(() => parseLedgerFile(Buffer.from(whole))).toThrow(StorageError);
  });
});
