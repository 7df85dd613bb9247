/** The rules on long random histories: what must hold whatever upstreams, networks and operators do. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { versionOf } from '../src/model/finding.ts';
import {
  applyPlans,
  createMiniSource,
  createMiniWorld,
  formatLine,
  type MiniPlan,
  type MiniSource,
  type MiniWorld,
  planWorld,
  readNothing,
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
const required = fc.constantFrom(undefined, 'org/json', 'eve/evil');
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
  fc.tuple(source, module, version, checksum, required),
  (world, position, name, stated, sum, requirement) => {
    const chosen = world.sources[position];
    if (!chosen) return;
    const line = formatLine(stated, sum, chosen.name, requirement);
    const lines = chosen.upstream.get(name) ?? [];
    chosen.upstream.set(name, [...lines.filter((other) => !other.includes(`"${stated}"`)), line]);
  },
);

const publishTwice = event(
  'publish beside the old line',
  fc.tuple(source, module, version, checksum, required),
  (world, position, name, stated, sum, requirement) => {
    const chosen = world.sources[position];
    const lines = chosen?.upstream.get(name) ?? [];
    chosen?.upstream.set(name, [...lines, formatLine(stated, sum, chosen.name, requirement)]);
  },
);

const spoil = event('spoil', fc.tuple(source, module), (world, position, name) => {
  const chosen = world.sources[position];
  chosen?.upstream.set(name, ['{', ...(chosen.upstream.get(name) ?? []), '']);
});

const breakFile = event('break', fc.tuple(source, module), (world, position, name) => {
  world.sources[position]?.upstream.set(name, ['<!doctype html>']);
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
  { weight: 1, arbitrary: breakFile },
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
    change('hold its readings back', (chosen) => {
      chosen.isHeldBack = true;
    }),
    change('accept its readings', (chosen) => {
      chosen.isHeldBack = false;
    }),
    change('move to another address', (chosen) => {
      if (chosen.isConfigured) chosen.address++;
    }),
    change('hold only what it claims', (chosen) => {
      chosen.holdsNewNames = 'claimed';
    }),
    change('follow its deletions', (chosen) => {
      chosen.deletedUpstream = 'follow';
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

function matches(patterns: readonly string[], name: string): boolean {
  return patterns.some((text) => new RegExp(`^${text.replace('*', '.*')}$`).test(name));
}

/** The source that claims a name. */
function claimantOf(world: MiniWorld, name: string): string | undefined {
  return world.sources.find((known) => known.isConfigured && matches(known.namespaces, name))?.name;
}

/** Whether the operator lets a source supply a name that nobody claims. */
function isAllowed({ include, exclude, namespaces }: MiniSource, name: string): boolean {
  const isIncluded = include.length === 0 || matches([...include, ...namespaces], name);
  return isIncluded && !matches(exclude, name);
}

/** Everything that was pinned of a module is the same in this source's file, as far as that has it. */
function agrees(world: MiniWorld, source: string, name: string): boolean {
  const file = world.sources.find((known) => known.name === source)?.snapshot?.get(name);
  const pins = new Map(world.ledger.get(name)?.pins.map((pin) => [pin.version as string, pin]));
  return wellFormed(file).every(({ version: stated, checksum: sum }) => {
    const pin = pins.get(stated);
    return pin === undefined || pin.checksum === sum;
  });
}

/** Whether clients would read this checksum for the version in a source's own index. */
function isListedBy(known: MiniSource, name: string, stated: string, sum: string): boolean {
  return listedIn(known, name, stated) === sum && isAllowed(known, name);
}

function isListedOtherwise(known: MiniSource, name: string, stated: string, sum: string): boolean {
  return ![undefined, sum].includes(listedIn(known, name, stated));
}

function listedIn({ snapshot }: MiniSource, name: string, stated: string): string | undefined {
  return wellFormed(snapshot?.get(name)).findLast((line) => line.version === stated)?.checksum;
}

/** The lines of a file that has others, too. */
function wellFormed(file: string | undefined) {
  const lines = (file ?? '').split('\n').filter((line) => line.startsWith('{') && line !== '{');
  return servedLines(lines.join('\n'));
}

/**
 * A history that random ones seldom are: a source goes whose version another one lists, below a blank line. That line is as good as
 * any, so the version stays for as long as it may be fetched.
 */
