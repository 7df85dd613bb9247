import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { version } from '../../../test/support/registry-world.ts';
import { latestVersion, selectVersion, type Version } from '../../model/version.ts';
import { hiddenVersions } from './hidden-versions.ts';

function listedAfter(listed: string, refused: string): string {
  const versions = listed.split(' ').map(version);
  const hidden = hiddenVersions(versions, (one) => refused.split(' ').includes(one));
  return versions.filter((one) => !hidden.has(one)).join(' ');
}

describe('what is refused', () => {
  test.each([
    ['1.0.0 1.1.0 1.2.0', '1.1.0', '1.0.0 1.1.0 1.2.0', 'stays where something stands above it: a hole'],
    ['1.0.0 1.1.0 1.2.0', '1.2.0', '1.0.0 1.1.0', 'leaves where nothing does'],
    ['1.0.0 1.1.0 1.2.0', '1.1.0 1.2.0', '1.0.0', 'leaves as a whole tail'],
    ['1.0.0 1.1.0 1.2.0', '1.0.0 1.2.0', '1.0.0 1.1.0', 'is a hole and a tail'],
    ['1.0.0 1.1.0', '1.0.0 1.1.0', '1.0.0 1.1.0', 'stays where everything is refused'],
    ['1.0.0', '1.0.0', '1.0.0', 'stays where it is all there is'],
    ['0.9.0 1.0.0 2.0.0', '1.0.0', '0.9.0 2.0.0', 'counts within its compatibility set: 2.0.0 is no way out'],
    ['0.9.0 1.0.0 2.0.0', '0.9.0', '0.9.0 1.0.0 2.0.0', 'counts majors 0 and 1 as one set'],
    ['1.0.0 2.0.0 2.1.0', '2.0.0 2.1.0', '1.0.0', 'leaves with its set'],
    ['1.0.0 1.1.0-rc.1 1.1.0', '1.1.0', '1.0.0 1.1.0-rc.1', 'stands above its prereleases'],
    ['1.0.0 1.0.0+a 1.0.0+b', '1.0.0+a', '1.0.0 1.0.0+a 1.0.0+b', 'is ordered by build metadata'],
    ['1.0.0 1.1.0', '9.9.9', '1.0.0 1.1.0', 'need not be listed'],
  ])('%s without %s is %s: it %s', (listed, refused, after) => {
    expect(listedAfter(listed, refused)).toBe(after);
  });
});

const versions = fc
  .tuple(fc.nat(2), fc.nat(2), fc.nat(1), fc.constantFrom('', '', '-a', '+1', '+2'))
  .map(([major, minor, patch, rest]) => version(`${major}.${minor}.${patch}${rest}`));
const worlds = fc.record({
  listed: fc.uniqueArray(versions, { minLength: 1, maxLength: 12 }),
  refused: fc.uniqueArray(versions, { maxLength: 12 }),
});
const refuses = (refused: readonly Version[]) => (one: Version) => refused.includes(one);

describe('rule 12: a refusal changes no selection, it only makes it fail', () => {
  test('whatever is required, the version selected is the same, or there is none and that one is refused', () => {
    fc.assert(
      fc.property(worlds, versions, ({ listed, refused }, requirement) => {
        const hidden = hiddenVersions(listed, refuses(refused));
        const before = selectVersion(requirement, listed);
        const after = selectVersion(
          requirement,
          listed.filter((one) => !hidden.has(one)),
        );
        if (after === undefined) expect(before === undefined || refused.includes(before)).toBe(true);
        else expect(after).toBe(before);
      }),
    );
  });

  test('nothing leaves that is not refused, and something stays', () => {
    fc.assert(
      fc.property(worlds, ({ listed, refused }) => {
        const hidden = hiddenVersions(listed, refuses(refused));
        for (const one of hidden) expect(refused).toContain(one);
        expect(hidden.size).toBeLessThan(listed.length);
      }),
    );
  });

  test('the latest version can be had, if any can in its compatibility set', () => {
    fc.assert(
      fc.property(worlds, ({ listed, refused }) => {
        const hidden = hiddenVersions(listed, refuses(refused));
        const latest = latestVersion(listed.filter((one) => !hidden.has(one)));
        if (listed.every(refuses(refused))) return;
        expect(refused).not.toContain(latest);
      }),
    );
  });

  test('lifting a refusal brings back all that was listed without it', () => {
    fc.assert(
      fc.property(worlds, versions, ({ listed, refused }, more) => {
        const without = hiddenVersions(listed, refuses(refused.filter((one) => one !== more)));
        const also = hiddenVersions(listed, refuses([...refused, more]));
        if (listed.every(refuses([...refused, more]))) return;
        for (const one of without) expect(also.has(one)).toBe(true);
      }),
    );
  });
});
