import { expect, test } from 'vitest';
import { createFairTurns } from './fair-turns.ts';
import { settled } from './monotonic-clock.fixture.ts';

function createWorld(count: number) {
  const turns = createFairTurns(count);
  const started: string[] = [];
  const endings = new Map<string, () => void>();
  return {
    started,
    begin: (key: string, name: string) =>
      turns.run(key, () => {
        started.push(name);
        return new Promise<void>((resolve) => {
          endings.set(name, resolve);
        });
      }),
    async end(name: string) {
      endings.get(name)?.();
      await settled();
    },
  };
}

test('many of one key keep one of another waiting for a single turn', async () => {
  const world = createWorld(2);
  for (let i = 0; i < 100; i++) void world.begin('bob', `bob${i}`);
  void world.begin('alice', 'alice0');
  void world.begin('alice', 'alice1');
  await settled();
  for (const name of ['bob0', 'bob1', 'bob2', 'alice0']) await world.end(name);
  expect(world.started).toEqual(['bob0', 'bob1', 'bob2', 'alice0', 'bob3', 'alice1']);
});

test('work that fails gives its place back, and tells why', async () => {
  const turns = createFairTurns(1);
  const failing = turns.run('a', () => Promise.reject(new Error('no')));
  const next = turns.run('a', async () => 'yes');
  await expect(failing).rejects.toThrow('no');
  expect(await next).toBe('yes');
  expect(await turns.run('b', async () => 'again')).toBe('again');
});
