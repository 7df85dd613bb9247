import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CircuitBreaker, createCircuitBreaker, type Pass } from './circuit-breaker.ts';

function createWorld(random = () => 0) {
  let now = 500;
  const breaker = createCircuitBreaker({ now: () => now, random });
  return {
    breaker,
    advance(ms: number) {
      now += ms;
    },
  };
}

function pass(breaker: CircuitBreaker): Pass {
  const admission = breaker.admit();
  if ('waitMs' in admission) throw new Error(`refused for ${admission.waitMs} ms`);
  return admission;
}

function isRefused(breaker: CircuitBreaker): boolean {
  return 'waitMs' in breaker.admit();
}

function openBy(breaker: CircuitBreaker, failures: number): void {
  for (let i = 0; i < failures; i++) pass(breaker).failed();
}

describe('a breaker', () => {
  test('opens at the fifth failure in a row, and says for how long', () => {
    const { breaker, advance } = createWorld();
    openBy(breaker, 4);
    expect(breaker.waitMs()).toBe(0);
    pass(breaker).failed();
    expect(breaker.admit()).toEqual({ waitMs: 30_000 });
    advance(29_999);
    expect(breaker.admit()).toEqual({ waitMs: 1 });
  });

  test('counts anew after an answer', () => {
    const { breaker } = createWorld();
    openBy(breaker, 4);
    pass(breaker).answered();
    openBy(breaker, 4);
    expect(isRefused(breaker)).toBe(false);
  });

  test('opens at once at a decisive failure', () => {
    const { breaker } = createWorld();
    pass(breaker).failed(true);
    expect(isRefused(breaker)).toBe(true);
  });

  test('lets one probe through when its pause is over, and closes when that is answered', () => {
    const { breaker, advance } = createWorld();
    openBy(breaker, 5);
    advance(30_000);
    const probe = pass(breaker);
    expect(isRefused(breaker)).toBe(true);
    probe.answered();
    expect(isRefused(breaker)).toBe(false);
    openBy(breaker, 4);
    expect(isRefused(breaker)).toBe(false);
  });

  test('pauses for longer after each probe that fails, five minutes at most', () => {
    const { breaker, advance } = createWorld();
    openBy(breaker, 5);
    const pauses = [1, 2, 3, 4, 5].map(() => {
      advance(breaker.waitMs());
      pass(breaker).failed();
      return breaker.waitMs();
    });
    expect(pauses).toEqual([60_000, 120_000, 240_000, 300_000, 300_000]);
  });

  test('a pause is up to a quarter shorter, by chance', () => {
    const { breaker } = createWorld(() => 0.999);
    openBy(breaker, 5);
    expect(breaker.waitMs()).toBeGreaterThanOrEqual(22_500);
    expect(breaker.waitMs()).toBeLessThan(22_600);
  });

  test('a probe that never tells holds nobody up for longer than a pause', () => {
    const { breaker, advance } = createWorld();
    openBy(breaker, 5);
    advance(30_000);
    const silent = pass(breaker);
    advance(29_999);
    expect(isRefused(breaker)).toBe(true);
    advance(1);
    const second = pass(breaker);
    silent.failed();
    expect(breaker.waitMs()).toBe(30_000);
    second.answered();
    expect(breaker.waitMs()).toBe(0);
  });

  test('calls that were under way when it opened make the pause no longer, and cannot open it again', () => {
    const { breaker, advance } = createWorld();
    const slow = Array.from({ length: 32 }, () => pass(breaker));
    openBy(breaker, 5);
    for (const one of slow.slice(0, 16)) one.failed(true);
    expect(breaker.waitMs()).toBe(30_000);
    advance(30_000);
    pass(breaker).answered();
    for (const one of slow.slice(16)) one.failed(true);
    expect(isRefused(breaker)).toBe(false);
  });

  test('a call made anyway counts: its answer closes, its failure does not prolong', () => {
    const { breaker } = createWorld();
    breaker.admitAnyway().failed(true);
    expect(breaker.waitMs()).toBe(30_000);
    breaker.admitAnyway().failed();
    expect(breaker.waitMs()).toBe(30_000);
    breaker.admitAnyway().answered();
    expect(breaker.waitMs()).toBe(0);
  });
});

describe('whatever happens', () => {
  const steps = fc.array(
    fc.oneof(
      { weight: 4, arbitrary: fc.record({ do: fc.constant('call' as const) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('answer' as const), which: fc.nat() }) },
      {
        weight: 6,
        arbitrary: fc.record({ do: fc.constant('fail' as const), which: fc.nat(), isDecisive: fc.boolean() }),
      },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('forget' as const), which: fc.nat() }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(400_000) }) },
    ),
    { maxLength: 200 },
  );
  const chance = fc.double({ min: 0, max: 0.999, noNaN: true });

  test('there is one probe a pause at most, and it never stays shut', () => {
    fc.assert(
      fc.property(steps, chance, (run, random) => {
        const { breaker, advance } = createWorld(() => random);
        const underWay: Pass[] = [];
        let isOpen = false;
        for (const step of run) {
          if (step.do === 'wait') advance(step.ms);
          else if (step.do === 'call') {
            const mayPass = breaker.waitMs() === 0;
            const admission = breaker.admit();
            expect('waitMs' in admission).toBe(!mayPass);
            if ('waitMs' in admission) continue;
            underWay.push(admission);
            // A probe went: until it tells, or its pause is over, there is no second one.
            if (isOpen) expect(isRefused(breaker)).toBe(true);
            if (isOpen) expect(breaker.waitMs()).toBeGreaterThanOrEqual(22_500);
          } else {
            const [one] = underWay.splice(step.which % Math.max(1, underWay.length), 1);
            if (step.do === 'answer') one?.answered();
            if (step.do === 'answer' && one) expect(breaker.waitMs()).toBe(0);
            if (step.do === 'fail') one?.failed(step.isDecisive);
          }
          if (step.do === 'fail' || step.do === 'answer')
            isOpen = breaker.waitMs() > 0 || (isOpen && step.do === 'fail');
          expect(breaker.waitMs()).toBeLessThanOrEqual(300_000);
        }
        advance(300_000);
        expect(isRefused(breaker)).toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  test('it opens only after five failures in a row, or a decisive one', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 40 }), (answers) => {
        const { breaker } = createWorld();
        let inARow = 0;
        for (const isAnswer of answers) {
          const one = pass(breaker);
          inARow = isAnswer ? 0 : inARow + 1;
          if (isAnswer) one.answered();
          else one.failed();
          expect(breaker.waitMs() > 0).toBe(inARow === 5);
          if (inARow === 5) return;
        }
      }),
    );
  });
});
