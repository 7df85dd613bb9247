import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { ConfigError, RegistryError } from '../errors.ts';
import { isOpenConflict } from '../model/finding.ts';
import type { Actor } from './audit.ts';
import { lookAtData } from './data-standing.ts';
import { checkConfig } from './doctor-config.ts';
import { checkData } from './doctor-data.ts';
import { type ClientSide, checkClient } from './doctor-moon.ts';
import { checkProcessOne } from './doctor-process.ts';
import { checkClock, lookAtSource, type SourceLook } from './doctor-source.ts';
import { checkGit, checkNode } from './doctor-tools.ts';
import { openRegistry } from './open.ts';
import type { Registry } from './registry.ts';
import type { DoctorReport, HealthCheck } from './reports.ts';

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
 * is a check that fails, a `registry.toml` that does not load too; changes nothing but git's scratch space.
 */
export async function examine(options: DoctorOptions): Promise<DoctorReport> {
  const { directory } = options;
  const loaded = await load(directory);
  const config = 'config' in loaded ? loaded.config : undefined;
  const [git, settings, data, sources, client] = await Promise.all([
    checkGit(),
    checkConfig(directory, config),
    checkData(directory, config),
    config ? examineSources(options, config) : [],
    checkClient(options.client(config)),
  ]);
  const problems = 'problems' in loaded ? loaded.problems : [];
  const checks = [
    checkNode(),
    git,
    ...checkProcessOne(),
    ...problems,
    ...settings,
    ...data,
    ...sources,
    ...client,
  ];
  return { directory, checks };
}

async function load(
  directory: string,
): Promise<{ readonly config: Config } | { readonly problems: readonly HealthCheck[] }> {
  const name = 'registry.toml';
  try {
    return { config: await loadConfig(directory) };
  } catch (error) {
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
    return [
      ...opened.checks,
      ...(registry ? await checkConflicts(registry) : []),
      checkClock(looks.flatMap((look: SourceLook) => look.clocks)),
      ...looks.flatMap((look) => look.checks),
    ];
  } finally {
    await registry?.close();
  }
}

async function openIfThere(
  { directory, env, actor }: DoctorOptions,
  config: Config,
): Promise<{ readonly registry: Registry | undefined; readonly checks: readonly HealthCheck[] }> {
  const name = 'index';
  const standing = await lookAtData(directory, config.registry.dataDir).catch(asLost);
  if (standing.kind === 'none') {
    const hint = 'moonbit-registry sync';
    return { registry: undefined, checks: [{ name, result: 'warning', detail: 'there is none yet', hint }] };
  }
  if (standing.kind === 'lost') {
    const { message: detail, hint } = standing.error;
    return { registry: undefined, checks: [{ name, result: 'failure', detail, hint }] };
  }
  try {
    const registry = await openRegistry({ directory, env, actor });
    const detail = `serves commit ${(await registry.servedCommit()).slice(0, 12)}`;
    return { registry, checks: [{ name, result: 'ok', detail }] };
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    const { message: detail, hint } = error;
    return { registry: undefined, checks: [{ name, result: 'failure', detail, hint }] };
  }
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
