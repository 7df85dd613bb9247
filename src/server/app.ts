import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import pLimit from 'p-limit';
import type { Limits } from '../config/config.ts';
import { createClientReader } from '../http/client-address.ts';
import { createBodyReader } from '../http/request-body.ts';
import { servingAnyMain } from '../packs/any-main.ts';
import { createUploadPack, type UploadPackStats } from '../packs/upload-pack.ts';
import { watchTokens } from '../registry/access/token-watch.ts';
import type { Serving } from '../registry/registry.ts';
import { type Log, silentLog } from '../support/log.ts';
import { createAccess, type GuardedRoute } from './access.ts';
import type { Listening } from './allowed-hosts.ts';
import { createBaseAddress } from './base-address.ts';
import { createBefore } from './before.ts';
import { createDataWatch, type DataWatch } from './data-watch.ts';
import { createDatedEditions } from './dated.ts';
import type { EditionGround } from './edition-routes.ts';
import { createFreshCommit } from './fresh-commit.ts';
import { createHandler } from './handle.ts';
import type { RefreshTrouble } from './health.ts';
import { createReadiness } from './readiness.ts';
import { createAnsweredRoute } from './routes/answered-route.ts';
import { createApiRoutes } from './routes/api-routes.ts';
import { archiveCaching, createArchiveMemory } from './routes/archive-memory.ts';
import { createArchiveRoutes } from './routes/archive-routes.ts';
import { createDescriptionRoute } from './routes/description-route.ts';
import { createFileRoutes } from './routes/file-routes.ts';
import { createHostedRoutes } from './routes/hosted-routes.ts';
import { createIndexRoutes } from './routes/index-routes.ts';
import { createInfoRoutes } from './routes/info-routes.ts';
import { createOidcRoutes } from './routes/oidc-route.ts';
import { createPublishRoutes } from './routes/publish-routes.ts';
import { createStagedRoutes } from './routes/staged-routes.ts';
import { createWhyRoutes } from './routes/why-routes.ts';
import { createStaleness } from './staleness.ts';
import { createViewEditions } from './views.ts';

/** Archives up to this size are kept in memory and sent with one write. */
const smallArchiveBytes = 1024 * 1024;

type AppLimits = Limits & { readonly smallArchiveBytes: number };

export interface AppOptions {
  /** Where the server listens; asked while it does. */
  readonly listening: () => Listening;
  readonly log?: Log | undefined;
  /** Whether ordinary requests are news (level `info`) and not details (`debug`). */
  readonly accessLog?: boolean | undefined;
  /** Whether the log is told of the parts of requests to publish: names and sizes, no values. */
  readonly recordsPublish?: boolean | undefined;
  /** Instead of the registry's own. */
  readonly limits?: Partial<AppLimits> | undefined;
  /** Milliseconds since any moment. */
  readonly now?: (() => number) | undefined;
  /** What whoever refreshes the index knows of its failing. */
  readonly refreshTrouble?: (() => RefreshTrouble | undefined) | undefined;
}

export interface App {
  /** Before anybody is answered: finds out who may. */
  prepare(): Promise<void>;
  /** Answers one request, whatever happens. Settles when the answer is on its way out. */
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>;
  /** Of the index of now, and of those of the past. */
  stats(): { readonly git: UploadPackStats; readonly past: UploadPackStats };
  /** Everything that is answered at all: methods, and what their paths look like. */
  readonly routes: readonly Pick<GuardedRoute, 'methods' | 'pattern'>[];
  /** When nobody is answered any more. */
  close(): void;
}

