/** Three upstream registries on a bad day, and what each of them listed at every commit. */
import { join } from 'node:path';
import { createModuleArchive } from '../../src/demo/module-archive.ts';
import { runGit } from '../../src/support/git/git.ts';
import { readEntries, sha256, startUpstream } from '../support/worlds.ts';
import type { Faults } from '../worlds/faults.ts';
import { createRandom, type Random } from '../worlds/random.ts';
import type { UpstreamRegistry } from '../worlds/upstream-registry.ts';

/** Module → version → checksum. */
export type Listing = ReadonlyMap<string, ReadonlyMap<string, string>>;

export interface DaySource {
  readonly name: string;
  readonly priority: number;
  readonly upstream: UpstreamRegistry;
  /** Where its branch points to: its newest commit, or an older one. */
  visible: string;
  readonly listings: Map<string, Listing>;
  /** Commits in the order in which they were made. */
  readonly history: string[];
  readonly deleted: Map<string, Buffer>;
  isDown: boolean;
}

export interface DayWorld {
  readonly sources: readonly DaySource[];
  /** How often each kind of event happened. */
  readonly events: Readonly<Record<string, number>>;
  /** Something happens, or nothing where it cannot. */
  happen(): Promise<void>;
  /** Nothing fails from now on. */
  endFaults(): Promise<void>;
  /** All that was deleted, rewound or published with other bytes is as `pins` say again. */
  restore(pins: ReadonlyMap<string, string>): Promise<void>;
}

const priorities = { internal: 10, partner: 50, public: 100 };

