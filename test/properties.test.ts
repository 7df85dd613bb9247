/** The ten rules on long random histories: what must hold whatever upstreams, networks and operators do. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  applyPlans,
  createMiniSource,
  createMiniWorld,
  formatLine,
  type MiniPlan,
  type MiniSource,
  type MiniWorld,
  planWorld,
  readSources,
  servedLines,
} from './support/mini-world.ts';

const modules = ['company/tool', 'org/json', 'org/json/fast'];
const versions = ['1.0.0', '1.0.0+1', '2.0.0-rc'];
// Few contents, so that sources often agree about a version, and often do not.
const checksums = ['a', 'b', 'c'].map((digit) => digit.repeat(64));
const patterns = ['company/*', 'org/*', '*/json', '*'];

const source = fc.nat(3);
const module = fc.constantFrom(...modules);
const version = fc.constantFrom(...versions);
const checksum = fc.constantFrom(...checksums);
const priority = fc.integer({ min: 1, max: 5 });
const pattern = fc.constantFrom(...patterns);

type Event = (world: MiniWorld) => void;

/** An event that happens to a source, shown by its name in a counterexample. */
function event<T extends readonly unknown[]>(
  name: string,
  values: fc.Arbitrary<T>,
  happen: (world: MiniWorld, ...values: T) => void,
): fc.Arbitrary<Event> {
  return values.map((drawn) =>
    Object.assign((world: MiniWorld) => happen(world, ...drawn), {
      [fc.toStringMethod]: () => `${name}(${drawn.join(', ')})`,
    }),
  );
}

const change = (name: string, alter: (source: MiniSource) => void) =>
  event(name, fc.tuple(source), (world, position) => {
    const chosen = world.sources[position];
    if (chosen) alter(chosen);
  });

const publish = event(
  'publish',
  fc.tuple(source, module, version, checksum),
  (world, position, name, stated, sum) => {
    const chosen = world.sources[position];
    if (!chosen) return;
    const line = formatLine(stated, sum, chosen.name);
    const lines = chosen.upstream.get(name) ?? [];
    chosen.upstream.set(name, [...lines.filter((other) => !other.includes(`"${stated}"`)), line]);
  },
);

const publishTwice = event(
  'publish beside the old line',
  fc.tuple(source, module, version, checksum),
  (world, position, name, stated, sum) => {
    const chosen = world.sources[position];
    const lines = chosen?.upstream.get(name) ?? [];
    chosen?.upstream.set(name, [...lines, formatLine(stated, sum, chosen.name)]);
  },
);

const spoil = event('spoil', fc.tuple(source, module), (world, position, name) => {
  const chosen = world.sources[position];
  chosen?.upstream.set(name, ['{', ...(chosen.upstream.get(name) ?? []), '']);
});

const removeLine = event('remove a line', fc.tuple(source, module), (world, position, name) => {
  const chosen = world.sources[position];
  chosen?.upstream.set(name, (chosen.upstream.get(name) ?? []).slice(1));
});

const removeModule = event('remove a module', fc.tuple(source, module), (world, position, name) => {
  world.sources[position]?.upstream.delete(name);
});

const addSource = event(
  'add a source',
  fc.tuple(priority, fc.boolean(), checksum),
  (world, number, isDown, sum) => {
    if (world.sources.length > 3) return;
    const added = { ...createMiniSource(`s${world.sources.length}`, number), isDown };
    for (const name of modules) added.upstream.set(name, [formatLine('1.0.0', sum, added.name)]);
    world.sources.push(added);
  },
);

const claim = event('claim', fc.tuple(source, pattern), (world, position, claimed) => {
  const chosen = world.sources[position];
  // Two claims on one name are refused before anything is saved; `*/json` meets both others.
  const isFree = world.sources.every((other) => !other.isConfigured || other.namespaces.length === 0);
  if (chosen?.isConfigured && isFree) chosen.namespaces = [claimed];
});

const setPriority = event('set the priority', fc.tuple(source, priority), (world, position, number) => {
  const chosen = world.sources[position];
  if (chosen?.isConfigured) chosen.priority = number;
});

