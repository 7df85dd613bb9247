/** Edits of a source's `[sources.auth]` as a whole: its settings mean something together only. */
import { editChecked, readDocument, valueAt } from './checked-edit.ts';
import { indexOfSource, requireSourceTables, setAt, setValue } from './edit.ts';
import { settingsOfAuthType } from './schema-access.ts';
import type { TomlPath } from './toml-document.ts';
import { removeAt } from './toml-edit.ts';

/** Credentials as `registry.toml` has them: references, never secrets. */
export type NewAuth =
  | { readonly type: 'bearer'; readonly token: string }
  | { readonly type: 'basic'; readonly username: string; readonly password: string };

const settingsOfType: Readonly<Record<string, readonly (readonly string[])[]>> = settingsOfAuthType;

/** Gives a source these credentials and no others. Throws `NotFoundError` for an unknown name. */
export function setAuth(text: string, name: string, auth: NewAuth): string {
  const path = authPath(text, name);
  const old = valueAt(readDocument(text).value, path);
  const isSameType = valueAt(readDocument(text).value, [...path, 'type']) === auth.type;
  const others = isSameType && typeof old === 'object' && old !== null ? Object.keys(old) : [];
  const cleared = others
    .filter((key) => !(key in auth))
    .reduce((current, key) => removePath(current, [...path, key]), text);
  return Object.entries(auth).reduce(
    (current, [key, value]) => setAt(current, [...path, key], value),
    isSameType ? cleared : removeAuth(text, name),
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
 * token makes their type `bearer`, a file for it takes the place of another reference, and another type leaves nothing of the one
 * before.
 */
export function setValues(
  text: string,
  settings: readonly (readonly [key: string, value: string])[],
): string {
  const edited = settings.reduce((current, [key, value]) => setValue(current, key, value), text);
  const given = new Set(settings.map(([key]) => key));
  const sources = settings.flatMap(([key]) => /^sources\.(.+)\.auth\.[a-z_]+$/.exec(key)?.[1] ?? []);
  return [...new Set(sources)].reduce((current, name) => completeAuth(current, name, given), edited);
}

function completeAuth(text: string, name: string, given: ReadonlySet<string>): string {
  const path = authPath(text, name);
  const auth = valueAt(readDocument(text).value, path);
  if (typeof auth !== 'object' || auth === null) return text;
  const isGiven = (key: string) => given.has(`sources.${name}.auth.${key}`);
  const kept = Object.keys(auth).filter((key) => isGiven(key) || !isReplaced(key, isGiven));
  const type = 'type' in auth ? String(auth.type) : typeOf(kept);
  const meant = ['type', ...(settingsOfType[type ?? ''] ?? []).flat()];
  const isLeft = (key: string) =>
    kept.includes(key) && (isGiven(key) || !isGiven('type') || meant.includes(key));
  const cleared = Object.keys(auth)
    .filter((key) => !isLeft(key))
    .reduce((current, key) => removePath(current, [...path, key]), text);
  return 'type' in auth || type === undefined ? cleared : setAt(cleared, [...path, 'type'], type);
}

/** Whether what was given says the same in another way. */
function isReplaced(key: string, isGiven: (key: string) => boolean): boolean {
  const groups = Object.values(settingsOfType).flat();
  return groups.some((group) => group.includes(key) && group.some(isGiven));
}

/** The one type that these settings can be of. */
function typeOf(keys: readonly string[]): string | undefined {
  const types = Object.keys(settingsOfType).filter((type) =>
    settingsOfType[type]?.flat().some((key) => keys.includes(key)),
  );
  return types.length === 1 ? types[0] : undefined;
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
