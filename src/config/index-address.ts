import type { SourceConfig } from './config.ts';

/** What tells one index from another: where it is, and which branch of it is read where that is not the default one. */
export function indexAddress({
  indexUrl,
  indexBranch,
}: Pick<SourceConfig, 'indexUrl' | 'indexBranch'>): string {
  return indexBranch === undefined ? indexUrl : `${indexUrl}#${indexBranch}`;
}
