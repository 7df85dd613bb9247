import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createStateTimeline } from './state-timeline.ts';

const idOf = (position: number) => position.toString(16).padStart(4, '0').padEnd(40, 'a');

function timelineOf(seconds: readonly number[]) {
  const timeline = createStateTimeline();
  for (const [position, time] of seconds.entries()) timeline.append(idOf(position), time);
  return timeline;
}

describe('which state was in force', () => {
  test('the last one of that second, and none before the first', () => {
    const timeline = timelineOf([100, 100, 200]);
    expect([99, 100, 150, 199, 200, 1e9].map(timeline.inForceAt)).toEqual([-1, 1, 1, 1, 2, 2]);
    expect(timeline.idAt(2)).toBe(idOf(2));
    expect(createStateTimeline().inForceAt(5)).toBe(-1);
  });

  test('what was decided while the clock was set back counts as of the latest moment before', () => {
    const timeline = timelineOf([100, 200, 50, 150, 300]);
    expect([100, 160, 199, 200, 299, 300].map(timeline.inForceAt)).toEqual([0, 0, 0, 3, 3, 4]);
    expect([0, 1, 2, 3, 4].map(timeline.secondsAt)).toEqual([100, 200, 200, 200, 300]);
  });

  test('whatever comes later, a moment before the latest one written down names the same state for ever', () => {
    const times = fc.array(fc.integer({ min: 0, max: 500 }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(times, times, fc.integer({ min: 0, max: 500 }), (before, later, moment) => {
        const known = timelineOf(before);
        fc.pre(moment < known.secondsAt(known.count - 1));
        expect(timelineOf([...before, ...later]).inForceAt(moment)).toBe(known.inForceAt(moment));
      }),
    );
  });
});

test('ids are found by how they begin, two of several', () => {
  const timeline = timelineOf(Array.from({ length: 300 }, (_, position) => position));
  expect(timeline.startingWith(idOf(299))).toEqual([299]);
  expect(timeline.startingWith(idOf(16).slice(0, 7))).toEqual([16]);
  expect(timeline.startingWith('001')).toEqual([16, 17]);
  expect(timeline.startingWith('ffffffff')).toEqual([]);
});
