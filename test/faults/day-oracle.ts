/**
 * What a registry must serve and report, told from nothing but what its sources listed when they were read: the rules
 * once more, in other words than the product's.
 */
import type { SyncReport } from '../../src/registry/reports.ts';
import type { DaySource, Listing } from './day-world.ts';

export type Served = Readonly<Record<string, string>>;

interface DayOracle {
  /** `OWNER/NAME@VERSION` → the checksum it was first served with. */
  readonly pins: ReadonlyMap<string, string>;
  /** Everything wrong with what a sync did, in words. */
  judge(report: SyncReport, served: Served, origins: ReadonlyMap<string, string>): string[];
  /** What was counted meanwhile. */
  readonly counts: { held: number; stale: number; conflicts: number; gone: number; moved: number };
}

export function createDayOracle(sources: readonly DaySource[]): DayOracle {
  const pins = new Map<string, string>();
  /** What was taken of each source. */
  const taken = new Map<string, Listing>();
  const takenCommits = new Map<string, string>();
  /** The last two readings that succeeded, newest first. */
  const readings = new Map<string, readonly Listing[]>();
  const counts = { held: 0, stale: 0, conflicts: 0, gone: 0, moved: 0 };
  let before: Served = {};
  let originsBefore: ReadonlyMap<string, string> = new Map();
  const priorityOf = (name: string | undefined) =>
    sources.find((source) => source.name === name)?.priority ?? Number.POSITIVE_INFINITY;

  function learnReadings(report: SyncReport): string[] {
    return sources.flatMap((source) => {
      const refresh = report.sources.find((candidate) => candidate.source === source.name);
      const { name, visible } = source;
      const listing = source.listings.get(visible) ?? new Map();
      if (refresh?.outcome !== 'stale')
        readings.set(name, [listing, ...(readings.get(name) ?? [])].slice(0, 2));
      switch (refresh?.outcome) {
        case 'fresh':
        case 'unchanged':
          taken.set(name, listing);
          takenCommits.set(name, visible);
          return refresh.commit === visible ? [] : [`${name} is said to be at ${refresh.commit}`];
        case 'held':
        case 'stale':
          counts[refresh.outcome]++;
          return refresh.commit === takenCommits.get(name) ? [] : [`${name} is used at ${refresh.commit}`];
        default:
          return [`${name}: ${refresh?.outcome}`];
      }
    });
  }

  /** The sources that list it, most trusted first. */
  function listing(module: string): DaySource[] {
    return sources.filter(({ name }) => taken.get(name)?.has(module)).sort((a, b) => a.priority - b.priority);
  }

  function agrees(source: string, module: string): boolean {
    return [...(taken.get(source)?.get(module) ?? [])].every(
      ([version, checksum]) => (pins.get(`${module}@${version}`) ?? checksum) === checksum,
    );
  }

  function expectOrigins(): Map<string, string> {
    const origins = new Map(originsBefore);
    for (const module of new Set([...taken.values()].flatMap((modules) => [...modules.keys()]))) {
      const recorded = originsBefore.get(module);
      const [best] = listing(module);
      if (!best) continue;
      const isBetter = best.priority < priorityOf(recorded);
      if (recorded === undefined || (isBetter && agrees(best.name, module))) origins.set(module, best.name);
    }
    return origins;
  }

  function expectIndex(origins: ReadonlyMap<string, string>) {
    const served: Record<string, string> = {};
    const findings: string[] = [];
    for (const [module, origin] of origins) {
      const [best] = listing(module);
      if (best && best.name !== origin) findings.push(`origin-conflict ${module} ${best.name}`);
      for (const [version, checksum] of taken.get(origin)?.get(module) ?? []) {
        const id = `${module}@${version}`;
        const pin = pins.get(id);
        if (pin === undefined || pin === checksum) served[id] = checksum;
        else {
          if (before[id] === pin) served[id] = pin;
          findings.push(`checksum-conflict ${id} ${origin} ${pin} ${checksum}`);
        }
      }
    }
    return { served, findings };
  }

  function findShrinkage(served: Served, origins: ReadonlyMap<string, string>): string[] {
    return Object.keys(before).flatMap((id) => {
      if (served[id] !== undefined) return [];
      counts.gone++;
      const at = id.lastIndexOf('@');
      const [module, version] = [id.slice(0, at), id.slice(at + 1)];
      const origin = origins.get(module) ?? '';
      if (priorityOf(origin) < priorityOf(originsBefore.get(module))) return [];
      const lastTwo = readings.get(origin) ?? [];
      const isAgreed = lastTwo.length === 2 && lastTwo.every((read) => !read.get(module)?.has(version));
      return isAgreed ? [] : [`${id} is gone, but two readings of ${origin} have not agreed on that`];
    });
  }

  return {
    pins,
    counts,
    judge(report, served, origins) {
      const problems = learnReadings(report);
      const expectedOrigins = expectOrigins();
      problems.push(...differences('origin', expectedOrigins, origins));
      const expected = expectIndex(expectedOrigins);
      problems.push(
        ...differences('served', new Map(Object.entries(expected.served)), new Map(Object.entries(served))),
      );
      const reported = report.findings.map(({ kind, module, version, source, pinned, offered }) =>
        kind === 'checksum-conflict'
          ? `${kind} ${module}@${version} ${source} ${pinned} ${offered}`
          : `${kind} ${module} ${source}`,
      );
      const asSet = (texts: readonly string[]) => new Map(texts.map((text) => [text, 'stands']));
      problems.push(...differences('finding', asSet(expected.findings), asSet(reported)));
      problems.push(...findShrinkage(served, origins));
      for (const [id, checksum] of Object.entries(served)) {
        const pin = pins.get(id) ?? checksum;
        pins.set(id, pin);
        if (pin !== checksum) problems.push(`${id} was pinned to ${pin} and is served as ${checksum}`);
      }
      counts.conflicts += reported.length;
      for (const [module, origin] of origins)
        if ((originsBefore.get(module) ?? origin) !== origin) counts.moved++;
      before = served;
      originsBefore = origins;
      return problems;
    },
  };
}

function differences(
  what: string,
  expected: ReadonlyMap<string, string>,
  actual: ReadonlyMap<string, string>,
): string[] {
  return [...new Set([...expected.keys(), ...actual.keys()])]
    .filter((key) => expected.get(key) !== actual.get(key))
    .map((key) => `${what} ${key}: expected ${expected.get(key)}, got ${actual.get(key)}`);
}
