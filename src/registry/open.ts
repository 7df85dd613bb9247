import { join } from 'node:path';
import { NotFoundError } from '../errors.ts';
import { downgrade } from '../index/migrate.ts';
import { findBlock } from '../model/block.ts';
import { withProcessLock } from '../support/disk/process-lock.ts';
import { suggest } from '../support/suggest.ts';
import { readOrigins } from './decide/module-facts.ts';
import { policyOf } from './decide/policy.ts';
import { parseAssetPath } from './deliver/assets/asset-path.ts';
import { type OpeningContext, openServedArchive } from './deliver/open-archive.ts';
import { listServed } from './deliver/served-modules.ts';
import { mirror } from './mirror/mirror.ts';
import { findOutdated } from './mirror/outdated.ts';
import { type OpenOptions, openParts, type RegistryParts } from './parts.ts';
import type { Registry } from './registry.ts';
import { checkSource } from './sync/check-source.ts';
import { listConflicts, ruleOnConflict } from './sync/conflicts.ts';
import { explain } from './sync/explain.ts';
import { heldBackOf } from './sync/held-back.ts';
import { lookAtSource } from './sync/look-at-source.ts';
import { observationsFile, readObservations } from './sync/observations.ts';
import { findStaleSources, hasAnythingToServe, listReadTimes } from './sync/read-times.ts';
import { ruleOnBlock } from './sync/rule-on-block.ts';
import { suggestModule } from './sync/suggest-module.ts';
import { aggregate, type SyncContext, syncRegistry } from './sync/sync.ts';
import { createDataProbe } from './upkeep/data-probe.ts';
import { probeDisk } from './upkeep/probe-disk.ts';
import { readStatus } from './upkeep/status.ts';
import { verifyOpened } from './upkeep/verify-opened.ts';

