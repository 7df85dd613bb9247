import type { ArchiveStore } from '../../../archives/archive-store.ts';
import type { StagedArchives } from '../../../archives/staged-archives.ts';
import type { SyncContext } from '../../sync/sync-context.ts';
import type { Publication } from '../publication.ts';
import type { Judgement } from '../publish-outcome.ts';

/** What deciding about what waits rests on. */
export interface StagingParts {
  readonly context: () => SyncContext;
  readonly staged: StagedArchives;
  /** Where archives are kept for good. */
  readonly archives: Pick<ArchiveStore, 'store' | 'read'>;
  /** Publishes, together with what else is being published. */
  readonly publish: (publication: Publication) => Promise<Judgement>;
}
