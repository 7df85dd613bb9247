import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareVersions, compatibilitySet, isVersion, latestVersion, selectVersion } from './version.ts';

function version(text: string) {
  if (!isVersion(text)) throw new TypeError(`not a version: ${text}`);
  return text;
}

const versions = (text: string) => text.split(' ').map(version);

const identifier = fc.constantFrom('0', '1', '9', '10', 'a', 'A', 'b', '-', '0a', '1-', 'alpha', 'rc');
const buildIdentifier = fc.oneof(identifier, fc.constantFrom('00', '01', '001', '010'));
const number = fc.constantFrom('0', '1', '2', '10', '18446744073709551615');
const dotted = (part: fc.Arbitrary<string>) =>
  fc.array(part, { maxLength: 3 }).map((parts) => parts.join('.'));

// Few values a part, so that equal cores, prefixes and twins are drawn often.
const anyVersion = fc
  .tuple(number, number, number, dotted(identifier), dotted(buildIdentifier))
  .map(([major, minor, patch, prerelease, build]) =>
    version(`${major}.${minor}.${patch}${prerelease && `-${prerelease}`}${build && `+${build}`}`),
  );
const twins = anyVersion.chain((left) => {
  const [core = ''] = left.split('+');
  const sameCore = dotted(buildIdentifier).map((build) => version(`${core}${build && `+${build}`}`));
  return fc.tuple(fc.constant(left), fc.oneof(sameCore, anyVersion));
});

describe('a version', () => {
  test.each([
    '0.0.0',
    '1.2.3',
    '18446744073709551615.18446744073709551615.18446744073709551615',
    '1.0.0-alpha.1',
    '1.0.0-0',
    '1.0.0-0a',
    '1.0.0--',
    '1.0.0-rc.1-2.x',
    '1.0.0-99999999999999999999999',
    '1.0.0+001',
    '1.0.0+00.-.a',
    '1.0.0-a+b',
    '0.1.20260609+84519ca0a',
  ])('may be %s', (text) => {
    expect(isVersion(text)).toBe(true);
  });

  test.each([
    '',
    '1',
    '1.2',
    '1.2.3.4',
    'v1.2.3',
    '=1.2.3',
    '^0.0.4',
    '*',
    '0.16',
    '01.2.3',
    '1.02.3',
    '1.2.03',
    '18446744073709551616.0.0',
    '0.0.18446744073709551616',
    '1.0.0-',
    '1.0.0+',
    '1.0.0-a..b',
    '1.0.0-01',
    '1.0.0-a.00',
    '1.0.0+a..b',
    '1.0.0+a+b',
    '1.0.0-ä',
    '1.0.0-a_b',
    '-1.0.0',
    ' 1.0.0',
    '1.0.0 ',
    '1.0.0\n',
    '1.0.0\0',
    '١.0.0',
    '../../x',
    '1.0.0-../x',
    '1.0.0/../2.0.0',
  ])('is not %j', (text) => {
    expect(isVersion(text)).toBe(false);
  });

  test.each([[undefined], [null], [1], [{}], [['1.0.0']]])('is not %j, which is no text', (value) => {
    expect(isVersion(value)).toBe(false);
  });
});

