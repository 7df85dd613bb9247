import { createHash } from 'node:crypto';
import type { Config, SourceConfig } from '../config/config.ts';
import type { SnapshotRecord } from '../index/registry-state.ts';
import type { ModuleName } from '../model/module-name.ts';
import { matchesAny } from '../model/pattern.ts';

/** What decides origins: the operator's settings, and which sources have ever been read. */
export interface Policy {
  /** Most trusted first: by priority number, then in the order in which they were added; removed ones last. */
  readonly sources: readonly PolicySource[];
  readonly upstreamFallback: boolean;
}

export interface PolicySource {
  readonly name: string;
  readonly priority: number;
  readonly isEnabled: boolean;
  /** No longer configured, but still the recorded origin of modules. */
  readonly isRemoved: boolean;
  /** Whether a snapshot of its index is at hand. */
  readonly hasBeenRead: boolean;
  readonly namespaces: readonly string[];
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

/** The settings that decide. */
export interface PolicySettings {
  readonly sources: readonly Pick<
    SourceConfig,
    'name' | 'priority' | 'enabled' | 'namespaces' | 'include' | 'exclude'
  >[];
  readonly server: Pick<Config['server'], 'upstreamFallback'>;
}

export function policyOf(config: PolicySettings, snapshots: readonly SnapshotRecord[]): Policy {
  const read = new Set(snapshots.map((snapshot) => snapshot.source));
  const configured = config.sources.map(
    (source): PolicySource => ({
      name: source.name,
      priority: source.priority,
      isEnabled: source.enabled,
      isRemoved: false,
      hasBeenRead: read.has(source.name),
      namespaces: source.namespaces,
      include: source.include,
      exclude: source.exclude,
    }),
  );
  const removed = snapshots
    .filter((snapshot) => !config.sources.some((source) => source.name === snapshot.source))
    .map(
      ({ source, priority }): PolicySource => ({
        name: source,
        priority,
        isEnabled: false,
        isRemoved: true,
        hasBeenRead: true,
        namespaces: [],
        include: [],
        exclude: [],
      }),
    );
  const sources = [...configured, ...removed].sort((a, b) => a.priority - b.priority);
  return { sources, upstreamFallback: config.server.upstreamFallback };
}

/** Two policies with one digest decide alike. */
export function policyDigest(policy: Policy): string {
  return createHash('sha256').update(JSON.stringify(policy)).digest('hex');
}

/** Whether the operator lets this source supply the name at all. */
export function maySupply(source: PolicySource, module: ModuleName): boolean {
  if (source.include.length > 0 && !matchesAny([...source.include, ...source.namespaces], module))
    return false;
  return !matchesAny(source.exclude, module);
}

/** The source that claims the name for itself, whatever its condition (rule 1). */
export function claimantOf(policy: Policy, module: ModuleName): PolicySource | undefined {
  return policy.sources.find((source) => matchesAny(source.namespaces, module));
}
