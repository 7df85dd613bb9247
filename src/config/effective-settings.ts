import { relative } from 'node:path';
import { formatMirrorPattern, type MirrorTarget } from '../model/mirror-target.ts';
import type { Config, OidcEntry, SourceConfig, ViewConfig } from './config.ts';
import type { SettingValue } from './config-key.ts';
import { limitFields, sourceLimitFields, writeLimit } from './limit-fields.ts';
import { configKeys } from './schema-shape.ts';
import { showSecretText } from './secret-text.ts';
import { renderItem, type TomlItem } from './toml-edit.ts';

const ofSource = 'sources.NAME.';
const ofOidc = 'access.oidc.NAME.';
const ofView = 'views.NAME.';

/**
 * All settings in effect, under the names they have in `registry.toml`, `sources.NAME.KEY` for those of a source;
 * of credentials only where they are (rule 10). Settings without a value are left out.
 */
export function effectiveSettings(config: Config): ReadonlyMap<string, SettingValue> {
  const keys = configKeys.map(({ key }) => key);
  const ofSources = keys.filter((key) => key.startsWith(ofSource));
  const entries = keys.flatMap((key): (readonly [string, SettingValue | undefined])[] => {
    if (key.startsWith(ofOidc))
      return key === `${ofOidc}name` ? config.access.oidc.flatMap(settingsOfOidc) : [];
    if (key.startsWith(ofView)) return key === `${ofView}name` ? config.views.flatMap(settingsOfView) : [];
    if (!key.startsWith(ofSource)) return [[key, settingOf(config, key)]];
    if (key !== ofSources[0]) return [];
    return config.sources.flatMap((source) => settingsOf(source, ofSources));
  });
  return new Map(entries.flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const])));
}

function settingOf(config: Config, key: string): SettingValue | undefined {
  const { directory, registry, mirror, limits, defaultSource } = config;
  const [table = '', setting = ''] = key.split('.');
  if (key === 'default_source') return defaultSource;
  if (key === 'registry.data_dir') return relative(directory, registry.dataDir);
  if (key === 'mirror.packages') return mirror.packages.map((target) => itemOf(target, defaultSource));
  if (isKeyOf(limitFields, setting) && table === 'limits')
    return writeLimit(limitFields[setting], limits[limitFields[setting]]);
  return plainSetting(config[table as 'registry' | 'mirror' | 'server' | 'access' | 'hosting'], setting);
}

/** Shown one claim a line; the file alone sets them. */
function settingsOfOidc({ name, issuer, audience, claims, grants }: OidcEntry) {
  const { read, ...others } = grants;
  const names = Object.values(others)[0] ?? read;
  const settings: Readonly<Record<string, SettingValue | undefined>> = {
    ...{ issuer, audience },
    ...Object.fromEntries(Object.entries(claims).map(([claim, values]) => [`claims.${claim}`, values])),
    may: Object.keys(grants),
    for: names,
    read_for: read === names ? undefined : read,
  };
  return Object.entries(settings).map(([key, value]) => [`access.oidc.${name}.${key}`, value] as const);
}

function settingsOfView({ name, include, for: audience }: ViewConfig) {
  const settings = { include, for: audience };
  return Object.entries(settings).map(([key, value]) => [`views.${name}.${key}`, value] as const);
}

function settingsOf(source: SourceConfig, keys: readonly string[]) {
  return keys
    .map((key) => key.slice(ofSource.length))
    .filter((setting) => setting !== 'name')
    .map((setting) => [`sources.${source.name}.${setting}`, sourceSettingOf(source, setting)] as const);
}

function sourceSettingOf(source: SourceConfig, key: string): SettingValue | undefined {
  const [table = '', setting] = key.split('.');
  if (setting === undefined) return plainSetting(source, key);
  if (table === 'tls') return source.tls?.[setting as keyof NonNullable<SourceConfig['tls']>]?.written;
  if (table === 'auth') return authSettingOf(source.auth, setting);
  if (!isKeyOf(sourceLimitFields, setting)) throw new Error(`${key} has no field`);
  return writeLimit(sourceLimitFields[setting], source.limits[sourceLimitFields[setting]]);
}

function authSettingOf(auth: SourceConfig['auth'], setting: string): SettingValue | undefined {
  if (auth === undefined || setting === 'type') return auth?.type;
  const secrets = auth.type === 'bearer' ? [auth.token] : [auth.username, auth.password];
  const secret = secrets.find((candidate) => candidate.setting === setting);
  const command = secret?.parts.find((part) => part.kind === 'command');
  return command?.words ?? (secret && showSecretText(secret));
}

/** What a field holds whose name is the setting's, with what it counts at its end: `sync_interval` is `syncIntervalMs`. */
function plainSetting(table: object, setting: string): SettingValue | undefined {
  const name = setting.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
  const field = [name, `${name}Ms`, `${name}Bytes`].find((candidate) => candidate in table);
  if (field === undefined) return undefined;
  const value: SettingValue | undefined = table[field as keyof typeof table];
  return typeof value === 'number' ? writeLimit(field, value) : value;
}

function isKeyOf<T extends object>(table: T, key: string): key is string & keyof T {
  return Object.hasOwn(table, key);
}

function itemOf(target: MirrorTarget, defaultSource: string): TomlItem {
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
