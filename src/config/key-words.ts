/** The keys that `config` takes, and the values of those that have a few, for whoever completes them. */
import { type ConfigKey, configKeys } from './schema-shape.ts';

const ofSource = 'sources.NAME.';
/** Tables that are written by hand. */
const ofFileAlone = ['access.oidc.', 'views.'];

/** All keys there are with sources of these names. */
export function keysFor(names: readonly string[]): Pick<ConfigKey, 'key' | 'meaning' | 'type'>[] {
  return configKeys
    .filter(({ key }) => !ofFileAlone.some((prefix) => key.startsWith(prefix)))
    .flatMap(({ key, meaning, type }) =>
      key.startsWith(ofSource)
        ? names.map((name) => ({ key: `sources.${name}.${key.slice(ofSource.length)}`, meaning, type }))
        : [{ key, meaning, type }],
    );
}

/** Empty where anything of a kind may stand. */
export function valuesFor(key: string, names: readonly string[]): readonly string[] {
  if (key === 'default_source') return names;
  const type = keysFor(names).find((known) => known.key === key)?.type ?? '';
  if (type === 'boolean') return ['true', 'false'];
  return [...type.matchAll(/"([^"]*)"/g)].map(([, value = '']) => value);
}