const listedBelowBlankLine: Event[][] = [
  [
    (world) => world.sources.push(createMiniSource('s1', 1)),
    ({ sources: [left, gone] }) => {
      left?.upstream.set('company/tool', ['{', '', formatLine('1.0.0', 'a'.repeat(64), 's0')]);
      gone?.upstream.set('company/tool', [formatLine('1.0.0', 'a'.repeat(64), 's1')]);
    },
  ],
  [({ sources: [, gone] }) => Object.assign(gone ?? {}, { isConfigured: false })],
  [
    (world) => {
      world.upstreamFallback = false;
    },
  ],
];

/** Histories for each fact; CI tries many more in a run of its own. */
const numRuns = Number(process.env.PROPERTY_RUNS ?? 150);

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
    { numRuns, examples: [[listedBelowBlankLine]] },
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
  return answers(new Map([...plans].filter(([name]) => isTaken(world, world, name))));
}

/** What was served once is somebody's for ever, and so is what is recorded for a source that is configured. */
function isTaken({ ledger }: MiniWorld, { sources }: MiniWorld, name: string): boolean {
  const record = ledger.get(name);
  if (record === undefined) return false;
  return (
    record.pins.length > 0 || sources.some((known) => known.name === record.origin && known.isConfigured)
  );
}