/** Opens a registry. Contacts no source. */
export async function openRegistry(options: OpenOptions): Promise<Registry> {
  const parts = await openParts(options);
  const { configuration, layout, index, archives, served, context } = parts;
  const opening: OpeningContext = {
    ...{ index, served, delivery: parts.delivery, resolver: parts.resolver },
    settings: () => configuration.current(),
    leftAloneUntil(source) {
      const waitMs = parts.sources().get(source)?.refusal()?.retryAfterMs;
      return waitMs === undefined ? undefined : new Date(context().now().getTime() + waitMs).toISOString();
    },
  };
  let symbolsRefresh: Promise<undefined> | undefined;
  return {
    get config() {
      return configuration.current();
    },
    indexDirectory: layout.index,
    disk: parts.disk,
    probeDisk: () => probeDisk(layout),
    data: createDataProbe(layout),
    sharing: {
      isShared: options.isOneOfSeveral ?? false,
      lockFolder: layout.locks,
      answerFolder: layout.answers,
    },
    reload: parts.reload,

    async sync(syncOptions = {}) {
      const { dryRun = false, signal, goOn } = syncOptions;
      await parts.scratch?.make();
      const { report } = await parts.whileTidying(() => syncRegistry(context(), syncOptions));
      if (dryRun) return report;
      if (goOn === undefined) await refreshSymbols(parts, signal);
      else if (symbolsRefresh === undefined) {
        symbolsRefresh = refreshSymbols(parts, signal).finally(() => {
          symbolsRefresh = undefined;
        });
        goOn('refresh of the symbols', symbolsRefresh);
      }
      return report;
    },
    reaggregate: async () => (await aggregate(context(), {})).report,
    async plan({ config, isFresh = false, signal } = {}) {
      const planned: SyncContext = config
        ? { ...context(), config, currentConfig: async () => config, sources: parts.connections.of(config) }
        : context();
      if (isFresh) await parts.scratch?.make();
      const { report } = isFresh
        ? await syncRegistry(planned, { dryRun: true, signal })
        : await aggregate(planned, { dryRun: true, signal });
      return report;
    },
    downgrade: (format) =>
      withProcessLock(join(layout.locks, 'registry'), () => downgrade(index, new Date(), format)),
    async mirror(mirrorOptions) {
      await parts.scratch?.make();
      return parts.whileTidying(() => mirror(context(), mirrorOptions, parts.actor.user));
    },

    async status() {
      const config = configuration.current();
      const observations = await readObservations(observationsFile(config));
      const space = await parts.cacheSpace().catch(() => undefined);
      return readStatus(config, index, archives, observations, options.env, space);
    },

    async explain(module, version) {
      const state = await index.state();
      const config = configuration.current();
      const input = { index, archives, config, state, snapshots: state.snapshots };
      return explain(module, version, input, await readObservations(observationsFile(config)));
    },

    suggestModule: async (name) => suggestModule(name, index, await index.state()),
    list: (listOptions) => listServed({ index, archives }, listOptions),
    findOutdated: (project) => findOutdated({ index, served }, project),

    scrub: (signal) => parts.scrub.run(signal),
    async verify(verifyOptions) {
      const { files, findAbandoned } = parts;
      const quarantineDirectory = join(layout.packages, '..', 'quarantine');
      const resolver = await parts.resolver();
      return verifyOpened(
        { ...context(), files, archives, resolver, findAbandoned, quarantineDirectory },
        verifyOptions,
      );
    },

    checkSources: (name) => checkSources(parts, name),

    async lookAtSource(name, { config = configuration.current(), signal } = {}) {
      const { log, clock, now } = context();
      await parts.scratch?.make();
      const source = config.sources.find((candidate) => candidate.name === name);
      if (!source)
        throw unknownSource(
          name,
          config.sources.map((one) => one.name),
        );
      const connect = parts.connections.aside;
      return lookAtSource(source, { config, index, log, clock, now, connect, signal });
    },

    async heldBack() {
      const config = configuration.current();
      const { snapshots, ...state } = await index.state();
      const observations = await readObservations(observationsFile(config));
      return heldBackOf(await state.pending(), { config, snapshots, observations });
    },
    conflicts: () => listConflicts({ index, archives }, configuration.current()),
    ruleOnConflict: (ruling) => ruleOnConflict(context(), ruling, parts.actor.user),

    blocks: async () => (await index.state()).blocks,
    ruleOnBlock: (ruling) => ruleOnBlock(context(), ruling, parts.actor.user),

    servedCommit: () => index.servedCommit(),
    stateCommit: () => index.stateCommit(),
    servedCommits: async () => new Set(await index.servedHistory()),
    readIndexFile: served.readFile,

    readIndex: parts.readIndex,
    originOf: parts.originOf,

    async findArchive(module, version) {
      const entry = await served.find(module, version);
      if (!entry) return undefined;
      const isCached = await archives.has(entry.checksum);
      return {
        checksum: entry.checksum,
        cachedAt: isCached ? archives.locate(entry.checksum) : undefined,
      };
    },

    openArchive: (module, version) => openServedArchive(opening, module, version),

    async symbols() {
      const state = await index.state();
      const read = new Set(state.snapshots.map(({ source }) => source));
      const { sources } = policyOf(configuration.current(), state.snapshots);
      const names = sources.flatMap(({ name, isRemoved }) => (isRemoved || !read.has(name) ? [] : [name]));
      return parts.symbols.serve(state.commit, names, () => readOrigins(index, state.commit));
    },

    async openAsset(assetPath) {
      const named = parseAssetPath(assetPath);
      const block = named && findBlock((await index.state()).blocks, named.module, named.version);
      return block ? { kind: 'blocked', block } : parts.assets.open(assetPath);
    },

    readTimes: async () => listReadTimes(configuration.current()),

    forgetAbsences() {
      for (const source of parts.sources().values()) source.forgetAbsences();
    },

    cacheSpace: () => parts.cacheSpace().catch(() => undefined),

    sourcesLeftAlone: () =>
      [...parts.sources().values()].flatMap((source) => {
        const cause = source.refusal();
        return cause === undefined ? [] : [{ source: source.config.name, cause }];
      }),

    isReady: async () => hasAnythingToServe(configuration.current(), await index.state()),
    staleSources: async () => findStaleSources(configuration.current(), await index.state()),

    async close() {
      await parts.connections.close();
      await parts.delivery.settle();
      parts.assets.settle();
      await parts.audit.flush();
      index.close();
      await parts.scratch?.remove();
    },
  };
}

async function refreshSymbols(
  { sources, symbols }: RegistryParts,
  signal: AbortSignal | undefined,
): Promise<undefined> {
  const enabled = [...sources().values()].filter((source) => source.config.enabled);
  await symbols.refresh(enabled, signal);
}

/** One source, disabled or not, or all that are enabled. */
async function checkSources(
  { configuration, sources, index, scratch, context }: RegistryParts,
  name: string | undefined,
) {
  const { log } = context();
  await scratch?.make();
  const connected = sources();
  const enabled = configuration.current().sources.filter((source) => source.enabled);
  const names = name === undefined ? enabled.map((source) => source.name) : [name];
  return Promise.all(
    names.map((wanted) => {
      const source = connected.get(wanted);
      if (source) return checkSource(source, index, log);
      throw unknownSource(wanted, [...connected.keys()]);
    }),
  );
}

function unknownSource(name: string, names: readonly string[]): NotFoundError {
  const guess = suggest(name, names);
  return new NotFoundError(`there is no source "${name}"; configured sources: ${names.join(', ')}`, {
    hint: guess === undefined ? undefined : `did you mean "${guess}"?`,
  });
}