/** Everything the server answers, as an ordered table of routes over raw request targets. */
export function createApp(registry: Serving, options: AppOptions): App {
  const limits: AppLimits = { smallArchiveBytes, ...registry.config.limits, ...options.limits };
  const log = options.log ?? silentLog;
  const now = options.now ?? (() => performance.now());
  const base = createBaseAddress(registry);
  const { prefix } = base;
  const { targetCharacters } = limits;
  const tokens = watchTokens({
    ...{ store: registry.access.store, log, now },
    entries: () => registry.config.access.oidc,
  });
  const access = createAccess({
    ...{ settings: () => registry.config, tokens, date: Date.now, now },
    ...{ lastUse: registry.access.lastUse, short: registry.access.short },
  });
  const staleness = createStaleness(registry, log, now);
  const watch = watchData(registry, limits, { log, now });
  const readiness = createReadiness(registry, watch);
  const servedCommit = createFreshCommit(() => registry.servedCommit(), now);
  // A decision may refuse an archive, and leave the index as it is.
  const stateCommit = createFreshCommit(() => registry.stateCommit(), now);
  const memory = createArchiveMemory(limits);
  const bodies = createBodyReader(limits);
  const packing = {
    gitDir: registry.indexDirectory,
    queue: limits.gitQueue,
    smallBytes: limits.gitAnswerBytes,
    folder: registry.config.registry.dataDir,
    timeoutMs: limits.gitTimeoutMs,
    onFailure: watch.suspect,
    log,
    isTold: (error: unknown) => registry.disk.refused(error),
  };
  const uploadPack = createUploadPack({
    ...packing,
    readCommit: () => servedCommit.read(),
    processes: limits.gitProcesses,
    memoryBytes: limits.gitCacheBytes,
    shared: registry.sharing.isShared ? registry.sharing : undefined,
    diskBytes: limits.gitSpoolBytes,
  });
  const pastUploadPack = createUploadPack({ ...packing, ...sharesOfThePast(limits), readCommit: undefined });
  const routes: readonly GuardedRoute[] = [
    createAnsweredRoute(),
    ...createArchiveRoutes(registry, stateCommit, memory, { ...limits, prefix, caching: archiveCaching }),
    ...createWhyRoutes(registry, { prefix, firstByteMs: limits.firstByteMs }),
    ...createIndexRoutes(registry, servedCommit, uploadPack, readiness, bodies),
    ...createFileRoutes(registry, { prefix }),
    ...createApiRoutes(registry),
    ...createPublishRoutes(registry, { access, log, records: options.recordsPublish ?? false }),
    ...createHostedRoutes(registry, { access, allBodiesBytes: limits.allBodiesBytes }),
    ...createOidcRoutes(registry, access, { baseUrl: base.url, allBodiesBytes: limits.allBodiesBytes }),
    ...createStagedRoutes(registry, { access, allBodiesBytes: limits.allBodiesBytes }),
    createDescriptionRoute(registry, { baseUrl: base.url, staleness }),
    ...createInfoRoutes(registry, {
      baseUrl: base.url,
      staleness,
      readiness,
      watch,
      refreshTrouble: options.refreshTrouble ?? (() => undefined),
    }),
  ];
  const ground: EditionGround = {
    ...{ settings: registry, base, stateCommit, memory, bodies, now, inTurn: pLimit(1) },
    // What was served then can be, whatever is read or enabled now.
    readiness: createReadiness({ config: registry.config, isReady: async () => true }, watch),
    uploadPack: servingAnyMain(pastUploadPack),
    firstByteMs: limits.firstByteMs,
  };
  const editions = [createDatedEditions(registry, ground), createViewEditions(registry, ground)];
  const handle = createHandler({
    before: createBefore({ registry, listening: options.listening, log, now, targetCharacters }),
    readClient: createClientReader(registry),
    access,
    readsPathTokens: () => registry.config.access.tokenInPath,
    routes,
    editions,
    findReady: (target) => memory.findReady(target, stateCommit.glance()),
    staleness,
    watch,
    prefix,
    bodyBytes: limits.bodyBytes,
    log,
    accessLog: options.accessLog ?? false,
    now,
  });
  return {
    prepare: tokens.look,
    handle,
    routes,
    stats: () => ({ git: uploadPack.stats(), past: pastUploadPack.stats() }),
    close() {
      tokens.close();
      uploadPack.close();
      pastUploadPack.close();
    },
  };
}

function watchData(
  { data }: Serving,
  { gitTimeoutMs: timeoutMs }: Limits,
  { log, now }: { readonly log: Log; readonly now: () => number },
): DataWatch {
  return createDataWatch({
    ...{ data, timeoutMs, log, now },
    date: () => new Date(),
    sleep: (ms, signal) => setTimeout(ms, undefined, { signal, ref: false }),
  });
}

/** Whoever asks for one date after the other takes nothing from clients of now but this much more memory, disk and work. */
function sharesOfThePast({ gitProcesses, gitCacheBytes, gitSpoolBytes }: Limits) {
  return {
    processes: Math.max(1, Math.floor(gitProcesses / 4)),
    memoryBytes: Math.floor(gitCacheBytes / 4),
    diskBytes: Math.floor(gitSpoolBytes / 4),
  };
}
