import { describe, expect, test } from 'vitest';
import { absent, found, type Lookup } from '../../model/lookup.ts';
import { settled } from '../../support/flow/monotonic-clock.fixture.ts';
import { askSuppliers } from './ask-suppliers.ts';

interface Asked {
  readonly supplier: string;
  readonly tellSlow: () => void;
  readonly signal: AbortSignal;
  answer(outcome: Lookup<string>): void;
  fail(error: Error): void;
}

/** Suppliers that answer when they are told to. */
function createWorld(names: readonly string[], signal?: AbortSignal) {
  const asked: Asked[] = [];
  const answers = askSuppliers<string, string>({
    suppliers: (async function* () {
      yield* names;
      return undefined;
    })(),
    ask: (supplier, tellSlow, linked) =>
      new Promise((resolve, reject) => {
        asked.push({ supplier, tellSlow, signal: linked, answer: resolve, fail: reject });
        linked.addEventListener('abort', () => reject(linked.reason));
      }),
    signal,
  });
  answers.catch(() => {});
  return {
    answers,
    names: () => asked.map(({ supplier }) => supplier),
    of(name: string): Asked {
      const one = asked.find(({ supplier }) => supplier === name);
      if (!one) throw new Error(`${name} was not asked`);
      return one;
    },
  };
}

describe('suppliers', () => {
  test('are asked one after the other until one has it', async () => {
    const { answers, names, of } = createWorld(['a', 'b', 'c']);
    await settled();
    expect(names()).toEqual(['a']);
    of('a').answer(absent('not here'));
    await settled();
    expect(names()).toEqual(['a', 'b']);
    of('b').answer(found('b'));
    expect(await answers).toEqual({
      found: 'b',
      failures: [{ supplier: 'a', outcome: absent('not here') }],
    });
    expect(names()).toEqual(['a', 'b']);
  });

  test('that are slow are joined by the next, and the first that has it stops the others', async () => {
    const { answers, names, of } = createWorld(['a', 'b', 'c']);
    await settled();
    of('a').tellSlow();
    await settled();
    expect(names()).toEqual(['a', 'b']);
    of('b').answer(found('b'));
    expect(await answers).toEqual({ found: 'b', failures: [] });
    expect(of('a').signal.aborted).toBe(true);
  });

  test('that are slow win all the same where the others fail', async () => {
    const { answers, of } = createWorld(['a', 'b']);
    await settled();
    of('a').tellSlow();
    await settled();
    of('b').answer(absent('not here'));
    await settled();
    of('a').answer(found('a'));
    expect((await answers).found).toBe('a');
  });

  test('are never asked more than three at a time', async () => {
    const { answers, names, of } = createWorld(['a', 'b', 'c', 'd']);
    await settled();
    for (let i = 0; i < 10; i++) {
      of('a').tellSlow();
      await settled();
    }
    expect(names()).toEqual(['a', 'b', 'c']);
    of('b').answer(absent('no'));
    await settled();
    expect(names()).toEqual(['a', 'b', 'c', 'd']);
    for (const name of ['a', 'c', 'd']) of(name).answer(absent('no'));
    expect((await answers).failures.map(({ supplier }) => supplier)).toEqual(['b', 'a', 'c', 'd']);
  });

  test('of which there are none give nothing', async () => {
    expect(await createWorld([]).answers).toEqual({ found: undefined, failures: [] });
  });

  test('are stopped when one throws, which is told', async () => {
    const { answers, of } = createWorld(['a', 'b']);
    await settled();
    of('a').tellSlow();
    await settled();
    of('b').fail(new Error('the disk is full'));
    await expect(answers).rejects.toThrow('the disk is full');
    expect(of('a').signal.aborted).toBe(true);
  });

  test('are stopped when nobody waits any more', async () => {
    const leaving = new AbortController();
    const { answers, names, of } = createWorld(['a', 'b'], leaving.signal);
    await settled();
    leaving.abort(new Error('gone'));
    await expect(answers).rejects.toThrow('gone');
    expect(of('a').signal.aborted).toBe(true);
    expect(names()).toEqual(['a']);
  });
});
