import type { StoreOptions } from '../../archives/archive-store.ts';
import type { SourceConfig } from '../../config/config.ts';
import type { OpenedBody } from '../../sources/source.ts';

/** What storing a body that this source sends may cost. */
export function boundsOf(
  { name, limits }: SourceConfig,
  maxBytes: number,
  { sizeBytes }: OpenedBody,
): Pick<StoreOptions, 'maxBytes' | 'announcedBytes' | 'supplier'> {
  return { maxBytes, announcedBytes: sizeBytes, supplier: { name, diskShare: limits.diskShare } };
}
