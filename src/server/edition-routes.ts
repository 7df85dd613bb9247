import type { BodyReader } from '../http/request-body.ts';
import type { UploadPack } from '../packs/upload-pack.ts';
import type { EditionServing, Settings } from '../registry/registry.ts';
import type { GuardedRoute } from './access.ts';
import type { BaseAddress } from './base-address.ts';
import { createFreshCommit, type FreshCommit } from './fresh-commit.ts';
import type { Readiness } from './readiness.ts';
import { createApiRoutes } from './routes/api-routes.ts';
import { type ArchiveMemory, editionArchiveCaching } from './routes/archive-memory.ts';
import { createArchiveRoutes } from './routes/archive-routes.ts';
import { createCatalogueReader } from './routes/catalogue-views.ts';
import { createFileRoutes } from './routes/file-routes.ts';
import { createIndexRoutes } from './routes/index-routes.ts';
import { createFrontRoute } from './routes/info-routes.ts';
import { createWhyRoutes } from './routes/why-routes.ts';

/** What all editions share, so that any number of them takes no more than one. */
export interface EditionGround {
  readonly settings: Settings;
  readonly base: BaseAddress;
  readonly stateCommit: FreshCommit;
  /** It is about targets as sent, so that no edition finds what is another's. */
  readonly memory: ArchiveMemory;
  readonly bodies: BodyReader;
  readonly uploadPack: Pick<UploadPack, 'packFor'>;
  readonly readiness: Pick<Readiness, 'refusal' | 'refusalAfterFailure'>;
  readonly firstByteMs: number;
  /** One after the other: a catalogue takes memory while it is made. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
  /** Milliseconds since any moment. */
  readonly now: () => number;
}

/**
 * The routes of an index that is not the whole one: those of clients that read, over what `serving` has, and no other. Each address
 * that they send clients to has `mark` in front.
 */
export function createEditionRoutes(
  serving: EditionServing,
  mark: string,
  ground: EditionGround,
): readonly GuardedRoute[] {
  const { settings, base, stateCommit, memory, bodies, uploadPack, readiness, firstByteMs } = ground;
  const prefix = () => base.prefix() + mark;
  const servedCommit = createFreshCommit(() => serving.servedCommit(), ground.now);
  return [
    ...createArchiveRoutes(serving, stateCommit, memory, {
      ...{ prefix, firstByteMs, caching: editionArchiveCaching },
    }),
    ...createWhyRoutes(serving, { prefix, firstByteMs }),
    ...createIndexRoutes(serving, servedCommit, uploadPack, readiness, bodies),
    ...createFileRoutes(serving, { prefix }),
    ...createApiRoutes(serving, createCatalogueReader(serving, ground.inTurn)),
    createFrontRoute(settings, base.url, mark),
  ];
}