const limit = event('limit', fc.tuple(source, pattern, fc.boolean()), (world, position, text, excludes) => {
  const chosen = world.sources[position];
  if (chosen) chosen[excludes ? 'exclude' : 'include'] = [text];
});

const cache = event('cache', fc.tuple(checksum), (world, sum) => void world.cached.add(sum));
const fallBack = event('fall back', fc.tuple(fc.boolean()), (world, isOn) => {
  world.upstreamFallback = isOn;
});

const anyEvent = fc.oneof(
  { weight: 8, arbitrary: publish },
  { weight: 2, arbitrary: publishTwice },
  { weight: 1, arbitrary: spoil },
  { weight: 2, arbitrary: removeLine },
  { weight: 2, arbitrary: removeModule },
  { weight: 4, arbitrary: addSource },
  { weight: 2, arbitrary: claim },
  { weight: 1, arbitrary: setPriority },
  { weight: 1, arbitrary: limit },
  { weight: 2, arbitrary: cache },
  { weight: 1, arbitrary: fallBack },
  ...[
    change('down', (chosen) => {
      chosen.isDown = true;
    }),
    change('up', (chosen) => {
      chosen.isDown = false;
    }),
    change('disable', (chosen) => {
      chosen.enabled = false;
    }),
    change('enable', (chosen) => {
      chosen.enabled = true;
    }),
    change('remove', (chosen) => {
      Object.assign(chosen, { isConfigured: false, namespaces: [], include: [], exclude: [] });
    }),
    change('withdraw the claim', (chosen) => {
      chosen.namespaces = [];
    }),
  ].map((arbitrary) => ({ weight: 2, arbitrary })),
);

const betweenSyncs = fc.array(anyEvent, { minLength: 1, maxLength: 3 });

/** What is asserted of one sync; `before` is the world as the sync found it, `world` as it left it. */
interface Step {
  readonly before: MiniWorld;
  readonly world: MiniWorld;
  readonly plans: ReadonlyMap<string, MiniPlan>;
}

function copy(world: MiniWorld): MiniWorld {
  return structuredClone(world);
}

/** The source that claims a name. */
function claimantOf(world: MiniWorld, name: string): string | undefined {
  const matches = (text: string) => new RegExp(`^${text.replace('*', '.*')}$`).test(name);
  return world.sources.find((known) => known.isConfigured && known.namespaces.some(matches))?.name;
}

/** Tries `check` after each sync of random histories that start with one source. */
function always(check: (step: Step) => void): void {
  fc.assert(
    fc.property(fc.array(betweenSyncs, { minLength: 1, maxLength: 30, size: 'max' }), (history) => {
      const world = createMiniWorld();
      world.sources.push(createMiniSource('s0', 3));
      for (const events of history) {
        for (const happen of events) happen(world);
        readSources(world);
        const before = copy(world);
        const plans = planWorld(world);
        applyPlans(world, plans);
        check({ before, world, plans });
      }
    }),
    { numRuns: 400 },
  );
}

