import { expect, test } from 'vitest';
import { checksumOf } from '../../../test/contracts/archive-store.contract.ts';
import type { CheckOptions } from '../../archives/archive-check.ts';
import type { Verdict } from '../../archives/verifying-store.ts';
import type { Checksum } from '../../model/checksum.ts';
import { silentLog } from '../../support/log.ts';
import { createScrub } from './scrub.ts';

const sizeBytes = 5_000_000;
const checksums = ['a', 'b', 'c', 'd'].map((text) => checksumOf(Buffer.from(text))).sort();

/** Four archives of 5 MB, read in pieces of 64 KiB, by a clock that only sleeping moves. */
function createScene(judge: (checksum: Checksum) => Verdict = () => ({ kind: 'sound' })) {
  const verified: Checksum[] = [];
  const repaired: Checksum[] = [];
  let now = 0;
  const scrub = createScrub({
    archives: {
      async *list() {
        for (const checksum of [...checksums].reverse()) yield { checksum, sizeBytes };
      },
      async verify(checksum: Checksum, { pace }: CheckOptions = {}) {
        verified.push(checksum);
        for (let read = 0; read < sizeBytes; read += 65_536) await pace?.(Math.min(65_536, sizeBytes - read));
        return judge(checksum);
      },
    },
    repair: async (checksum) => repaired.push(checksum) === 1,
    log: silentLog,
    clock: {
      now: () => now,
      sleep: async (ms) => {
        now += ms;
      },
    },
  });
  return { scrub, verified, repaired, elapsedMs: () => now };
}

test('a pass reads every archive once, at 20 MB a second', async () => {
  const { scrub, verified, elapsedMs } = createScene();
  expect(await scrub.run()).toEqual({ archives: 4, bytes: 20_000_000, damaged: 0, repaired: 0 });
  expect(verified).toEqual(checksums);
  expect(elapsedMs()).toBeGreaterThan(970);
  expect(elapsedMs()).toBeLessThanOrEqual(1000);
});

test('damaged archives are counted and handed to repair', async () => {
  const damaged: Verdict = { kind: 'damaged', damage: 'is short', movedTo: '/quarantine/x.zip' };
  const { scrub, repaired } = createScene((checksum) =>
    checksums.indexOf(checksum) < 2 ? damaged : { kind: 'sound' },
  );
  expect(await scrub.run()).toMatchObject({ archives: 4, damaged: 2, repaired: 1 });
  expect(repaired).toEqual(checksums.slice(0, 2));
});

test('a pass that failed goes on where it was, and the next one starts anew', async () => {
  let failures = 1;
  const { scrub, verified } = createScene((checksum) => {
    if (checksum === checksums[2] && failures-- > 0) throw new Error('too many open files');
    return { kind: 'sound' };
  });
  await expect(scrub.run()).rejects.toThrow('too many open files');
  expect(await scrub.run()).toMatchObject({ archives: 4, bytes: 20_000_000 });
  expect(verified).toEqual([...checksums.slice(0, 3), ...checksums.slice(2)]);
  await scrub.run();
  expect(verified).toHaveLength(9);
});

test('an abort ends a pass at once', async () => {
  const { scrub, verified } = createScene();
  await expect(scrub.run(AbortSignal.abort(new Error('stopping')))).rejects.toThrow('stopping');
  expect(verified).toHaveLength(1);
});