export async function createDayWorld(directory: string, random: Random): Promise<DayWorld> {
  const sources = await Promise.all(
    Object.entries(priorities).map(async ([name, priority]): Promise<DaySource> => {
      const upstream = await startUpstream([], { directory: join(directory, name) });
      const records = { listings: new Map<string, Listing>(), history: [], deleted: new Map() };
      return { name, priority, upstream, visible: '', isDown: false, ...records };
    }),
  );
  const archives = new Map<string, Buffer>();
  const events: Record<string, number> = {};
  const parsed = new WeakMap<Buffer, ReadonlyMap<string, string>>();
  let names = 0;
  let variants = 0;

  const newest = (source: DaySource): Listing =>
    source.listings.get(source.upstream.index.commit ?? '') ?? new Map();
  const pickSource = () => random.pick(sources as [DaySource, ...DaySource[]]);
  const pickOf = <T>(items: readonly T[]): T | undefined => items[random.below(items.length)];

  /** Parsed once, so that a long day does not fill the memory that it measures. */
  function versionsOf(file: Buffer): ReadonlyMap<string, string> {
    const known = parsed.get(file);
    if (known) return known;
    const versions = new Map(
      readEntries(file).map((entry) => [String(entry.version), String(entry.checksum)] as const),
    );
    parsed.set(file, versions);
    return versions;
  }

  /** After a change: its newest commit is what it shows. */
  function observe(source: DaySource): void {
    const { index } = source.upstream;
    source.visible = index.commit ?? '';
    const listing = Array.from({ length: names }, (_, number) => nameOf(number)).flatMap((module) => {
      const file = index.read(`user/${module}.index`);
      return file === undefined ? [] : [[module, versionsOf(file)] as const];
    });
    source.listings.set(source.visible, new Map(listing));
    source.history.push(source.visible);
  }

  function createArchive(module: string, version: string, isOther = false): Buffer {
    const files = isOther ? { 'src/other.mbt': String(variants++) } : {};
    const archive = createModuleArchive({ module, version, files });
    archives.set(sha256(archive), archive);
    return archive;
  }

  async function publish(
    source: DaySource,
    publications: readonly { module: string; version: string; archive: Buffer }[],
  ) {
    if (publications.length === 0) return;
    await source.upstream.publishMany(publications);
    observe(source);
  }

  async function publishModule(source: DaySource): Promise<void> {
    const module = nameOf(names++);
    const versions = random.chance(0.5) ? ['1.0.0'] : ['1.0.0', '1.1.0'];
    await publish(
      source,
      versions.map((version) => ({ module, version, archive: createArchive(module, version) })),
    );
  }

  function pickListed(source: DaySource): { module: string; version: string } | undefined {
    const module = pickOf([...newest(source).keys()]);
    const version =
      module === undefined ? undefined : pickOf([...(newest(source).get(module)?.keys() ?? [])]);
    return module === undefined || version === undefined ? undefined : { module, version };
  }

  const kinds: Record<string, (source: DaySource) => Promise<unknown>> = {
    'new module': publishModule,
    'new version': async (source) => {
      const module = pickListed(source)?.module;
      if (module === undefined) return false;
      const listing = sources.filter((candidate) => newest(candidate).has(module));
      if (sources.some(({ deleted }) => deleted.has(module))) return false;
      const counts = listing.map((candidate) => newest(candidate).get(module)?.size ?? 0);
      const version = `1.${Math.max(...counts)}.0`;
      const archive = createArchive(module, version);
      for (const candidate of listing) await publish(candidate, [{ module, version, archive }]);
      return true;
    },
    'second source': async (source) => {
      const other = pickSource();
      const module = pickListed(other)?.module;
      if (other === source || module === undefined || newest(source).has(module)) return false;
      if (source.deleted.has(module)) return false;
      const isOther = random.chance(0.3);
      const versions = [...(newest(other).get(module)?.keys() ?? [])];
      const copies = versions.map((version) => ({
        module,
        version,
        archive: createArchive(module, version, isOther),
      }));
      return publish(source, copies);
    },
    'other bytes': async (source) => {
      const id = pickListed(source);
      return id ? publish(source, [{ ...id, archive: createArchive(id.module, id.version, true) }]) : false;
    },
    'first bytes again': async (source) => {
      const id = pickListed(source);
      return id ? publish(source, [{ ...id, archive: createArchive(id.module, id.version) }]) : false;
    },
    deletion: async (source) => {
      const module = pickListed(source)?.module;
      const path = `user/${module}.index`;
      const file = source.upstream.index.read(path);
      if (module === undefined || file === undefined || newest(source).size < 4) return false;
      source.deleted.set(module, file);
      await source.upstream.removeIndexFile(path);
      observe(source);
      return true;
    },
    restoration: async (source) => {
      const module = pickOf([...source.deleted.keys()]);
      if (module === undefined) return false;
      await restoreModule(source, module);
      return true;
    },
    'rewritten history': async (source) => {
      await source.upstream.rewriteHistory();
      observe(source);
    },
    'older history': async (source) => {
      const older = source.history.at(-1 - (1 + random.below(4)));
      if (older === undefined || (source.listings.get(older)?.size ?? 0) === 0) return false;
      await show(source, older);
      return true;
    },
    'history again': async (source) => show(source, source.upstream.index.commit ?? ''),
    fault: async ({ upstream }) => {
      upstream.clearFaults();
      const only = random.pick([undefined, 'index', 'archives'] as const);
      Object.assign(upstream.faults, random.pick(faults), only === undefined ? {} : { only });
    },
    'fault for some requests': async ({ upstream }) => {
      upstream.clearFaults();
      // Its own chance: how many requests come must not change what happens later.
      const requests = createRandom('requests', random.hex(8));
      Object.assign(upstream.faults, random.pick(faults), { only: () => requests.chance(0.4) });
    },
    'end of a fault': async (source) => endFault(source),
    'refused connections': async (source) => {
      await source.upstream.stopListening();
      source.isDown = true;
    },
  };

  async function restoreModule(source: DaySource, module: string): Promise<void> {
    const file = source.deleted.get(module);
    if (file === undefined) return;
    source.deleted.delete(module);
    await source.upstream.writeIndexFile(`user/${module}.index`, file);
    observe(source);
  }

  async function show(source: DaySource, commit: string): Promise<void> {
    const gitDir = source.upstream.index.repository;
    await runGit(['update-ref', 'refs/heads/main', commit], { gitDir });
    source.visible = commit;
  }

  async function endFault(source: DaySource): Promise<void> {
    source.upstream.clearFaults();
    if (source.isDown) await source.upstream.listenAgain();
    source.isDown = false;
  }

  for (const source of sources) for (let count = 0; count < 6; count++) await publishModule(source);

  return {
    sources,
    events,
    async happen() {
      const kind = random.pick(weighted);
      if ((await kinds[kind]?.(pickSource())) !== false) events[kind] = (events[kind] ?? 0) + 1;
    },
    async endFaults() {
      for (const source of sources) await endFault(source);
    },
    async restore(pins) {
      for (const source of sources) {
        for (const module of [...source.deleted.keys()]) await restoreModule(source, module);
        const wrong = [...newest(source)].flatMap(([module, versions]) =>
          [...versions].flatMap(([version, checksum]) => {
            const pin = pins.get(`${module}@${version}`);
            const archive = pin === undefined || pin === checksum ? undefined : archives.get(pin);
            return archive === undefined ? [] : [{ module, version, archive }];
          }),
        );
        await publish(source, wrong);
        await show(source, source.upstream.index.commit ?? '');
      }
    },
  };
}

const faults: readonly [Partial<Faults>, ...Partial<Faults>[]] = [
  { down: true },
  { status: 500 },
  { status: 503, retryAfter: '900' },
  { status: 429 },
  { status: 429, retryAfter: '7' },
  { status: 429, retryAfter: '900' },
  { status: 403 },
  { truncate: true },
  { wrongBytes: true },
  { html: true },
];

const weights = {
  'new module': 5,
  'new version': 9,
  'second source': 3,
  'other bytes': 2,
  'first bytes again': 2,
  deletion: 2,
  restoration: 3,
  'rewritten history': 1,
  'older history': 2,
  'history again': 2,
  fault: 4,
  'fault for some requests': 2,
  'end of a fault': 8,
  'refused connections': 1,
};
const weighted = Object.entries(weights).flatMap(([kind, weight]) => Array<string>(weight).fill(kind)) as [
  string,
  ...string[],
];

function nameOf(number: number): string {
  return `owner${number % 5}/module${number}`;
}
