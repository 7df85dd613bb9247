import { createHash } from 'node:crypto';
import type { AppRequest } from '../../http/answer.ts';
import { answerEntity } from '../../http/entity.ts';
import { clientConfigFor } from '../../model/moon-client.ts';
import { descriptionMark, mostWithdrawn } from '../../model/registry-description.ts';
import type { WithdrawnVersion } from '../../registry/hosting/withdrawn.ts';
import type { IndexServing, Serving, Settings } from '../../registry/registry.ts';
import { programVersion } from '../../support/version.ts';
import { toVisibleJson } from '../../support/visible-text.ts';
import type { GuardedRoute } from '../access.ts';
import type { Staleness } from '../staleness.ts';

type DescribedRegistry = Settings &
  Pick<IndexServing, 'servedCommit' | 'stateCommit'> &
  Pick<Serving, 'hosted'>;

export interface DescriptionOptions {
  /** Where clients reach us, without trailing slash; else the request says it. */
  readonly baseUrl: () => string | undefined;
  readonly staleness: Pick<Staleness, 'look'>;
}

/**
 * For registries that take this one as a source: what it hosts, where its index stands, and what of it is not current. Nothing
 * in it changes unless one of these does, so one conditional request tells that nothing has.
 */
export function createDescriptionRoute(
  registry: DescribedRegistry,
  options: DescriptionOptions,
): GuardedRoute {
  return {
    methods: ['GET', 'HEAD'],
    pattern: /^\/\.well-known\/moonbit-registry$/,
    async handle(request) {
      const source = Buffer.from(`${toVisibleJson(await describe(registry, options, request))}\n`);
      const etag = createHash('sha256').update(source).digest('hex');
      const headers = { 'Content-Type': 'application/json; charset=utf-8', 'Cache-Control': 'no-cache' };
      return answerEntity(request, { etag, headers, sizeBytes: source.length, source });
    },
  };
}

/** Of the others, the address tells. */
function newest(withdrawn: readonly WithdrawnVersion[]): readonly WithdrawnVersion[] {
  return withdrawn.toSorted((a, b) => (a.at < b.at ? 1 : -1)).slice(0, mostWithdrawn);
}

async function describe(
  registry: DescribedRegistry,
  { baseUrl, staleness }: DescriptionOptions,
  request: AppRequest,
) {
  const base = baseUrl() ?? request.origin();
  // The commit is read before the rest: a reader that is told of an older one asks again.
  const commit = await registry.servedCommit();
  const [state, hosts, withdrawn, stale] = await Promise.all([
    registry.stateCommit(),
    registry.hosted.names(),
    registry.hosted.withdrawn(),
    staleness.look(),
  ]);
  return {
    registry: descriptionMark,
    name: registry.config.registry.name,
    version: programVersion,
    capabilities: ['hosts', 'index-commit', 'stale', 'withdrawn'],
    hosts,
    index: { url: clientConfigFor(base).index, commit },
    archives: `${base}/user/{owner}/{name}/{version}.zip`,
    withdrawn: { url: `${base}/api/v0/withdrawn`, newest: newest(withdrawn) },
    // Never what a source answered, nor where it is.
    stale: stale.map(({ source, readAt }) => ({ source, readAt: readAt ?? null })),
    state,
  };
}
