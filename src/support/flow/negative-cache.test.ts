import { expect, test } from 'vitest';
import { createManualClock } from './monotonic-clock.fixture.ts';
import { createNegativeCache } from './negative-cache.ts';

test('what is not there is remembered for a while, and no longer', async () => {
  const clock = createManualClock();
  const cache = createNegativeCache(clock);
  cache.ask('a').remember('HTTP 404');
  await clock.advance(44_999);
  expect(cache.find('a')).toBe('HTTP 404');
  await clock.advance(2);
  expect(cache.find('a')).toBeUndefined();
});

test('an answer to a question asked before the cache was cleared is not kept', () => {
  const cache = createNegativeCache(createManualClock());
  cache.ask('kept').remember('no');
  const question = cache.ask('a');
  cache.clear();
  question.remember('no');
  expect([cache.find('a'), cache.find('kept')]).toEqual([undefined, undefined]);
  cache.ask('a').remember('still not');
  expect(cache.find('a')).toBe('still not');
});

test('it is bounded: what was not asked for longest goes first', () => {
  const cache = createNegativeCache(createManualClock(), 2);
  for (const key of ['a', 'b']) cache.ask(key).remember(key);
  cache.find('a');
  cache.ask('c').remember('c');
  expect(['a', 'b', 'c'].map(cache.find)).toEqual(['a', undefined, 'c']);
});