describe('the order of versions', () => {
  test.each([
    ['numbers by value', '0.0.1 0.0.9 0.0.10 0.1.0 0.9.9 0.10.0 1.0.0 2.0.0 10.0.0'],
    [
      'u64 by every digit',
      '0.0.9007199254740992 0.0.9007199254740993 0.0.18446744073709551614 0.0.18446744073709551615',
    ],
    [
      'the example of SemVer 2.0.0',
      '1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0',
    ],
    [
      'numbers below words, upper case below lower, a prefix below what goes on',
      '1.0.0-0 1.0.0-0.0 1.0.0-9 1.0.0-10 1.0.0-- 1.0.0-0a 1.0.0-A 1.0.0-a 1.0.0-a.0 1.0.0-aa',
    ],
    [
      'prerelease numbers beyond u64',
      '1.0.0-2 1.0.0-18446744073709551616 1.0.0-18446744073709551617 1.0.0-99999999999999999999',
    ],
    [
      'build metadata above none, numbers by value and then by leading zeros',
      '1.0.0 1.0.0+0 1.0.0+00 1.0.0+1 1.0.0+01 1.0.0+001 1.0.0+2 1.0.0+02 1.0.0+9 1.0.0+10 1.0.0+a 1.0.0+b',
    ],
    ['later build parts', '1.0.0+a 1.0.0+a.0 1.0.0+a.00 1.0.0+a.1 1.0.0+a.a 1.0.0+a-'],
    ['a prerelease before build metadata', '1.0.0-a 1.0.0-a+z 1.0.0-b 1.0.0-b+0 1.0.0 1.0.0+0 1.0.1-0'],
  ])('is %s', (_, ascending) => {
    const expected = versions(ascending);
    for (const [i, left] of expected.entries())
      for (const [j, right] of expected.entries())
        expect([left, right, Math.sign(compareVersions(left, right))]).toEqual([
          left,
          right,
          Math.sign(i - j),
        ]);
  });

  test('is total: any two are ordered, and equal only when their text is', () => {
    fc.assert(
      fc.property(twins, ([left, right]) => {
        const order = Math.sign(compareVersions(left, right));
        expect(order + Math.sign(compareVersions(right, left))).toBe(0);
        expect(order === 0).toBe(left === right);
      }),
      { numRuns: 2000 },
    );
  });

  test('is transitive', () => {
    fc.assert(
      fc.property(twins, anyVersion, ([a, b], c) => {
        const [low, middle, high] = [a, b, c].sort(compareVersions);
        if (low === undefined || middle === undefined || high === undefined)
          throw new Error('three are three');
        expect(compareVersions(low, middle)).toBeLessThanOrEqual(0);
        expect(compareVersions(middle, high)).toBeLessThanOrEqual(0);
        expect(compareVersions(low, high)).toBeLessThanOrEqual(0);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('the version a requirement selects', () => {
  test.each([
    ['the same one', '0.2.0', '0.1.0 0.2.0 0.3.0', '0.2.0'],
    ['the lowest above it, not the highest', '0.2.0', '0.3.0 0.9.0 0.2.1', '0.2.1'],
    ['a prerelease where that is the lowest', '0.2.0', '0.3.0 0.3.0-beta', '0.3.0-beta'],
    ['not its own prerelease, which is below it', '0.3.0', '0.3.0-beta 0.4.0', '0.4.0'],
    ['its own build metadata', '0.2.0+b', '0.2.0 0.2.0+a 0.2.0+b 0.2.0+c', '0.2.0+b'],
    ['the next build metadata', '0.2.0', '0.1.0 0.2.0+b 0.2.0+a', '0.2.0+a'],
    ['major 1 for a requirement of major 0', '0.9.0', '0.1.0 1.5.0 2.0.0', '1.5.0'],
    ['nothing of major 2 for one of major 1', '1.0.0', '2.0.0 0.9.0', undefined],
    ['nothing of major 3 for one of major 2', '2.0.0', '1.9.0 3.0.0 20.0.0', undefined],
    ['only its own major from 2 on', '2.1.0', '1.9.0 2.0.0 2.2.0 3.0.0', '2.2.0'],
    ['nothing below it', '0.5.0', '0.1.0 0.4.9', undefined],
    ['nothing of nothing', '0.5.0', '', undefined],
  ])('is %s', (_, requirement, listed, expected) => {
    const all = listed === '' ? [] : versions(listed);
    expect(selectVersion(version(requirement), all)).toBe(expected);
    expect(selectVersion(version(requirement), all.toReversed())).toBe(expected);
  });

  test('is the first that fits when all are sorted', () => {
    fc.assert(
      fc.property(anyVersion, fc.array(anyVersion, { maxLength: 8 }), (requirement, listed) => {
        const isSmall = (text: string) => /^[01]\./.test(text);
        const fits = listed.filter(
          (candidate) =>
            compareVersions(candidate, requirement) >= 0 &&
            (isSmall(requirement)
              ? isSmall(candidate)
              : candidate.split('.')[0] === requirement.split('.')[0]),
        );
        expect(selectVersion(requirement, listed)).toBe(fits.sort(compareVersions)[0]);
      }),
      { numRuns: 1000 },
    );
  });

  test('shares a set with majors 0 and 1, while each later major has its own', () => {
    const sets = versions('0.0.1 0.9.0-a 1.0.0 1.9.9+b 2.0.0-a 2.1.0 10.0.0 11.0.0').map(compatibilitySet);
    expect(new Set(sets.slice(0, 4)).size).toBe(1);
    expect(sets[4]).toBe(sets[5]);
    expect(new Set(sets).size).toBe(4);
  });
});

describe('the latest version', () => {
  test.each([
    ['a prerelease of a later version', '0.1.0 0.2.0-alpha 0.1.9', '0.2.0-alpha'],
    ['the release above its prereleases', '0.2.0-rc 0.2.0 0.2.0-beta', '0.2.0'],
    ['the highest build metadata', '0.2.0+9 0.2.0+10 0.2.0', '0.2.0+10'],
  ])('is %s', (_, listed, expected) => {
    expect(latestVersion(versions(listed))).toBe(expected);
    expect(latestVersion(versions(listed).toReversed())).toBe(expected);
  });

  test('of none is none', () => {
    expect(latestVersion([])).toBeUndefined();
  });
});
