import { describe, expect, test } from 'vitest';
import { createFairQueue, createFairTurns } from './fair-queue.ts';

const stays = new AbortController().signal;

/** A queue in which what is done is noted, and ends when it is told to. */
function createWatched(atOnce: number, waiting: number) {
  const queue = createFairQueue({ atOnce, waiting });
  const begun: string[] = [];
  const refused: string[] = [];
  const places: (() => void)[] = [];
  const ask = (name: string, signal = stays) =>
    queue.enter(name.replace(/\d+$/, ''), signal, name).then((place) => {
      (place ? begun : refused).push(name);
      if (place) places.push(place);
    });
  const finish = async () => {
    places.shift()?.();
    await settle();
  };
  return { queue, begun, refused, ask, finish };
}

/** All that is decided already has been told. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

function many(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, position) => `${name}${position}`);
}

describe('a queue', () => {
  test('gives each client its turn, however many another one waits for', async () => {
    const { begun, ask, finish } = createWatched(1, 100);
    for (const name of [...many('greedy', 5), 'a0', 'b0', 'a1']) void ask(name);
    for (let turn = 0; turn < 8; turn++) await finish();
    expect(begun).toEqual(['greedy0', 'greedy1', 'a0', 'b0', 'greedy2', 'a1', 'greedy3', 'greedy4']);
  });

  test('that is full takes a place from whoever has most, and gives it to whoever has less', async () => {
    const { queue, begun, refused, ask, finish } = createWatched(1, 4);
    for (const name of many('greedy', 7)) void ask(name);
    await settle();
    expect(refused).toEqual(['greedy5', 'greedy6']);
    for (const name of ['a0', 'b0', 'c0']) void ask(name);
    await settle();
    // The latest go; and where all have the same, there is no room.
    expect(refused.slice(2)).toEqual(['greedy4', 'greedy3', 'greedy2']);
    void ask('d0');
    await settle();
    expect([refused.at(-1), queue.counts()]).toEqual(['d0', { running: 1, waiting: 4 }]);
    for (let turn = 0; turn < 5; turn++) await finish();
    expect(begun).toEqual(['greedy0', 'greedy1', 'a0', 'b0', 'c0']);
    expect(queue.counts()).toEqual({ running: 0, waiting: 0 });
  });

  test('belongs as a whole to a client that is alone', async () => {
    const { queue, refused, ask } = createWatched(2, 50);
    for (const name of many('only', 53)) void ask(name);
    await settle();
    expect([refused, queue.counts()]).toEqual([['only52'], { running: 2, waiting: 50 }]);
  });

  test('does what several want when it is the turn of any of them, and takes it from none', async () => {
    const { queue, begun, refused, ask, finish } = createWatched(1, 3);
    for (const name of many('greedy', 4)) void ask(name);
    queue.join('greedy3', 'a');
    queue.join('greedy0', 'a');
    void ask('b0');
    await settle();
    expect(refused).toEqual(['greedy2']);
    await finish();
    await finish();
    expect(begun).toEqual(['greedy0', 'greedy1', 'greedy3']);
    await finish();
    await finish();
    expect([begun.at(-1), queue.counts()]).toEqual(['b0', { running: 0, waiting: 0 }]);
  });

  test('forgets who leaves', async () => {
    const { queue, begun, ask, finish } = createWatched(1, 1);
    const leaving = new AbortController();
    void ask('first0');
    const left = ask('leaving0', leaving.signal);
    leaving.abort(new Error('left'));
    await expect(left).rejects.toThrow('left');
    expect(queue.counts()).toEqual({ running: 1, waiting: 0 });
    void ask('next0');
    await finish();
    expect(begun).toEqual(['first0', 'next0']);
  });

  test('takes a place that is given back twice for one', async () => {
    const queue = createFairQueue({ atOnce: 1, waiting: 0 });
    const leave = await queue.enter('a', stays);
    leave?.();
    leave?.();
    await queue.enter('a', stays);
    expect(await queue.enter('b', stays)).toBeUndefined();
  });
});

test('a turn whose work fails is over, and tells why', async () => {
  const turns = createFairTurns(1);
  const failing = turns.run('a', () => Promise.reject(new Error('no')));
  const next = turns.run('a', async () => 'yes');
  await expect(failing).rejects.toThrow('no');
  expect(await next).toBe('yes');
  expect(await turns.run('b', async () => 'again')).toBe('again');
});
