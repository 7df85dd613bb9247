import { isDeepStrictEqual } from 'node:util';
import type { Config, SecretText, SourceAuth, SourceConfig } from '../config/config.ts';

/**
 * What differs between two configurations, one sentence each, under the names of `Config`; never a credential
 * (rule 10): of those it tells only that they changed.
 */
export function describeConfigChanges(before: Config | undefined, after: Config): string[] {
  const [old, now] = [before ? flatten(before) : new Map<string, unknown>(), flatten(after)];
  return [...new Set([...old.keys(), ...now.keys()])].flatMap((key) => {
    const [was, is] = [old.get(key), now.get(key)];
    if (isDeepStrictEqual(was, is)) return [];
    if (key.endsWith('.auth')) return [`${key} changed`];
    if (was === undefined) return [`${key} = ${JSON.stringify(is)}`];
    return [
      is === undefined
        ? `${key} removed (was ${JSON.stringify(was)})`
        : `${key} = ${JSON.stringify(is)} (was ${JSON.stringify(was)})`,
    ];
  });
}

/** Settings by name, in which those of a source are below `sources.NAME`. */
function flatten(config: Config): Map<string, unknown> {
  const { registry, mirror, server, limits, defaultSource, sources, sourcesAreImplied } = config;
  const groups = { registry, mirror, server, limits };
  return new Map([
    ['defaultSource', defaultSource],
    ['sources', sources.map(({ name }) => name)],
    ['sourcesAreImplied', sourcesAreImplied],
    ...Object.entries(groups).flatMap(([group, settings]) => prefixed(group, settings)),
    ...sources.flatMap((source) => prefixed(`sources.${source.name}`, settingsOf(source))),
  ]);
}

function settingsOf({ name: _, auth, tls, ...settings }: SourceConfig): object {
  const files = [tls?.certificate, tls?.key, tls?.ca].map((file) => file?.written);
  return { ...settings, auth: auth && withoutLines(auth), tls: tls && files };
}

/** Whatever is edited above a credential moves it. */
function withoutLines(auth: SourceAuth): object {
  const plain = ({ line: _, ...secret }: SecretText) => secret;
  return auth.type === 'bearer'
    ? { type: auth.type, token: plain(auth.token) }
    : { type: auth.type, username: plain(auth.username), password: plain(auth.password) };
}

function prefixed(prefix: string, settings: object): [string, unknown][] {
  return Object.entries(settings)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => [`${prefix}.${key}`, value]);
}
