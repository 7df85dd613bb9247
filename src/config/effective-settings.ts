import { relative } from 'node:path';
import { formatMirrorPattern } from '../model/mirror-target.ts';
import type { Config, Limits, SourceAuth, SourceConfig, SourceLimits, SourceTls } from './config.ts';
import type { SettingValue } from './config-key.ts';
import { formatDuration } from './duration.ts';
import { showSecretText } from './secret-text.ts';
import { formatSize } from './size.ts';
import { renderItem, type TomlItem } from './toml-edit.ts';

/**
 * All settings in effect, under the names they have in `registry.toml`, `sources.NAME.KEY` for those of a source;
 * of credentials only where they are (rule 10). Settings without a value are left out.
 */
export function effectiveSettings(config: Config): ReadonlyMap<string, SettingValue> {
  const { registry, mirror, server, limits } = config;
  const entries: [string, SettingValue | undefined][] = [
    ['default_source', config.defaultSource],
    ['registry.name', registry.name],
    ['registry.data_dir', relative(config.directory, registry.dataDir)],
    [
      'registry.cache_reserve',
      registry.cacheReserveBytes === undefined ? undefined : formatSize(registry.cacheReserveBytes),
    ],
    ...config.sources.flatMap(sourceSettings),
    ['mirror.packages', mirror.packages.map((target) => itemOf(target, config.defaultSource))],
    ['mirror.auto_sync', mirror.autoSync],
    ['mirror.sync_interval', formatDuration(mirror.syncIntervalMs)],
    ['server.host', server.host],
    ['server.port', server.port],
    ['server.base_url', server.baseUrl],
    ['server.allowed_hosts', server.allowedHosts],
    ['server.trusted_proxies', server.trustedProxies],
    ['server.max_connections', server.maxConnections],
    ['server.upstream_fallback', server.upstreamFallback],
    ['server.refresh_interval', formatDuration(server.refreshIntervalMs)],
    ['server.scrub_interval', formatDuration(server.scrubIntervalMs)],
    ...limitSettings(limits),
  ];
  return new Map(entries.flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const])));
}

function itemOf(target: Config['mirror']['packages'][number], defaultSource: string): TomlItem {
  const pattern = formatMirrorPattern(target);
  return target.source === defaultSource ? pattern : { source: target.source, pattern };
}

/** `mirror.packages = ["a/*"]`: one setting as TOML would have it. */
export function formatSetting(key: string, value: SettingValue): string {
  return `${key} = ${renderValue(value)}`;
}

export function renderValue(value: SettingValue): string {
  return typeof value === 'object' ? `[${value.map(renderItem).join(', ')}]` : JSON.stringify(value);
}

/** A value alone, for scripts: text without quotes, a list one item per line. */
export function formatValue(value: SettingValue): string {
  if (typeof value !== 'object') return String(value);
  return value.map((item) => (typeof item === 'string' ? item : renderItem(item))).join('\n');
}

function limitSettings(limits: Limits): [string, SettingValue][] {
  return [
    ['limits.request_target', limits.targetCharacters],
    ['limits.request_body', formatSize(limits.bodyBytes)],
    ['limits.request_bodies', formatSize(limits.allBodiesBytes)],
    ['limits.git_processes', limits.gitProcesses],
    ['limits.git_queue', limits.gitQueue],
    ['limits.git_timeout', formatDuration(limits.gitTimeoutMs)],
    ['limits.git_answer', formatSize(limits.gitAnswerBytes)],
    ['limits.git_cache', formatSize(limits.gitCacheBytes)],
    ['limits.git_spool', formatSize(limits.gitSpoolBytes)],
    ['limits.archive_cache', formatSize(limits.archiveCacheBytes)],
    ['limits.first_byte_timeout', formatDuration(limits.firstByteMs)],
    ['limits.headers_timeout', formatDuration(limits.headersMs)],
    ['limits.request_timeout', formatDuration(limits.requestMs)],
    ['limits.keep_alive_timeout', formatDuration(limits.keepAliveMs)],
    ['limits.stalled_timeout', formatDuration(limits.stalledMs)],
  ];
}

function sourceSettings(source: SourceConfig): [string, SettingValue | undefined][] {
  const prefix = `sources.${source.name}`;
  return [
    [`${prefix}.type`, source.type],
    [`${prefix}.url`, source.url],
    [`${prefix}.index_url`, source.indexUrl],
    [`${prefix}.index_type`, source.indexType],
    [`${prefix}.index_branch`, source.indexBranch],
    [`${prefix}.user_agent`, source.userAgent],
    [`${prefix}.enabled`, source.enabled],
    [`${prefix}.priority`, source.priority],
    [`${prefix}.namespaces`, source.namespaces],
    [`${prefix}.include`, source.include],
    [`${prefix}.exclude`, source.exclude],
    [`${prefix}.holds_new_names`, source.holdsNewNames],
    [`${prefix}.deleted_upstream`, source.deletedUpstream],
    [`${prefix}.download_url`, source.downloadUrl],
    [`${prefix}.package_url_pattern`, source.packageUrlPattern],
    [`${prefix}.allowed_redirects`, source.allowedRedirects],
    [`${prefix}.max_concurrency`, source.maxConcurrency],
    [`${prefix}.max_requests_per_second`, source.maxRequestsPerSecond],
    ...authSettings(`${prefix}.auth`, source.auth),
    ...tlsSettings(`${prefix}.tls`, source.tls),
    ...sourceLimitSettings(`${prefix}.limits`, source.limits),
  ];
}

function authSettings(prefix: string, auth: SourceAuth | undefined): [string, SettingValue][] {
  if (auth === undefined) return [];
  const secrets = auth.type === 'bearer' ? [auth.token] : [auth.username, auth.password];
  return [
    [`${prefix}.type`, auth.type],
    ...secrets.map((secret): [string, SettingValue] => {
      const command = secret.parts.find((part) => part.kind === 'command');
      return [`${prefix}.${secret.setting}`, command ? command.words : showSecretText(secret)];
    }),
  ];
}

function tlsSettings(prefix: string, tls: SourceTls | undefined): [string, SettingValue | undefined][] {
  return [
    [`${prefix}.certificate`, tls?.certificate?.written],
    [`${prefix}.key`, tls?.key?.written],
    [`${prefix}.ca`, tls?.ca?.written],
  ];
}

function sourceLimitSettings(prefix: string, limits: SourceLimits): [string, SettingValue][] {
  return [
    [`${prefix}.modules`, limits.modules],
    [`${prefix}.index_file`, formatSize(limits.indexFileBytes)],
    [`${prefix}.index_lines`, limits.indexLines],
    [`${prefix}.index_bytes`, formatSize(limits.indexBytes)],
    [`${prefix}.fetch_bytes`, formatSize(limits.fetchBytes)],
    [`${prefix}.fetch_time`, formatDuration(limits.fetchMs)],
    [`${prefix}.listing_bytes`, formatSize(limits.listingBytes)],
    [`${prefix}.findings`, limits.findings],
    [`${prefix}.findings_per_file`, limits.findingsPerFile],
    [`${prefix}.archive`, formatSize(limits.archiveBytes)],
    [`${prefix}.asset`, formatSize(limits.assetBytes)],
    [`${prefix}.disk_share`, Math.round(limits.diskShare * 100)],
    [`${prefix}.waiting_requests`, limits.waitingRequests],
  ];
}
