import { basename, join, resolve } from 'node:path';
import * as v from 'valibot';
import { anySource, type MirrorTarget, parseMirrorPattern } from '../model/mirror-target.ts';
import { covers } from '../model/pattern.ts';
import { impliedPreset, sourceKinds } from '../sources/kinds.ts';
import { absolutePackageUrlPattern, readHostName, withoutTrailingSlash } from './addresses.ts';
import type { Config, SourceConfig, SourceLimits } from './config.ts';
import { configFileName } from './config-file.ts';
import { parseDuration } from './duration.ts';
import { limitFields, readLimits, sourceLimitFields } from './limit-fields.ts';
import { normaliseAccess } from './normalise-access.ts';
import { normaliseOidc } from './normalise-oidc.ts';
import type { ConfigFile, SourceEntry } from './schema.ts';
import { source as sourceSchema } from './schema-source.ts';
import { parseSize } from './size.ts';
import { locate, type TomlDocument } from './toml-document.ts';

export interface ConfigContext {
  /** The folder that holds `registry.toml`; made absolute if it is not. */
  readonly directory: string;
}

/** What a file without problems means: defaults and presets resolved, deeply frozen. */
export function normaliseConfig(file: ConfigFile, document: TomlDocument, context: ConfigContext): Config {
  const directory = resolve(context.directory);
  const sources = file.sources.map((source, index) =>
    normaliseSource(source, normaliseAccess(source, { document, index, directory })),
  );
  // Who hosts modules does not want to be a mirror of everything unasked.
  const isImplied = sources.length === 0 && file.hosting.namespaces.length === 0;
  const used = isImplied ? [impliedSource()] : sources;
  const defaultSource = namedDefault(file) ?? used[0]?.name ?? impliedPreset.name;
  const { registry, mirror, server } = file;
  return freezeDeeply({
    directory,
    file: join(directory, configFileName),
    registry: {
      name: registry.name ?? (basename(directory) || 'registry'),
      dataDir: resolve(directory, registry.data_dir),
      cacheReserveBytes: registry.cache_reserve === undefined ? undefined : parseSize(registry.cache_reserve),
    },
    sources: used,
    views: file.views.map(({ name, include, for: audience }) => ({ name, include, for: audience })),
    defaultSource,
    sourcesAreImplied: isImplied,
    mirror: {
      packages: mirror.packages.map((item) => targetOf(item, defaultSource)),
      autoSync: mirror.auto_sync,
      syncIntervalMs: milliseconds(mirror.sync_interval),
    },
    server: {
      host: server.host,
      port: server.port,
      baseUrl: server.base_url === undefined ? undefined : withoutTrailingSlash(server.base_url),
      allowedHosts: server.allowed_hosts.map((host) => readHostName(host) ?? host),
      trustedProxies: server.trusted_proxies,
      maxConnections: server.max_connections,
      upstreamFallback: server.upstream_fallback,
      refreshIntervalMs: milliseconds(server.refresh_interval),
      scrubIntervalMs: milliseconds(server.scrub_interval),
    },
    access: {
      read: file.access.read,
      tokenInPath: file.access.token_in_path,
      oidc: file.access.oidc.map(normaliseOidc),
    },
    hosting: normaliseHosting(file.hosting),
    limits: readLimits(limitFields, file.limits),
    warnings: [...misplacedDefaults(file, document), ...foreignPackages(file, document, defaultSource)],
  });
}

function normaliseHosting(hosting: ConfigFile['hosting']): Config['hosting'] {
  return {
    namespaces: hosting.namespaces,
    maxArchiveBytes: bytesOf(hosting.max_archive),
    maxUnpackedBytes: bytesOf(hosting.max_unpacked),
    requireIncreasingVersions: hosting.require_increasing_versions,
    requireResolvable: hosting.require_resolvable,
    refuseScripts: hosting.refuse_scripts,
    requireApproval: hosting.require_approval,
    maxStagedBytes: bytesOf(hosting.max_staged),
    stagedExpiryMs: milliseconds(hosting.staged_expiry),
  };
}

