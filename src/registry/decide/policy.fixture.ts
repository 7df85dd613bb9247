import { defaultSourceLimits } from '../../config/normalise.ts';
import type { SnapshotRecord } from '../../index/registry-state.ts';
import type { PolicySettings } from './policy.ts';

type SourceSettings = PolicySettings['sources'][number];

/** What a policy is made of, with ordinary settings where none are given. */
export function policyConfig(
  sources: readonly (Pick<SourceSettings, 'name'> & Partial<SourceSettings>)[],
  upstreamFallback = true,
): PolicySettings {
  return {
    sources: sources.map((settings) => ({
      priority: 50,
      enabled: true,
      namespaces: [],
      include: [],
      exclude: [],
      indexUrl: `https://${settings.name}.example/index`,
      holdsNewNames: 'all',
      deletedUpstream: 'keep',
      limits: defaultSourceLimits(),
      ...settings,
    })),
    server: { upstreamFallback },
  };
}

export function snapshotRecord(source: string, priority = 50): SnapshotRecord {
  return {
    source,
    priority,
    commit: 'c'.repeat(40),
    tree: 'd'.repeat(40),
    since: '2026-01-01T00:00:00.000Z',
    indexUrl: undefined,
  };
}