const answers = (plans: ReadonlyMap<string, MiniPlan>) =>
  Object.fromEntries(
    [...plans]
      .map(([name, { decision, file }]) => [name, { origin: decision.origin, file }] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );

/** Those answers that somebody is already being given. */
function given(world: MiniWorld, plans: ReadonlyMap<string, MiniPlan>) {
  return answers(new Map([...plans].filter(([name]) => world.ledger.has(name))));
}

describe('whatever happens', () => {
  test('a version is never served with another checksum than before, not even after it was gone', () => {
    let served = new Map<string, string>();
    always(({ world }) => {
      if (world.syncs === 1) served = new Map();
      for (const [name, file] of world.served) {
        for (const line of servedLines(file)) {
          const id = `${name}@${line.version}`;
          expect(line.checksum, id).toBe(served.get(id) ?? line.checksum);
          served.set(id, line.checksum);
        }
      }
    });
  });

  test('a module moves by itself only to a source of a lower number, and is never nobody’s again', () => {
    always(({ before, world, plans }) => {
      const numberOf = (name: string | undefined) =>
        world.sources.find((known) => known.name === name)?.priority;
      for (const [name, { origin: old }] of before.ledger) {
        const origin = plans.get(name)?.decision.origin;
        const isSame = origin === old || (origin !== undefined && claimantOf(world, name) === origin);
        expect(
          isSame || Number(numberOf(origin)) < Number(numberOf(old)),
          `${name}: ${old} -> ${origin}`,
        ).toBe(true);
      }
    });
  });

  test('a new module comes from an enabled source, and from its claimant if it has one', () => {
    always(({ before, world, plans }) => {
      for (const [name, { decision }] of plans) {
        const claimant = claimantOf(world, name);
        if (claimant !== undefined) expect(decision.origin, name).toBe(claimant);
        else if (!before.ledger.has(name) && decision.origin !== undefined)
          expect(world.sources).toContainEqual(
            expect.objectContaining({ name: decision.origin, isConfigured: true, enabled: true }),
          );
      }
    });
  });

  test('every line of a module comes from its one origin', () => {
    always(({ plans }) => {
      for (const [name, { decision, file }] of plans)
        for (const line of servedLines(file)) expect(line.from, name).toBe(decision.origin);
    });
  });

  test('the ledger forgets nothing', () => {
    always(({ before, world }) => {
      for (const [name, { pins }] of before.ledger)
        expect(world.ledger.get(name)?.pins.slice(0, pins.length)).toEqual(pins);
      for (const { pins } of world.ledger.values())
        expect(new Set(pins.map((pin) => pin.version)).size).toBe(pins.length);
    });
  });

  test('a line that is served is pinned, is well formed and can be delivered', () => {
    always(({ world, plans }) => {
      for (const [name, { decision, file }] of plans) {
        const pins = new Map(
          world.ledger.get(name)?.pins.map((pin) => [pin.version as string, pin.checksum]),
        );
        for (const line of servedLines(file)) {
          expect(line.checksum).toBe(pins.get(line.version));
          const origin = world.sources.find((known) => known.name === decision.origin);
          const mayFetch = world.upstreamFallback && origin?.isConfigured && origin.enabled;
          expect(mayFetch || world.cached.has(line.checksum)).toBe(true);
        }
      }
    });
  });

  test('planning twice changes nothing', () => {
    always(({ world, plans }) => {
      const again = planWorld(world);
      expect(answers(again)).toEqual(answers(plans));
      for (const [name, { plan }] of again) {
        const first = plans.get(name)?.plan;
        expect(plan.pins).toEqual(first?.pins);
        const kinds = (findings: typeof plan.findings) => findings.map(({ message: _, ...rest }) => rest);
        expect(kinds(plan.findings)).toEqual(kinds(first?.findings ?? []));
      }
    });
  });

  test('the order of modules and sources in what is planned on is irrelevant', () => {
    always(({ before, plans }) => {
      const reversed = planWorld(before, { reversed: true });
      expect(answers(reversed)).toEqual(answers(plans));
    });
  });

  test.each([true, false])(
    'a source of less trust changes no answer that another gives (read: %s)',
    (isRead) => {
      const line = formatLine('9.9.9', 'f'.repeat(64), 'less');
      always(({ before, plans }) => {
        const more = copy(before);
        const added = createMiniSource('less', 99);
        if (isRead) added.snapshot = new Map(modules.map((name) => [name, `${line}\n`]));
        more.sources.unshift(added);
        const kept = answers(planWorld(more));
        for (const [name, { decision, file }] of plans)
          if (decision.rule !== 'unlisted') expect(kept[name]).toEqual({ origin: decision.origin, file });
      });
    },
  );

  test('a source of more trust that cannot be read changes no answer that is being given', () => {
    always(({ world }) => {
      const more = copy(world);
      more.sources.push({ ...createMiniSource('more', 0), isDown: true });
      readSources(more);
      expect(given(world, planWorld(more))).toEqual(given(world, planWorld(world)));
    });
  });

  test('an outage changes nothing, whatever happens upstream meanwhile', () => {
    always(({ world, plans }) => {
      const outage = copy(world);
      for (const down of outage.sources) {
        down.isDown = true;
        down.upstream.clear();
      }
      readSources(outage);
      expect(answers(planWorld(outage))).toEqual(answers(plans));
    });
  });
});
