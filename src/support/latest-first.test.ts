import { expect, test } from 'vitest';
import { createLatestFirst } from './latest-first.ts';

/** Works that begin when they are let in, and end when the test says so. */
function createWorks(count: number) {
  const run = createLatestFirst(count);
  const begun: string[] = [];
  const ends = new Map<string, (error?: Error) => void>();
  const add = (name: string) =>
    run(() => {
      begun.push(name);
      return new Promise<string>((resolve, reject) => {
        ends.set(name, (error) => (error ? reject(error) : resolve(name)));
      });
    });
  return { begun, add, end: (name: string, error?: Error) => ends.get(name)?.(error) };
}

test('so many works run at a time, and of the others the last one to come is the next', async () => {
  const { begun, add, end } = createWorks(2);
  const all = ['a', 'b', 'c', 'd', 'e'].map(add);
  expect(begun).toEqual(['a', 'b']);
  end('b');
  await expect.poll(() => begun).toEqual(['a', 'b', 'e']);
  all.push(add('f'));
  end('a');
  await expect.poll(() => begun).toEqual(['a', 'b', 'e', 'f']);
  for (const name of ['e', 'f']) end(name);
  await expect.poll(() => begun).toEqual(['a', 'b', 'e', 'f', 'd', 'c']);
  for (const name of ['c', 'd']) end(name);
  expect(await Promise.all(all)).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
});

test('a work that fails makes room for the next, and fails alone', async () => {
  const { begun, add, end } = createWorks(1);
  const first = add('a');
  const second = add('b');
  end('a', new Error('of a'));
  await expect(first).rejects.toThrow('of a');
  await expect.poll(() => begun).toEqual(['a', 'b']);
  end('b');
  expect(await second).toBe('b');
});