describe('whatever happens', () => {
  test('a version is never served with another checksum or other requirements than before, not even after it was gone', () => {
    let served = new Map<string, unknown>();
    always(({ world }) => {
      if (world.syncs === 1) served = new Map();
      for (const [name, file] of world.served) {
        for (const { version: stated, checksum: sum, deps = {} } of servedLines(file)) {
          const id = `${name}@${stated}`;
          const first = served.get(id) ?? { sum, deps };
          expect({ sum, deps }, id).toEqual(first);
          served.set(id, first);
        }
      }
    });
  });

  test('a module moves by itself only to a source of no less trust that claims it and changes nothing, and is never nobody’s again', () => {
    always(({ before, world, plans }) => {
      const numberOf = (name: string | undefined) =>
        world.sources.find((known) => known.name === name)?.priority;
      for (const [name, { origin: old }] of before.ledger) {
        const origin = plans.get(name)?.decision.origin;
        if (origin === old || !isTaken(before, world, name)) continue;
        expect(origin, name).toBe(claimantOf(world, name));
        expect(Number(numberOf(origin)), `${name}: ${old} -> ${origin}`).toBeLessThanOrEqual(
          Number(numberOf(old)),
        );
        expect(agrees(before, origin ?? '', name), `${name}: ${old} -> ${origin}`).toBe(true);
      }
    });
  });

  test('a new module comes from an enabled source, and from its claimant if it has one', () => {
    always(({ before, world, plans }) => {
      for (const [name, { decision }] of plans) {
        if (before.ledger.has(name)) continue;
        const claimant = claimantOf(world, name);
        if (claimant !== undefined) expect(decision.origin, name).toBe(claimant);
        else if (decision.origin !== undefined)
          expect(world.sources).toContainEqual(
            expect.objectContaining({ name: decision.origin, isConfigured: true, enabled: true }),
          );
      }
    });
  });

  test('a name that is claimed lists nothing new of anybody but its claimant', () => {
    always(({ before, world, plans }) => {
      for (const [name, { decision, plan, file }] of plans) {
        const claimant = claimantOf(world, name);
        if (claimant === undefined || decision.origin === claimant) continue;
        const pins = before.ledger.get(name)?.pins ?? [];
        expect(plan.pins.map((pin) => pin.version)).toEqual(pins.map((pin) => pin.version));
        for (const line of servedLines(file)) expect(pins.map((pin) => pin.version)).toContain(line.version);
      }
    });
  });

  test('a new name goes to nobody while a source of more trust that may have it is not known as it is', () => {
    let decided = 0;
    let waiting = 0;
    always(({ before, world, plans }) => {
      for (const [name, { decision }] of plans) {
        if (before.ledger.has(name) || claimantOf(world, name) !== undefined) continue;
        if (decision.rule === 'undecided') waiting++;
        if (decision.origin === undefined) continue;
        decided++;
        const position = world.sources.findIndex((known) => known.name === decision.origin);
        const own = world.sources[position]?.priority ?? 0;
        const above = world.sources.filter(
          (known, at) => known.priority < own || (known.priority === own && at < position),
        );
        for (const known of above.filter((one) => one.isConfigured && one.enabled && isAllowed(one, name))) {
          expect(known.held?.has(name) ?? false, `${name} is in a reading of ${known.name}`).toBe(false);
          if (known.holdsNewNames === 'all') {
            expect(known.isDown, `${name} although ${known.name} is down`).toBe(false);
            expect(known.snapshotAddress, `${name} although ${known.name} has moved`).toBe(known.address);
            expect(known.held, `${name} although ${known.name} is held`).toBeUndefined();
          }
        }
      }
    });
    // Histories in which nothing is ever decided, or nothing ever waits, would show nothing.
    expect(Math.min(decided, waiting)).toBeGreaterThan(numRuns / 4);
  });

  test('a plan without readings gives no name away, and leaves every answer as it is', () => {
    always(({ world }) => {
      const edited = copy(world);
      for (const known of edited.sources)
        if (known.snapshot)
          known.snapshot.set('new/name', `${formatLine('1.0.0', 'e'.repeat(64), known.name)}\n`);
      readNothing(edited);
      const plans = planWorld(edited);
      const fresh = [...plans].filter(([name]) => !world.ledger.has(name));
      for (const [name, { decision }] of fresh)
        if (claimantOf(world, name) === undefined) expect(decision.origin, name).toBeUndefined();
      expect(given(world, plans)).toEqual(given(world, planWorld(world)));
    });
  });

  test('a version that was served and is cached stays listed while its module stays where it is', () => {
    always(({ before, world, plans }) => {
      for (const [name, file] of before.served) {
        const plan = plans.get(name);
        const origin = world.sources.find((known) => known.name === plan?.decision.origin);
        if (before.ledger.get(name)?.origin !== origin?.name) continue;
        const isDenied = origin?.isConfigured && !isAllowed(origin, name);
        const isKept =
          !isDenied && (origin?.deletedUpstream === 'keep' || !origin?.isConfigured || !origin.enabled);
        const now = servedLines(plan?.file).map((line) => line.version);
        for (const line of servedLines(file))
          if (isKept && before.cached.has(line.checksum)) expect(now, name).toContain(line.version);
      }
    });
  });

  test('broken files take nothing away from any module', () => {
    always(({ world }) => {
      const broken = copy(world);
      for (const known of broken.sources)
        for (const name of known.snapshot?.keys() ?? []) known.snapshot?.set(name, '<html>\n\0\n');
      const before = planWorld(world);
      for (const [name, { decision, file }] of planWorld(broken)) {
        const origin = world.sources.find((known) => known.name === decision.origin);
        // Of one that is not asked, what others list counts, and their files are broken as well.
        const isAsked = origin?.isConfigured && origin.enabled;
        if (!isAsked || !world.ledger.has(name)) continue;
        const lines = servedLines(before.get(name)?.file);
        expect(servedLines(file), name).toEqual(expect.arrayContaining(lines));
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
      for (const [name, { decision, plan, file }] of plans) {
        const pins = new Map(
          world.ledger.get(name)?.pins.map((pin) => [pin.version as string, pin.checksum]),
        );
        const refused = new Set<string | undefined>(plan.findings.map(versionOf));
        for (const { version: stated, checksum: sum } of servedLines(file)) {
          expect(sum).toBe(pins.get(stated));
          const asked = world.sources.filter((known) => known.isConfigured && known.enabled);
          // Where its origin lists other bytes by now the old line stays, and that is told.
          const mayFetch = asked.some((known) =>
            known.name === decision.origin
              ? !isListedOtherwise(known, name, stated, sum) || refused.has(stated)
              : known.snapshotAddress === known.address && isListedBy(known, name, stated, sum),
          );
          expect((world.upstreamFallback && mayFetch) || world.cached.has(sum), name).toBe(true);
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

  test.each([
    ['that was never read', false, []],
    ['that lists everything', true, []],
    ['that claims everything', true, ['*']],
  ])('a source of less trust %s changes nothing that another supplies', (_, isRead, namespaces) => {
    const lines = ['9.9.9', ...versions].map((stated) =>
      formatLine(stated, 'f'.repeat(64), 'less', 'eve/evil'),
    );
    always(({ world }) => {
      const more = copy(world);
      // Two claims on one name are refused before anything is saved.
      if (namespaces.length > 0 && world.sources.some((known) => known.namespaces.length > 0)) return;
      const added = { ...createMiniSource('less', 99), namespaces };
      if (isRead) added.snapshot = new Map(modules.map((name) => [name, `${lines.join('\n')}\n`]));
      more.sources.unshift(added);
      more.current?.add('less');
      expect(given(world, planWorld(more))).toEqual(given(world, planWorld(world)));
    });
  });

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
