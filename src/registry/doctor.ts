import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { ConfigError, RegistryError } from '../errors.ts';
import { isOpenConflict } from '../model/finding.ts';
import type { HealthCheck } from '../model/health-check.ts';
import type { Environment } from '../support/environment.ts';
import { unlessOwnFailure } from '../support/git/git-disk.ts';
import { openRegistry } from './open.ts';
import type { Actor } from './record/audit.ts';
import type { Registry } from './registry.ts';
import { lookAtData } from './upkeep/data-standing.ts';
import { judgeClock, judgeStateDate } from './upkeep/doctor/doctor-clock.ts';
import { configProbes } from './upkeep/doctor/doctor-config.ts';
import { dataProbes } from './upkeep/doctor/doctor-data.ts';
import { checkGitConfig } from './upkeep/doctor/doctor-git-config.ts';
import { type ClientSide, moonProbes } from './upkeep/doctor/doctor-moon.ts';
import { examineSource } from './upkeep/doctor/doctor-source.ts';
import { toolProbes } from './upkeep/doctor/doctor-tools.ts';
import { judgeView } from './upkeep/doctor/doctor-views.ts';
import { failure, ok, runProbes, type Verdict, warning } from './upkeep/doctor/probe.ts';
import { withOwners } from './upkeep/owners.ts';

export interface DoctorReport {
  /** The registry's folder. */
  readonly directory: string;
  readonly checks: readonly HealthCheck[];
}

export interface DoctorOptions {
  /** The folder that holds `registry.toml`. */
  readonly directory: string;
  readonly env: Environment;
  /** For the audit file. */
  readonly actor: Actor;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** How `moon` is set up here; by the settings, where they load. */
  readonly client: (config: Config | undefined) => ClientSide;
}

/**
 * Looks at everything a registry needs: tools, settings, disk, clock, sources, and `moon` on this machine. What is wrong
 * is a check that fails, a `registry.toml` that does not load too, and so is what cannot be looked at: nothing keeps it from
 * telling the rest. Changes nothing.
 */
export async function examine(options: DoctorOptions): Promise<DoctorReport> {
  const { directory } = options;
  const { config, problems } = await load(directory);
  const checks = await runProbes([
    ...toolProbes,
    { name: 'registry.toml', ask: () => problems },
    ...configProbes(directory, config),
    ...(await dataProbes(directory, config)),
    { name: 'index', ask: () => (config ? examineSources(options, config) : []) },
    { name: 'moon', ask: () => runProbes(moonProbes(options.client(config))) },
  ]);
  return { directory, checks };
}

async function load(
  directory: string,
): Promise<{ readonly config?: Config; readonly problems: readonly Verdict[] }> {
  try {
    return { config: await loadConfig(directory), problems: [] };
  } catch (thrown) {
    const error = unlessOwnFailure(thrown);
    if (!(error instanceof RegistryError)) throw error;
    const { hint } = error;
    const problems = error instanceof ConfigError ? error.problems : [];
    if (problems.length === 0) return { problems: [failure(error.message, hint)] };
    return {
      problems: problems.map(({ path, line, column, message }) => ({
        name: `registry.toml:${line}:${column}`,
        ...failure(path === '' ? message : `${path}: ${message}`, hint),
      })),
    };
  }
}

/** The index, what waits in it, and each source: those are asked also where there is no index yet. */
async function examineSources(options: DoctorOptions, config: Config): Promise<HealthCheck[]> {
  let registry: Registry | undefined;
  const open = async () => {
    const { directory, env, actor } = options;
    registry = await openRegistry({ directory, env, actor, mode: 'read' });
    return registry;
  };
  try {
    const index = await runProbes([{ name: 'index', ask: () => checkIndex(options, config, open) }]);
    const isWell = index.every(({ result }) => result === 'ok');
    const looks = await Promise.all(
      config.sources.map((source) => examineSource(source, { ...options, registry })),
    );
    const found = looks.flatMap(({ checks }) => checks);
    const ofUser = () => checkGitConfig(config.sources, options.env, refusingSources(found));
    return [
      ...index,
      ...(await runProbes([
        { name: 'conflicts', ask: () => (registry && isWell ? checkConflicts(registry) : []) },
        { name: 'views', ask: () => (registry && isWell ? checkViews(registry) : []) },
        { name: 'clock', ask: () => judgeClock(looks.flatMap(({ clocks }) => clocks)) },
        { name: 'dates', ask: () => (registry && isWell ? checkDates(registry, options.now()) : []) },
      ])),
      ...found,
      ...(await runProbes([{ name: 'git configuration', ask: ofUser }])),
    ];
  } finally {
    await registry?.close();
  }
}

async function checkIndex(
  { directory }: DoctorOptions,
  config: Config,
  open: () => Promise<Registry>,
): Promise<Verdict> {
  try {
    const standing = await lookAtData(directory, config.registry.dataDir);
    if (standing.kind === 'lost') return failure(standing.error.message, standing.error.hint);
    const registry = await open();
    // Sources are asked all the same: before the first sync, that is what somebody wants to know.
    if (standing.kind === 'none') return warning('there is none yet', 'moonbit-registry sync');
    return ok(`serves commit ${(await registry.servedCommit()).slice(0, 12)}`);
  } catch (error) {
    // git says of what this user may not read that it is damaged.
    throw await withOwners(error, directory);
  }
}

async function checkConflicts(registry: Registry): Promise<Verdict[]> {
  const open = (await registry.conflicts()).filter(isOpenConflict).length;
  return open === 0 ? [] : [warning(`${open} wait for a decision`, 'moonbit-registry conflicts')];
}

async function checkViews(registry: Registry): Promise<Verdict[]> {
  return (await registry.listViews()).flatMap(judgeView);
}

async function checkDates(registry: Registry, now: number): Promise<Verdict[]> {
  const [newest] = await registry.newestStates(1);
  return judgeStateDate(newest?.since, now);
}

/** Sources that let nobody in. */
function refusingSources(checks: readonly HealthCheck[]): Set<string> {
  const steps = checks.filter(({ result, name }) => result === 'failure' && name.endsWith(': authenticate'));
  return new Set(steps.map(({ name }) => name.slice('source '.length, -': authenticate'.length)));
}
