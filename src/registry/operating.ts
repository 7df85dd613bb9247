import { findSource, noSuchSource } from '../config/find-source.ts';
import { downgrade } from '../index/migrate.ts';
import { listServed } from './deliver/served-modules.ts';
import { adopt, prepareAdoption } from './hosting/adoption.ts';
import { listHostedNames } from './hosting/hosted-names.ts';
import { listWithdrawn } from './hosting/withdrawn.ts';
import { ruleOnYank } from './hosting/yank.ts';
import { mirror } from './mirror/mirror.ts';
import { findOutdated } from './mirror/outdated.ts';
import type { RegistryParts } from './parts.ts';
import type { HostedRulings, Inventory, Rulings, Sources, Syncing, Upkeep } from './registry.ts';
import { withRegistryLock } from './registry-lock.ts';
import { aggregate } from './sync/aggregate.ts';
import { checkSource } from './sync/check-source.ts';
import { listConflicts, ruleOnConflict } from './sync/conflicts.ts';
import { heldBackOf } from './sync/held-back.ts';
import { lookAtSource } from './sync/look-at-source.ts';
import { observationsFile, readObservations } from './sync/observations.ts';
import { ruleOnBlock } from './sync/rule-on-block.ts';
import { suggestModule } from './sync/suggest-module.ts';
import { syncRegistry } from './sync/sync.ts';
import type { SyncContext } from './sync/sync-context.ts';
import { probeDisk } from './upkeep/probe-disk.ts';
import { readStatus } from './upkeep/status.ts';
import { verifyOpened } from './upkeep/verify-opened.ts';

export function createSyncing(parts: RegistryParts): Syncing {
  const { context, scratch, whileTidying } = parts;
  let refreshing: Promise<undefined> | undefined;

  async function refreshSymbols(signal: AbortSignal | undefined): Promise<undefined> {
    const enabled = [...parts.sources().values()].filter((source) => source.config.enabled);
    await parts.symbols.refresh(enabled, signal);
  }

  return {
    async sync(options = {}) {
      const { dryRun = false, signal, goOn } = options;
      await scratch?.make();
      const { report } = await whileTidying(() => syncRegistry(context(), options));
      if (dryRun) return report;
      if (goOn === undefined) await refreshSymbols(signal);
      else if (refreshing === undefined) {
        refreshing = refreshSymbols(signal).finally(() => {
          refreshing = undefined;
        });
        goOn('refresh of the symbols', refreshing);
      }
      return report;
    },
    reaggregate: async () => (await aggregate(context(), {})).report,
    async mirror(options) {
      await scratch?.make();
      return whileTidying(() => mirror(context(), options, parts.actor.user));
    },
    async plan({ config, isFresh = false, signal } = {}) {
      const planned: SyncContext = config
        ? { ...context(), config, currentConfig: async () => config, sources: parts.connections.of(config) }
        : context();
      if (isFresh) await scratch?.make();
      const { report } = isFresh
        ? await syncRegistry(planned, { dryRun: true, signal })
        : await aggregate(planned, { dryRun: true, signal });
      return report;
    },
  };
}

export function lookAtSources(parts: RegistryParts): Sources {
  const { index, scratch, settings, log, clock, now } = parts;
  return {
    async checkSources(name) {
      await scratch?.make();
      const connected = parts.sources();
      const named = name === undefined ? undefined : connected.get(name);
      if (name !== undefined && !named) throw noSuchSource(name, [...connected.keys()]);
      const wanted = named ? [named] : [...connected.values()].filter(({ config }) => config.enabled);
      return Promise.all(wanted.map((source) => checkSource(source, index, log)));
    },
    async lookAtSource(name, { config = settings(), signal } = {}) {
      await scratch?.make();
      const source = findSource(config, name);
      const connect = parts.connections.aside;
      return lookAtSource(source, { config, index, log, clock, now, connect, signal });
    },
    async heldBack() {
      const config = settings();
      const { snapshots, ...state } = await index.state();
      const observations = await readObservations(observationsFile(config));
      return heldBackOf(await state.pending(), { config, snapshots, observations });
    },
  };
}

export function createRulings({ index, context, actor }: RegistryParts): Rulings {
  return {
    conflicts: () => listConflicts(context()),
    ruleOnConflict: (ruling) => ruleOnConflict(context(), ruling, actor.user),
    blocks: async () => (await index.state()).blocks,
    ruleOnBlock: (ruling) => ruleOnBlock(context(), ruling, actor.user),
  };
}

export function createHostedRulings({ index, context, settings }: RegistryParts): HostedRulings {
  return {
    yank: (ruling, by) => ruleOnYank(context(), ruling, by),
    withdraw: (ruling, by) => ruleOnBlock(context(), { action: 'withdraw', ...ruling }, by),
    withdrawn: () => listWithdrawn(index),
    names: () => listHostedNames(index, settings()),
    prepareAdoption: (work, by) => prepareAdoption(context(), work, by),
    adopt: (pattern, by) => adopt(context(), pattern, by),
  };
}

export function createInventory({
  index,
  files,
  archives,
  served,
  settings,
  env,
  now,
  reserve,
}: RegistryParts): Inventory {
  return {
    async status() {
      const config = settings();
      const observations = await readObservations(observationsFile(config));
      const space = await reserve.look().catch(() => undefined);
      return readStatus(config, index, files, observations, env, now(), space);
    },
    list: (options) => listServed({ index, archives }, options),
    async findArchive(module, version) {
      const entry = await served.find(module, version);
      if (!entry) return undefined;
      const isCached = await archives.has(entry.checksum);
      return {
        checksum: entry.checksum,
        cachedAt: isCached ? archives.locate(entry.checksum) : undefined,
      };
    },
    findOutdated: (project) => findOutdated({ index, served }, project),
    suggestModule: async (name) => suggestModule(name, index, await index.state()),
  };
}

export function createUpkeep(parts: RegistryParts): Upkeep {
  const { layout, index, files, archives, staged, findAbandoned } = parts;
  return {
    probeDisk: () => probeDisk(layout),
    scrub: (signal) => parts.scrub.run(signal),
    async verify(options) {
      const resolver = await parts.resolver.get();
      return verifyOpened({ ...parts.context(), files, archives, staged, resolver, findAbandoned }, options);
    },
    downgrade: (format) => withRegistryLock(layout, () => downgrade(index, new Date(), format)),
  };
}
