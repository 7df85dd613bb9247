import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { ConfigError, RegistryError } from '../errors.ts';
import { isOpenConflict } from '../model/finding.ts';
import type { HealthCheck } from '../model/health-check.ts';
import { unlessOwnFailure } from '../support/git/git-disk.ts';
import { openRegistry } from './open.ts';
import type { Actor } from './record/audit.ts';
import type { Registry } from './registry.ts';
import { lookAtData } from './upkeep/data-standing.ts';
import { containCheck } from './upkeep/doctor/contain-check.ts';
import { checkConfig } from './upkeep/doctor/doctor-config.ts';
import { checkData } from './upkeep/doctor/doctor-data.ts';
import { checkGitConfig } from './upkeep/doctor/doctor-git-config.ts';
import { type ClientSide, checkClient } from './upkeep/doctor/doctor-moon.ts';
import { checkProcessOne } from './upkeep/doctor/doctor-process.ts';
import { checkClock, lookAtSource, type SourceLook } from './upkeep/doctor/doctor-source.ts';
import { checkGit, checkNode } from './upkeep/doctor/doctor-tools.ts';
import { withOwners } from './upkeep/owners.ts';

export interface DoctorReport {
  /** The registry's folder. */
  readonly directory: string;
  readonly checks: readonly HealthCheck[];
}

export interface DoctorOptions {
  /** The folder that holds `registry.toml`. */
  readonly directory: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** For the audit file. */
  readonly actor: Actor;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly client: (config: Config | undefined) => ClientSide;
}

/**
 * Looks at everything a registry needs: tools, settings, disk, clock, sources, and `moon` on this machine. What is wrong
 * is a check that fails, a `registry.toml` that does not load too, and so is what cannot be looked at: nothing keeps it from
 * telling the rest. Changes nothing.
 */
export async function examine(options: DoctorOptions): Promise<DoctorReport> {
  const { directory } = options;
  const loaded = await load(directory);
  const config = 'config' in loaded ? loaded.config : undefined;
  const problems = 'problems' in loaded ? loaded.problems : [];
  const checks = await Promise.all([
    containCheck('Node.js', checkNode),
    containCheck('git', checkGit),
    containCheck('process 1', checkProcessOne),
    problems,
    containCheck('registry.toml', () => checkConfig(directory, config)),
    checkData(directory, config),
    config ? containCheck('index', () => examineSources(options, config)) : [],
    containCheck('moon', () => checkClient(options.client(config))),
  ]);
  return { directory, checks: checks.flat() };
}

async function load(
  directory: string,
): Promise<{ readonly config: Config } | { readonly problems: readonly HealthCheck[] }> {
  const name = 'registry.toml';
  try {
    return { config: await loadConfig(directory) };
  } catch (thrown) {
    const error = unlessOwnFailure(thrown);
    if (!(error instanceof RegistryError)) throw error;
    const { hint } = error;
    const problems = error instanceof ConfigError ? error.problems : [];
    if (problems.length === 0)
      return { problems: [{ name, result: 'failure', detail: error.message, hint }] };
    return {
      problems: problems.map(({ path, line, column, message }) => ({
        name: `${name}:${line}:${column}`,
        result: 'failure',
        detail: path === '' ? message : `${path}: ${message}`,
        hint,
      })),
    };
  }
}

async function examineSources(options: DoctorOptions, config: Config): Promise<HealthCheck[]> {
  const opened = await openIfThere(options, config);
  const { registry } = opened;
  try {
    const looks = await Promise.all(
      config.sources.map((source) => lookAtSource(source, { ...options, registry })),
    );
    const found = looks.flatMap((look: SourceLook) => look.checks);
    return [
      ...opened.checks,
      ...(registry && opened.checks.every(({ result }) => result === 'ok')
        ? await containCheck('conflicts', () => checkConflicts(registry))
        : []),
      checkClock(looks.flatMap((look: SourceLook) => look.clocks)),
      ...found,
      ...(await containCheck('git configuration', () =>
        checkGitConfig(config.sources, options.env, refusingSources(found)),
      )),
    ];
  } finally {
    await registry?.close();
  }
}

/** Sources that let nobody in. */
function refusingSources(checks: readonly HealthCheck[]): Set<string> {
  const steps = checks.filter(({ result, name }) => result === 'failure' && name.endsWith(': authenticate'));
  return new Set(steps.map(({ name }) => name.slice('source '.length, -': authenticate'.length)));
}

async function openIfThere(
  { directory, env, actor }: DoctorOptions,
  config: Config,
): Promise<{ readonly registry: Registry | undefined; readonly checks: readonly HealthCheck[] }> {
  const name = 'index';
  const standing = await lookAtData(directory, config.registry.dataDir).catch(async (error: unknown) =>
    asLost(await withOwners(error, directory)),
  );
  if (standing.kind === 'lost') {
    const { message: detail, hint } = standing.error;
    return { registry: undefined, checks: [{ name, result: 'failure', detail, hint }] };
  }
  let registry: Registry | undefined;
  const checks = await containCheck(name, async () => {
    try {
      const opened = await openRegistry({ directory, env, actor, mode: 'read' });
      registry = opened;
      // Sources are asked all the same: before the first sync, that is what somebody wants to know.
      if (standing.kind === 'none')
        return { name, result: 'warning', detail: 'there is none yet', hint: 'moonbit-registry sync' };
      const detail = `serves commit ${(await opened.servedCommit()).slice(0, 12)}`;
      return { name, result: 'ok', detail };
    } catch (error) {
      // git says of what this user may not read that it is damaged.
      throw await withOwners(error, directory);
    }
  });
  return { registry, checks };
}

function asLost(error: unknown) {
  if (!(error instanceof RegistryError)) throw error;
  return { kind: 'lost', error } as const;
}

async function checkConflicts(registry: Registry): Promise<HealthCheck[]> {
  const open = (await registry.conflicts()).filter(isOpenConflict).length;
  if (open === 0) return [];
  return [
    {
      name: 'conflicts',
      result: 'warning',
      detail: `${open} wait for a decision`,
      hint: 'moonbit-registry conflicts',
    },
  ];
}
