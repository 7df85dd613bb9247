/** What was served in the past, found again: states, explanations, and the index at its dated addresses. */
import { describe, expect, test } from 'vitest';
import { formatExplanation } from '../src/cli/commands/explain.ts';
import { parseWhen } from '../src/model/when.ts';
import type { Registry } from '../src/registry/registry.ts';
import type { PastState } from '../src/registry/sync/past-states.ts';
import { createRegistry, moduleName, version } from './support/registry-world.ts';
import { startUpstream } from './support/worlds.ts';

/** A registry whose clock a test sets, with what its public source has at each moment. */
async function world(published: readonly string[] = ['alice/json@1.0.0']) {
  let now = new Date('2026-11-20T08:00:00Z');
  const upstream = await startUpstream(published);
  const registry = await createRegistry({ sources: [{ name: 'public', upstream }], now: () => now });
  return {
    registry,
    setClock(time: string) {
      now = new Date(time);
    },
    /** The public source gets a version, which this registry reads at that time. */
    async syncAt(time: string, id?: string) {
      now = new Date(time);
      if (id !== undefined) await upstream.publish(id);
      await registry.sync();
      return registry.stateCommit();
    },
  };
}

async function find(registry: Registry, text: string) {
  const when = parseWhen(text);
  if (!when) throw new TypeError(text);
  const found = await registry.findState(when);
  return found.kind === 'found' ? found.state.commit : found.reason;
}

async function stateAt(registry: Registry, text: string): Promise<PastState> {
  const when = parseWhen(text);
  const found = when && (await registry.findState(when));
  if (found?.kind !== 'found') throw new TypeError(text);
  return found.state;
}

describe('states of the past', () => {
  test('a day is its end, a moment itself; neither is answered before it is over, nor before anything was served', async () => {
    const { registry, syncAt, setClock } = await world();
    expect(await find(registry, '2026-11-19')).toBe('before-first');
    const first = await syncAt('2026-11-20T09:00:00Z');
    const second = await syncAt('2026-11-20T10:00:00Z', 'alice/json@1.1.0');
    const third = await syncAt('2026-11-22T10:00:00Z', 'alice/json@1.2.0');
    setClock('2026-11-23T12:00:00Z');
    expect(await find(registry, '2026-11-20')).toBe(second);
    expect(await find(registry, '2026-11-21')).toBe(second);
    expect(await find(registry, '2026-11-22')).toBe(third);
    expect(await find(registry, '2026-11-20T09:59:59Z')).toBe(first);
    expect(await find(registry, '2026-11-23')).toBe('not-over');
    expect(await find(registry, '2026-11-20T08:30:00Z')).toBe('before-first');
    expect(await find(registry, first.slice(0, 10))).toBe(first);
    expect(await find(registry, await registry.servedCommit())).toBe('unknown-state');
    const states = await registry.newestStates(100);
    expect(states.slice(0, 3).map(({ commit }) => commit)).toEqual([third, second, first]);
    expect(states.at(-1)?.summary).toBe('Start with an empty registry');
    expect(states[1]).toMatchObject({ since: '2026-11-20T10:00:00Z', until: '2026-11-22T10:00:00Z' });
  });

  test('what a moment means stays while the clock is set back and later states come', async () => {
    const { registry, syncAt, setClock } = await world();
    const first = await syncAt('2026-11-20T09:00:00Z');
    await syncAt('2026-11-21T09:00:00Z', 'alice/json@1.1.0');
    const third = await syncAt('2026-11-20T12:00:00Z', 'alice/json@1.2.0');
    expect(await find(registry, third)).toBe(third);
    await syncAt('2026-11-22T09:00:00Z', 'alice/json@1.3.0');
    setClock('2026-11-23T09:00:00Z');
    expect(await find(registry, '2026-11-20')).toBe(first);
    expect(await find(registry, '2026-11-21')).toBe(third);
  });
});

describe('explaining the past', () => {
  test('tells what was served then, from where, and what has become of it', async () => {
    const { registry, syncAt, setClock } = await world();
    await syncAt('2026-11-20T09:00:00Z');
    await syncAt('2026-11-21T09:00:00Z', 'alice/json@1.1.0');
    const [module, then, later] = [moduleName('alice/json'), version('1.0.0'), version('1.1.0')];
    setClock('2026-11-22T09:00:00Z');
    const state = await stateAt(registry, '2026-11-20');
    const past = await registry.explainPast(module, then, state);
    expect(past).toMatchObject({
      ...{ isServed: true, origin: 'public', rule: 'as-recorded', versions: ['1.0.0'] },
      sources: [{ source: 'public', listing: 'listed', versions: ['1.0.0'] }],
      pin: { firstSeen: '2026-11-20T09:00:00.000Z', source: 'public' },
      state: { commit: state.commit, since: '2026-11-20T09:00:00Z', until: '2026-11-21T09:00:00Z' },
      today: { isServed: true, isSame: true, blocks: [] },
    });
    expect(past.today.checksum).toBe(past.pin?.checksum);
    expect(formatExplanation(past)).toContain('it was recorded for source "public" then');
    expect(await registry.explainPast(module, later, state)).toMatchObject({
      ...{ isServed: false, versions: ['1.0.0'] },
      today: { isServed: true },
    });

    await registry.ruleOnBlock({ action: 'block', module, version: then, reason: 'it leaks' });
    expect(await registry.explainPast(module, then, state)).toMatchObject({
      ...{ isServed: true, blocks: [] },
      today: { isServed: false, blocks: [{ reason: 'it leaks' }] },
    });
  });
});
