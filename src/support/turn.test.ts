import { expect, test } from 'vitest';
import { createEndOfTurn } from './turn.ts';

const endOfTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

test('work of one turn is done together and in order, and not before the turn is over', async () => {
  const later = createEndOfTurn();
  const done: string[] = [];
  later(() => done.push('first'));
  await Promise.resolve();
  later(() => done.push('second'));
  expect(done).toEqual([]);
  await endOfTurn();
  expect(done).toEqual(['first', 'second']);
});

test('work given while work is done is for the next turn', async () => {
  const later = createEndOfTurn();
  const done: string[] = [];
  later(() => {
    done.push('first');
    later(() => done.push('second'));
  });
  await endOfTurn();
  expect(done).toEqual(['first']);
  await endOfTurn();
  expect(done).toEqual(['first', 'second']);
});
