/** Limits in `registry.toml` and in `Config`: which setting is which field, said once for both directions. */
import type { Limits, SourceLimits } from './config.ts';
import { formatDuration, parseDuration } from './duration.ts';
import type { ConfigFile, SourceEntry } from './schema.ts';
import { formatSize, parseSize } from './size.ts';

/** By the setting below `[limits]`. What a field counts, the end of its name says. */
export const limitFields = {
  request_target: 'targetCharacters',
  request_body: 'bodyBytes',
  request_bodies: 'allBodiesBytes',
  git_processes: 'gitProcesses',
  git_queue: 'gitQueue',
  git_timeout: 'gitTimeoutMs',
  git_answer: 'gitAnswerBytes',
  git_cache: 'gitCacheBytes',
  git_spool: 'gitSpoolBytes',
  archive_cache: 'archiveCacheBytes',
  first_byte_timeout: 'firstByteMs',
  headers_timeout: 'headersMs',
  request_timeout: 'requestMs',
  keep_alive_timeout: 'keepAliveMs',
  stalled_timeout: 'stalledMs',
} as const satisfies Record<keyof ConfigFile['limits'], keyof Limits>;

/** By the setting below the `limits` of a source. */
export const sourceLimitFields = {
  modules: 'modules',
  index_file: 'indexFileBytes',
  index_lines: 'indexLines',
  index_bytes: 'indexBytes',
  fetch_bytes: 'fetchBytes',
  fetch_time: 'fetchMs',
  listing_bytes: 'listingBytes',
  findings: 'findings',
  findings_per_file: 'findingsPerFile',
  archive: 'archiveBytes',
  asset: 'assetBytes',
  disk_share: 'diskShare',
  waiting_requests: 'waitingRequests',
} as const satisfies Record<keyof SourceEntry['limits'], keyof SourceLimits>;

/** The limits of a file without problems, as numbers. */
export function readLimits<Field extends string>(
  fields: Readonly<Record<string, Field>>,
  written: Readonly<Record<string, string | number>>,
): Readonly<Record<Field, number>> {
  const entries = Object.entries(fields).map(([key, field]) => [field, toNumber(field, written[key])]);
  return Object.fromEntries(entries) as Record<Field, number>;
}

function toNumber(field: string, written: string | number | undefined): number {
  if (typeof written === 'number') return field.endsWith('Share') ? written / 100 : written;
  const parsed = (field.endsWith('Ms') ? parseDuration : parseSize)(written ?? '');
  if (parsed === undefined) throw new Error(`not a limit: ${written}`);
  return parsed;
}

/** A limit as the file would have it. */
export function writeLimit(field: string, value: number): string | number {
  if (field.endsWith('Bytes')) return formatSize(value);
  if (field.endsWith('Ms')) return formatDuration(value);
  return field.endsWith('Share') ? Math.round(value * 100) : value;
}
