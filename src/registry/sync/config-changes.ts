import { isDeepStrictEqual } from 'node:util';
import type { Config, SecretText, SourceAuth } from '../../config/config.ts';
import { effectiveSettings, renderValue } from '../../config/effective-settings.ts';

/**
 * What differs between two configurations, one sentence each, under the names that settings have in `registry.toml`; never a
 * credential (rule 10): of those it tells only that they changed.
 */
export function describeConfigChanges(before: Config | undefined, after: Config): string[] {
  const [old, now] = [before ? settingsOf(before) : new Map<string, string>(), settingsOf(after)];
  return [...new Set([...old.keys(), ...now.keys()])]
    .flatMap((key) => {
      const [was, is] = [old.get(key), now.get(key)];
      if (was === is) return [];
      if (was === undefined) return [`${key} = ${is}`];
      return [is === undefined ? `${key} removed (was ${was})` : `${key} = ${is} (was ${was})`];
    })
    .concat(describeAuthChanges(before, after));
}

function settingsOf(config: Config): Map<string, string> {
  const named = [['sources', config.sources.map(({ name }) => name)], ...effectiveSettings(config)] as const;
  const isAuth = /^sources\..+\.auth\.[a-z_]+$/;
  return new Map(named.flatMap(([key, value]) => (isAuth.test(key) ? [] : [[key, renderValue(value)]])));
}

function describeAuthChanges(before: Config | undefined, after: Config): string[] {
  const authOf = (config: Config | undefined) =>
    new Map(config?.sources.flatMap(({ name, auth }) => (auth ? [[name, withoutLines(auth)]] : [])));
  const [old, now] = [authOf(before), authOf(after)];
  return [...new Set([...old.keys(), ...now.keys()])]
    .filter((name) => !isDeepStrictEqual(old.get(name), now.get(name)))
    .map((name) => `sources.${name}.auth changed`);
}

/** Whatever is edited above a credential moves it. */
function withoutLines(auth: SourceAuth): object {
  const plain = ({ line: _, ...secret }: SecretText) => secret;
  return auth.type === 'bearer'
    ? { type: auth.type, token: plain(auth.token) }
    : { type: auth.type, username: plain(auth.username), password: plain(auth.password) };
}
