import { describe, expect, test } from 'vitest';
import { createSingleFlight } from './single-flight.ts';

function deferred<T>() {
  let resolve: (value: T) => void = () => {};
  let reject: (reason: unknown) => void = () => {};
  const promise = new Promise<T>((onValue, onFailure) => {
    resolve = onValue;
    reject = onFailure;
  });
  return { promise, resolve, reject };
}

describe('createSingleFlight', () => {
  test('callers of one key share one call and its value', async () => {
    const flight = createSingleFlight<string, object>();
    const gate = deferred<object>();
    let calls = 0;
    const work = () => {
      calls++;
      return gate.promise;
    };
    const answers = [flight.run('a', work), flight.run('a', work), flight.run('a', work)];
    expect(flight.size).toBe(1);
    const value = {};
    gate.resolve(value);
    for (const answer of await Promise.all(answers)) expect(answer).toBe(value);
    expect(calls).toBe(1);
  });

  test('different keys do not wait for each other', async () => {
    const flight = createSingleFlight<string, number>();
    const gate = deferred<number>();
    const slow = flight.run('slow', () => gate.promise);
    expect(await flight.run('fast', async () => 2)).toBe(2);
    gate.resolve(1);
    expect(await slow).toBe(1);
  });

  test('all callers share a failure, and the next call starts afresh', async () => {
    const flight = createSingleFlight<string, number>();
    const gate = deferred<number>();
    const answers = [flight.run('a', () => gate.promise), flight.run('a', async () => 7)];
    gate.reject(new Error('broken'));
    expect((await Promise.allSettled(answers)).map((answer) => answer.status)).toEqual([
      'rejected',
      'rejected',
    ]);
    expect(flight.size).toBe(0);
    expect(await flight.run('a', async () => 8)).toBe(8);
  });

  test('the key is free as soon as a caller sees the value', async () => {
    const flight = createSingleFlight<string, number>();
    expect(await flight.run('a', async () => 1)).toBe(1);
    expect(await flight.run('a', async () => 2)).toBe(2);
  });

  test('a synchronous throw is a failure like any other', async () => {
    const flight = createSingleFlight<string, number>();
    const work = (): Promise<number> => {
      throw new Error('at once');
    };
    await expect(flight.run('a', work)).rejects.toThrow('at once');
    expect(flight.size).toBe(0);
  });
});
