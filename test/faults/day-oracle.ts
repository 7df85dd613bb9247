/**
 * What a registry must serve and report, told from nothing but what its sources listed when they were read: the rules
 * once more, in other words than the product's.
 */
import { countOf, type Finding, type FindingFacts } from '../../src/model/finding.ts';
import type { SyncReport } from '../../src/registry/sync/sync-report.ts';
import type { DaySource, Listing } from './day-world.ts';

export type Served = Readonly<Record<string, string>>;

/** Checksums of the archives that were here before a sync, and after it; what came meanwhile may or may not have counted. */
interface Cached {
  readonly before: ReadonlySet<string>;
  readonly after: ReadonlySet<string>;
}

interface DayOracle {
  /** `OWNER/NAME@VERSION` → the checksum it was first served with. */
  readonly pins: ReadonlyMap<string, string>;
  /** Everything wrong with what a sync did, in words. */
  judge(report: SyncReport, served: Served, origins: ReadonlyMap<string, string>, cached: Cached): string[];
  /** What was counted meanwhile. */
  readonly counts: {
    held: number;
    stale: number;
    conflicts: number;
    gone: number;
    kept: number;
    undecided: number;
  };
}

export function createDayOracle(sources: readonly DaySource[]): DayOracle {
  const pins = new Map<string, string>();
  /** What was taken of each source. */
  const taken = new Map<string, Listing>();
  const takenCommits = new Map<string, string>();
  /** The last two readings that succeeded, newest first. */
  const readings = new Map<string, readonly Listing[]>();
  const counts = { held: 0, stale: 0, conflicts: 0, gone: 0, kept: 0, undecided: 0 };
  let before: Served = {};
  let originsBefore: ReadonlyMap<string, string> = new Map();
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

  /** Nothing here is claimed, so nothing moves; a new name waits for every source of more trust than the one that lists it. */
  function expectOrigins(report: SyncReport) {
    const origins = new Map(originsBefore);
    const undecided = new Set<string>();
    const isCurrent = (name: string) =>
      report.sources.some(
        ({ source, outcome }) => source === name && (outcome === 'fresh' || outcome === 'unchanged'),
      );
    for (const module of new Set([...taken.values()].flatMap((modules) => [...modules.keys()]))) {
      const [best] = listing(module);
      if (!best || originsBefore.has(module)) continue;
      const above = sources.filter(({ priority }) => priority < best.priority);
      if (above.every(({ name }) => isCurrent(name))) origins.set(module, best.name);
      else undecided.add(module);
    }
    return { origins, undecided };
  }

  function expectIndex(origins: ReadonlyMap<string, string>, actual: Served, cached: Cached) {
    const served: Record<string, string> = {};
    const conflicts: string[] = [];
    for (const [module, origin] of origins) {
      for (const [version, checksum] of taken.get(origin)?.get(module) ?? []) {
        const id = `${module}@${version}`;
        const pin = pins.get(id);
        if (pin === undefined || pin === checksum) served[id] = checksum;
        else {
          if (before[id] === pin) served[id] = pin;
          conflicts.push(`checksum-conflict ${id} ${origin} ${pin} ${checksum}`);
        }
      }
    }
    for (const [id, checksum] of Object.entries(before)) {
      const [module, version] = splitId(id);
      if (
        taken
          .get(origins.get(module) ?? '')
          ?.get(module)
          ?.has(version)
      )
        continue;
      // Deleted upstream: what is cached stays.
      const isKept = cached.before.has(checksum) || (cached.after.has(checksum) && actual[id] !== undefined);
      if (!isKept) continue;
      served[id] = checksum;
      counts.kept++;
    }
    return { served, conflicts };
  }

  /** Modules that a source of more trust, or of less while the origin lacks them, lists beside their origin: by that source. */
  function expectContended(origins: ReadonlyMap<string, string>): Map<string, Set<string>> {
    const contended = new Map(sources.map(({ name }) => [name, new Set<string>()]));
    for (const [module, origin] of origins) {
      const [best] = listing(module);
      if (best && best.name !== origin) contended.get(best.name)?.add(module);
    }
    return contended;
  }

  /** Many are told as one finding a source and origin, with their number; those that would change a pin, each alone. */
  function judgeContended(findings: readonly Finding[], contended: ReadonlyMap<string, ReadonlySet<string>>) {
    const problems: string[] = [];
    for (const [source, expected] of contended) {
      const own = findings
        .filter((finding) => finding.kind === 'origin-conflict')
        .filter((finding) => finding.source === source);
      const count = own.reduce((sum, finding) => sum + countOf(finding), 0);
      if (count !== expected.size)
        problems.push(`${source} contends for ${count} modules, and not for ${expected.size}`);
      for (const { module, modules = [module], changes = [] } of own) {
        for (const name of modules)
          if (!expected.has(name)) problems.push(`${source} does not contend for ${name}`);
        for (const { version, pinned, offered } of changes)
          if (pins.get(`${module}@${version}`) !== pinned || pinned === offered)
            problems.push(`${module}@${version} is said to change from ${pinned} to ${offered}`);
      }
    }
    return problems;
  }

  function judgeUndecided(heldBack: SyncReport['heldBack'], undecided: ReadonlySet<string>): string[] {
    const count = heldBack.reduce((sum, { names }) => sum + names, 0);
    counts.undecided += count;
    const strangers = heldBack.flatMap(({ examples }) => examples.filter((name) => !undecided.has(name)));
    return [
      ...(count === undecided.size ? [] : [`${count} names are undecided, and not ${undecided.size}`]),
      ...strangers.map((name) => `${name} is not undecided`),
    ];
  }

  function findShrinkage(served: Served, origins: ReadonlyMap<string, string>): string[] {
    return Object.keys(before).flatMap((id) => {
      if (served[id] !== undefined) return [];
      counts.gone++;
      const [module, version] = splitId(id);
      const origin = origins.get(module) ?? '';
      const lastTwo = readings.get(origin) ?? [];
      const isAgreed = lastTwo.length === 2 && lastTwo.every((read) => !read.get(module)?.has(version));
      return isAgreed ? [] : [`${id} is gone, but two readings of ${origin} have not agreed on that`];
    });
  }

  return {
    pins,
    counts,
    judge(report, served, origins, cached) {
      const problems = learnReadings(report);
      const expected = expectOrigins(report);
      problems.push(...differences('origin', expected.origins, origins));
      const index = expectIndex(expected.origins, served, cached);
      problems.push(
        ...differences('served', new Map(Object.entries(index.served)), new Map(Object.entries(served))),
      );
      const kinds = new Set(['checksum-conflict', 'origin-conflict']);
      const conflicts = report.findings
        .filter(({ kind }) => kind === 'checksum-conflict' || !kinds.has(kind))
        .map(
          ({ kind, module, version, source, pinned, offered }: FindingFacts) =>
            `${kind} ${module}@${version} ${source} ${pinned} ${offered}`,
        );
      const asSet = (texts: readonly string[]) => new Map(texts.map((text) => [text, 'stands']));
      problems.push(...differences('finding', asSet(index.conflicts), asSet(conflicts)));
      problems.push(...judgeContended(report.findings, expectContended(expected.origins)));
      problems.push(...judgeUndecided(report.heldBack, expected.undecided));
      problems.push(...findShrinkage(served, origins));
      for (const [id, checksum] of Object.entries(served)) {
        const pin = pins.get(id) ?? checksum;
        pins.set(id, pin);
        if (pin !== checksum) problems.push(`${id} was pinned to ${pin} and is served as ${checksum}`);
      }
      counts.conflicts += report.findings.length;
      before = served;
      originsBefore = origins;
      return problems;
    },
  };
}

function splitId(id: string): [module: string, version: string] {
  const at = id.lastIndexOf('@');
  return [id.slice(0, at), id.slice(at + 1)];
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
