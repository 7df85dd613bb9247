import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import { isModuleName, type ModuleName } from '../../src/model/module-name.ts';
import { isVersion, type Version } from '../../src/model/version.ts';
import { openRegistry } from '../../src/registry/open.ts';
import type { Registry } from '../../src/registry/registry.ts';
import type { ConnectionTuning } from '../../src/sources/connect.ts';
import type { Log } from '../../src/support/log.ts';
import type { UpstreamRegistry } from '../worlds/upstream-registry.ts';
import { tester } from './actor.ts';
import { temporaryDirectory } from './temporary-directory.ts';
import { sha256 } from './worlds.ts';

interface SourceSettings {
  readonly name: string;
  readonly upstream: Pick<UpstreamRegistry, 'url' | 'indexUrl'>;
  readonly type?: 'custom' | 'moonbit-registry';
  readonly priority?: number;
  readonly enabled?: boolean;
  readonly namespaces?: readonly string[];
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  /** Further lines of its table. */
  readonly lines?: string;
  /** Lines of `[sources.auth]`. */
  readonly auth?: string;
}

export interface RegistrySettings {
  readonly sources: readonly SourceSettings[];
  readonly upstreamFallback?: boolean;
  /** Lines of `[hosting]`. */
  readonly hosting?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly directory?: string;
  readonly log?: Log;
  readonly now?: () => Date;
  readonly connections?: ConnectionTuning;
}

/** Tries again as often as ever, but at once. */
const impatient: ConnectionTuning = { http: { retry: { sleep: async () => {} } } };

/** A registry over the given upstreams, opened in a fresh folder and closed when the test has finished. */
export async function createRegistry(settings: RegistrySettings): Promise<Registry> {
  const directory = settings.directory ?? join(temporaryDirectory(), 'registry');
  await mkdir(directory, { recursive: true });
  await writeSettings(directory, settings);
  const registry = await openRegistry({
    directory,
    env: settings.env ?? {},
    actor: tester,
    ...(settings.log ? { log: settings.log } : {}),
    ...(settings.now ? { now: settings.now } : {}),
    connections: settings.connections ?? impatient,
  });
  onTestFinished(() => registry.close());
  return registry;
}

/** Writes `registry.toml`; an open registry sees it after `reload`. */
export async function writeSettings(
  directory: string,
  settings: Pick<RegistrySettings, 'sources' | 'upstreamFallback' | 'hosting'>,
): Promise<void> {
  await writeFile(join(directory, 'registry.toml'), renderSettings(settings));
}

export function renderSettings({
  sources,
  upstreamFallback = true,
  hosting,
}: Pick<RegistrySettings, 'sources' | 'upstreamFallback' | 'hosting'>): string {
  const list = (values: readonly string[]) => `[${values.map((value) => JSON.stringify(value)).join(', ')}]`;
  const tables = sources.map((source) =>
    [
      '[[sources]]',
      `name = "${source.name}"`,
      `type = "${source.type ?? 'custom'}"`,
      `url = "${source.upstream.url}"`,
      `index_url = "${source.upstream.indexUrl}"`,
      `priority = ${source.priority ?? 50}`,
      `enabled = ${source.enabled ?? true}`,
      `namespaces = ${list(source.namespaces ?? [])}`,
      `include = ${list(source.include ?? [])}`,
      `exclude = ${list(source.exclude ?? [])}`,
      ...(source.lines === undefined ? [] : [source.lines]),
      ...(source.auth === undefined ? [] : ['[sources.auth]', source.auth]),
    ].join('\n'),
  );
  const own = hosting === undefined ? [] : [`[hosting]\n${hosting}`];
  return [`[server]\nupstream_fallback = ${upstreamFallback}`, ...own, ...tables, ''].join('\n\n');
}

export function moduleName(text: string): ModuleName {
  if (!isModuleName(text)) throw new TypeError(`not a module name: ${text}`);
  return text;
}

export function version(text: string): Version {
  if (!isVersion(text)) throw new TypeError(`not a version: ${text}`);
  return text;
}

/** The served index: `OWNER/NAME@VERSION` → checksum, in index order. */
export async function readServed(registry: Registry): Promise<Record<string, string>> {
  const served: Record<string, string> = {};
  for await (const { module, file } of registry.readIndex()) {
    for (const line of file.toString().trimEnd().split('\n')) {
      const { version: stated, checksum } = JSON.parse(line) as { version: string; checksum: string };
      served[`${module}@${stated}`] = checksum;
    }
  }
  return served;
}

/** The SHA-256 of what a download delivers, or why it does not. */
export async function download(registry: Registry, id: string): Promise<string> {
  const at = id.lastIndexOf('@');
  const archive = await registry.openArchive(moduleName(id.slice(0, at)), version(id.slice(at + 1)));
  if (archive.kind === 'absent') return 'absent';
  if (archive.kind === 'unavailable') return `unavailable: ${archive.cause.reason}`;
  if (archive.kind !== 'found') return archive.kind;
  return sha256(await buffer(await archive.value.open()));
}
