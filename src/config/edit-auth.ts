/** Edits of a source's `[sources.auth]` as a whole: its settings mean something together only. */
import { editChecked, readDocument, valueAt } from './checked-edit.ts';
import { indexOfSource, requireSourceTables, setAt, setValue } from './edit.ts';
import type { TomlPath } from './toml-document.ts';
import { removeAt } from './toml-edit.ts';

/** Credentials as `registry.toml` has them: references, never secrets. */
export type NewAuth =
  | { readonly type: 'bearer'; readonly token: string }
  | { readonly type: 'basic'; readonly username: string; readonly password: string };

/** Of each type, besides `type`. */
const settingsOfType: Readonly<Record<string, readonly string[]>> = {
  bearer: ['token'],
  basic: ['username', 'password'],
};

/** Gives a source these credentials and no others. Throws `NotFoundError` for an unknown name. */
export function setAuth(text: string, name: string, auth: NewAuth): string {
  const path = authPath(text, name);
  const isSameType = valueAt(readDocument(text).value, [...path, 'type']) === auth.type;
  return Object.entries(auth).reduce(
    (current, [key, value]) => setAt(current, [...path, key], value),
    isSameType ? text : removeAuth(text, name),
  );
}

/** Takes a source's credentials away; the same text if it has none. Throws `NotFoundError` for an unknown name. */
export function removeAuth(text: string, name: string): string {
  const path = authPath(text, name);
  if (valueAt(readDocument(text).value, path) === undefined) return text;
  return removePath(text, path);
}

/**
 * Makes several settings at once, in any order. Of credentials, what follows from the settings given is done too: a
 * token makes their type `bearer`, and another type leaves nothing of the one before.
 */
export function setValues(
  text: string,
  settings: readonly (readonly [key: string, value: string])[],
): string {
  const edited = settings.reduce((current, [key, value]) => setValue(current, key, value), text);
  const given = new Set(settings.map(([key]) => key));
  const sources = settings.flatMap(([key]) => /^sources\.(.+)\.auth\.[a-z]+$/.exec(key)?.[1] ?? []);
  return [...new Set(sources)].reduce((current, name) => completeAuth(current, name, given), edited);
}

function completeAuth(text: string, name: string, given: ReadonlySet<string>): string {
  const path = authPath(text, name);
  const auth = valueAt(readDocument(text).value, path);
  if (typeof auth !== 'object' || auth === null) return text;
  if (!('type' in auth)) {
    const types = Object.keys(settingsOfType).filter((type) =>
      settingsOfType[type]?.some((key) => key in auth),
    );
    return types.length === 1 && types[0] !== undefined ? setAt(text, [...path, 'type'], types[0]) : text;
  }
  if (!given.has(`sources.${name}.auth.type`)) return text;
  const meant = ['type', ...(settingsOfType[String(auth.type)] ?? [])];
  return Object.keys(auth)
    .filter((key) => !meant.includes(key) && !given.has(`sources.${name}.auth.${key}`))
    .reduce((current, key) => removePath(current, [...path, key]), text);
}

function authPath(text: string, name: string): TomlPath {
  return ['sources', indexOfSource(readDocument(text), name), 'auth'];
}

function removePath(text: string, path: TomlPath): string {
  return editChecked(
    text,
    (document) => {
      requireSourceTables(document);
      return removeAt(document, path);
    },
    (value) => {
      const parent = valueAt(value, path.slice(0, -1));
      if (typeof parent === 'object' && parent !== null) Reflect.deleteProperty(parent, path.at(-1) ?? '');
    },
  );
}