function normaliseSource(source: SourceEntry, access: Pick<SourceConfig, 'auth' | 'tls'>): SourceConfig {
  const kind = sourceKinds[source.type];
  const url = withoutTrailingSlash(source.url ?? impliedPreset.url);
  const downloadUrl = withoutTrailingSlash(source.download_url ?? kind.archivesAt(url));
  const pattern = source.package_url_pattern;
  return {
    name: source.name,
    type: source.type,
    url,
    indexUrl: source.index_url ?? impliedPreset.indexUrl,
    indexType: source.index_type,
    indexBranch: source.index_branch,
    userAgent: source.user_agent,
    enabled: source.enabled,
    priority: source.priority ?? kind.priority,
    namespaces: source.namespaces,
    include: source.include,
    exclude: source.exclude,
    holdsNewNames: source.holds_new_names ?? (source.namespaces.length > 0 ? 'claimed' : 'all'),
    deletedUpstream: source.deleted_upstream,
    downloadUrl,
    packageUrlPattern: pattern === undefined ? undefined : absolutePackageUrlPattern(pattern, downloadUrl),
    allowedRedirects: source.allowed_redirects,
    maxConcurrency: source.max_concurrency,
    maxRequestsPerSecond: source.max_requests_per_second,
    ...access,
    limits: readLimits(sourceLimitFields, source.limits),
  };
}

/** The official registry, as a file would have it that says nothing else of it. */
function impliedSource(): SourceConfig {
  const { name, type } = impliedPreset;
  return normaliseSource(v.parse(sourceSchema, { name, type }), { auth: undefined });
}

function namedDefault(file: ConfigFile): string | undefined {
  return (
    file.default_source ?? file.sources.find((source) => source.default_source !== undefined)?.default_source
  );
}

function misplacedDefaults(file: ConfigFile, document: TomlDocument): string[] {
  return file.sources.flatMap(({ name, default_source }, index) => {
    if (default_source === undefined) return [];
    const { line } = locate(document, ['sources', index, 'default_source'], 'key');
    return [
      `${configFileName}:${line}: default_source stands below a [[sources]] header, which makes it a setting of ` +
        `source "${name}"; it is read as the registry's, but belongs at the top of the file`,
    ];
  });
}

function targetOf(item: ConfigFile['mirror']['packages'][number], defaultSource: string): MirrorTarget {
  if (typeof item === 'string') return { source: defaultSource, ...parseMirrorPattern(item) };
  return { source: item.source, ...parseMirrorPattern(item.pattern) };
}

/** What can match nothing: in a source that is not there, or where another source claims the names. */
function foreignPackages(file: ConfigFile, document: TomlDocument, defaultSource: string): string[] {
  return file.mirror.packages.flatMap((item, index) => {
    const { source, pattern } = targetOf(item, defaultSource);
    if (source === anySource) return [];
    const { line } = locate(document, ['mirror', 'packages', index]);
    const place = `${configFileName}:${line}: mirror.packages: "${pattern}"`;
    const isKnown = source === defaultSource || file.sources.some(({ name }) => name === source);
    if (!isKnown) return [`${place}: there is no source "${source}"`];
    const owner = file.sources.find(
      ({ name, namespaces }) => name !== source && namespaces.some((claim) => covers(claim, pattern)),
    );
    if (owner === undefined) return [];
    const role = source === defaultSource ? 'the default source' : 'source';
    return [`${place} matches nothing in ${role} "${source}": source "${owner.name}" claims it`];
  });
}

/** The limits of a source that sets none. */
export function defaultSourceLimits(): SourceLimits {
  return impliedSource().limits;
}

function milliseconds(duration: string): number {
  const parsed = parseDuration(duration);
  if (parsed === undefined) throw new Error(`not a duration: ${duration}`);
  return parsed;
}

function bytesOf(size: string): number {
  const parsed = parseSize(size);
  if (parsed === undefined) throw new Error(`not a size: ${size}`);
  return parsed;
}

function freezeDeeply<T extends object>(value: T): T {
  for (const part of Object.values(value)) if (typeof part === 'object' && part !== null) freezeDeeply(part);
  return Object.freeze(value);
}
