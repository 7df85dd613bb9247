/** Whatever one source sends, over all its channels: the others' news is served, and nothing that was served changes. */
import { expect, test } from 'vitest';
import { fastDirectory } from '../faults/fast-directory.ts';
import { liveOnce } from './campaign.ts';

const root = fastDirectory();
/** For this test; `npm run test:hostile` sets more. */
const seconds = Number(process.env.HOSTILE_SECONDS ?? 5);
/** One life only. */
const chosen = process.env.HOSTILE_SEED;

test('a hostile source stops, starves and robs nobody, and leaves nothing behind', {
  timeout: seconds * 1000 + 300_000,
}, async () => {
  const until = performance.now() + seconds * 1000;
  const hasTime = () => chosen !== undefined || performance.now() < until;
  const mayBeSlow = seconds >= 60;
  const tell = mayBeSlow ? console.log : undefined;
  const done: string[] = [];
  let seed = Number(chosen ?? Math.floor(Math.random() * 1e9));
  do {
    done.push(...(await liveOnce({ root, seed, mayBeSlow, hasTime, ...(tell && { tell }) })));
    seed++;
  } while (chosen === undefined && hasTime());
  expect(done.length).toBeGreaterThan(0);
});
