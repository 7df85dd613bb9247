import type { AbandonedUpload, StoredArchives } from '../../archives/archive-store.ts';
import type { StagedArchives } from '../../archives/staged-archives.ts';
import type { VerifyingStore } from '../../archives/verifying-store.ts';
import { hosted } from '../../model/hosted.ts';
import { detailOf } from '../../model/lookup.ts';
import type { ModuleName } from '../../model/module-name.ts';
import { fetchArchive, intoStore } from '../deliver/fetch-archive.ts';
import type { WantedArchive } from '../deliver/find-suppliers.ts';
import type { Resolver } from '../sync/resolve-module.ts';
import type { SyncContext } from '../sync/sync-context.ts';
import { verifyArchives } from './verify-archives.ts';
import { verifyContents } from './verify-contents.ts';
import type { VerifyOptions } from './verify-options.ts';
import type { VerifyFinding, VerifyStep } from './verify-report.ts';
import { stepOf } from './verify-repository.ts';
import { verifyStaged } from './verify-staged.ts';

export interface VerifyContext extends SyncContext {
  /** The archives as they are on the disk, and what looks after them. */
  readonly files: StoredArchives;
  readonly archives: VerifyingStore;
  /** Archives that wait for approval. */
  readonly staged: StagedArchives;
  readonly resolver: Resolver;
  readonly findAbandoned: () => Promise<readonly AbandonedUpload[]>;
}

/** Index against ledger against archives, of one state: a sync meanwhile does not disturb it. */
export async function verifyOpened(
  context: VerifyContext,
  options: VerifyOptions,
): Promise<readonly VerifyStep[]> {
  const { config, index, resolver } = context;
  const contents = await verifyContents(index, await index.state(), {
    ...options,
    sources: new Set(config.sources.map(({ name }) => name)),
  });
  const archives = await verifyArchives(
    {
      ...context,
      contents,
      isHosted: async (module: ModuleName) => (await resolver.locate(module)).decision.origin === hosted,
      async isFetchedOnDemand(module: ModuleName) {
        const { decision } = await resolver.locate(module);
        return config.server.upstreamFallback && decision.supply !== 'obtainable';
      },
      // No fetch on demand: `upstream_fallback = false` says what clients may cause, not what the operator's disk may lose.
      async refetch(archive: WantedArchive) {
        const sink = intoStore(context.archives);
        const outcome = await fetchArchive(archive, resolver, sink, context, options.signal);
        if (outcome.kind === 'found') return undefined;
        return detailOf(outcome);
      },
    },
    options,
  );
  const staged = await verifyStaged(contents.waiting, context.staged, options.signal);
  const stored = stepOf('archives', archives.checked, [...archives.findings, ...staged]);
  return [...contents.steps, stored, await clearTemporaries(context, options)];
}

async function clearTemporaries(
  { findAbandoned }: VerifyContext,
  { repair = false, onProgress }: VerifyOptions,
): Promise<VerifyStep> {
  onProgress?.({ step: 'temporary-files', done: 0, total: 0 });
  const abandoned = await findAbandoned();
  if (repair) for (const one of abandoned) await one.remove();
  const detail = repair ? 'was left by a killed process: removed' : 'was left by a killed process';
  const findings = abandoned.map(
    ({ place }): VerifyFinding => ({ severity: 'note', subject: place, detail, isRepaired: repair }),
  );
  return stepOf('temporary-files', abandoned.length, findings);
}
