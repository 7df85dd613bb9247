import { StorageError } from '../../errors.ts';
import { json } from '../../http/answer.ts';
import { clientConfigFor, registryVariable } from '../../model/moon-client.ts';
import type { Serving, Settings } from '../../registry/registry.ts';
import { unlessOwnFailure } from '../../support/git/git-disk.ts';
import { programVersion } from '../../support/version.ts';
import { type GuardedRoute, needsNothing } from '../access.ts';
import type { DataWatch } from '../data-watch.ts';
import { describeHealth, type RefreshTrouble } from '../health.ts';
import type { Readiness } from '../readiness.ts';
import type { Staleness } from '../staleness.ts';

export interface InfoOptions {
  /** Where clients reach us, without trailing slash; else the request says it. */
  readonly baseUrl: () => string | undefined;
  readonly staleness: Staleness;
  readonly readiness: Readiness;
  readonly watch: DataWatch;
  readonly refreshTrouble: () => RefreshTrouble | undefined;
}

/**
 * `/` tells people how to use this registry. `/health` tells machines that it runs, and how well; `/ready`, whether to
 * send it clients.
 */
export function createInfoRoutes(registry: Serving, options: InfoOptions): GuardedRoute[] {
  return [
    createFrontRoute(registry, options.baseUrl),
    {
      methods: ['GET', 'HEAD'],
      pattern: /^\/health$/,
      need: () => needsNothing,
      handle: async (_, { readsAll }) => {
        const facts = {
          ...(await readFacts(registry, options)),
          leftAlone: registry.sourcesLeftAlone(),
          trouble: options.refreshTrouble(),
          isCachingPaused: (await registry.cacheSpace())?.isPaused ?? false,
        };
        const health = describeHealth(facts);
        return json(readsAll ? health : { status: health.status }, { 'Cache-Control': 'no-store' });
      },
    },
    {
      methods: ['GET', 'HEAD'],
      pattern: /^\/ready$/,
      need: () => needsNothing,
      handle: async () =>
        (await options.readiness.wholeRefusal()) ?? json({ ready: true }, { 'Cache-Control': 'no-store' }),
    },
  ];
}

/** `/`: what is said of this registry, or of an edition of it, which `mark` stands in front of. */
export function createFrontRoute(
  registry: Settings,
  baseUrl: InfoOptions['baseUrl'],
  mark = '',
): GuardedRoute {
  return {
    methods: ['GET', 'HEAD'],
    pattern: /^\/$/,
    async handle(request) {
      const base = (baseUrl() ?? request.origin()) + mark;
      const ofAll = mark === '' ? { health: `${base}/health`, ready: `${base}/ready` } : {};
      return json({ ...describeRegistry(registry, base), ...ofAll });
    },
  };
}

/** What our own disk does not tell makes us unwell, and the process answers all the same. */
async function readFacts(registry: Serving, { staleness, watch }: InfoOptions) {
  const data = await watch.look();
  try {
    const [commit, stale] = await Promise.all([registry.servedCommit(), staleness.look()]);
    return { data, commit, stale };
  } catch (error) {
    if (!(unlessOwnFailure(error) instanceof StorageError)) throw error;
    return { data: data.index ? data : watch.blame(error), commit: undefined, stale: [] };
  }
}

function describeRegistry(registry: Settings, base: string) {
  const client = clientConfigFor(base);
  return {
    name: registry.config.registry.name,
    version: programVersion,
    description: 'A MoonBit registry: modules of several sources behind one address.',
    index: client.index,
    archives: `${base}/user/{owner}/{name}/{version}.zip`,
    symbols: client.symbols,
    api: `${base}/api/v0`,
    client: {
      'config.json': client,
      environment: `${registryVariable}=${base}`,
    },
  };
}
