import { describe, expect, test } from 'vitest';
import { createStateTimeline } from '../../index/state-timeline.ts';
import { parseWhen } from '../../model/when.ts';
import { chooseState } from './choose-state.ts';

const seconds = (time: string) => Date.parse(time) / 1000;

const states = [
  ['aaaaaaa0', '2026-11-20T08:00:00Z'],
  ['bbbbbbb0', '2026-11-20T08:00:05Z'],
  ['bbbbbbb1', '2026-11-26T23:59:59Z'],
  ['ccccccc0', '2026-11-27T00:00:00Z'],
] as const;

function choose(text: string, { now = '2026-11-28T12:00:00Z', hasServed = true } = {}) {
  const timeline = createStateTimeline();
  for (const [id, time] of states) timeline.append(id.padEnd(40, '0'), seconds(time));
  const when = parseWhen(text);
  if (!when) throw new TypeError(text);
  const chosen = chooseState(when, { timeline, first: hasServed ? 1 : undefined, nowSeconds: seconds(now) });
  return chosen.kind === 'chosen' ? chosen.position : chosen;
}

describe('which state a moment means', () => {
  test.each([
    ['2026-11-26', 2],
    ['2026-11-27', 3],
    ['2026-11-20', 1],
    ['2026-11-20T08:00:05Z', 1],
    ['2026-11-26T23:59:58Z', 1],
    ['2026-11-28T11:58:59Z', 3],
    ['ccccccc', 3],
    ['bbbbbbb1', 2],
  ])('%s: the last state that counts by then', (text, position) => expect(choose(text)).toBe(position));

  test.each([
    ['2026-11-28', '2026-11-28T12:00:00Z'],
    ['2026-11-29', '2026-11-28T12:00:00Z'],
    ['2026-11-27', '2026-11-28T00:00:30Z'],
    ['2026-11-28T11:59:30Z', '2026-11-28T12:00:00Z'],
    ['2999-01-01', '2026-11-28T12:00:00Z'],
  ])('%s is not over at %s', (text, now) =>
    expect(choose(text, { now })).toMatchObject({
      ...{ reason: 'not-over', instead: expect.stringMatching(/^2026-11-2[67]$/) },
      detail: expect.stringContaining(`${text} is not over (UTC)`),
    }),
  );

  test('a day that has just ended is answered a minute later', () =>
    expect(choose('2026-11-27', { now: '2026-11-28T00:01:00Z' })).toBe(3));

  test.each(['2026-11-19', '2026-11-20T08:00:04Z', 'aaaaaaa', '1970-01-01'])(
    'nothing was served at %s',
    (text) =>
      expect(choose(text)).toMatchObject({
        ...{ reason: 'before-first', instead: '2026-11-20' },
        detail: expect.stringContaining('the first date is 2026-11-20 (2026-11-20T08:00:05Z)'),
      }),
  );

  test('where nothing was ever served, there is no date', () =>
    expect(choose('2026-11-27', { hasServed: false })).toMatchObject({
      reason: 'before-first',
      instead: undefined,
    }));

  test('on its first day, a registry has no day that is over: what is told instead is a state', () => {
    const now = '2026-11-20T12:00:00Z';
    expect(choose('2026-11-20', { now })).toMatchObject({ reason: 'not-over', instead: 'ccccccc00000' });
    expect(choose('2026-11-19', { now })).toMatchObject({ reason: 'before-first', instead: 'bbbbbbb00000' });
    expect(choose('2026-11-21', { now: '2026-11-21T00:01:00Z' })).toMatchObject({ instead: '2026-11-20' });
    expect(choose('2026-11-21', { now: '2026-11-21T00:00:59Z' })).toMatchObject({ instead: 'ccccccc00000' });
  });

  test('an id that nobody knows, and one that is several', () => {
    expect(choose('ddddddd')).toMatchObject({ reason: 'unknown-state' });
    expect(choose('bbbbbbb')).toMatchObject({ reason: 'ambiguous-state' });
  });
});
