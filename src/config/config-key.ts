import * as v from 'valibot';
import { UsageError } from '../errors.ts';
import { redact } from '../support/redact.ts';
import { shellLine } from '../support/shell.ts';
import { suggest } from '../support/suggest.ts';
import { keysFor } from './key-words.ts';
import { sourceNames } from './problem.ts';
import { configShape, type Shape, type ValueShape } from './schema-shape.ts';
import { parseToml, type TomlPath, type TomlTable } from './toml-document.ts';
import type { TomlItem } from './toml-edit.ts';

export type SettingValue = string | number | boolean | readonly TomlItem[];

/**
 * What a dotted key (`server.port`, `sources.NAME.auth.type`) stands for in a file. Names of sources may hold dots
 * themselves. Throws `UsageError` with a suggestion for a key that is none.
 */
export function resolveKey(
  value: TomlTable,
  key: string,
): { readonly path: TomlPath; readonly shape: ValueShape } {
  const path = pathOf(value, key);
  let shape: Shape | undefined = configShape;
  for (const part of path) shape = childOf(shape, part);
  if (shape?.kind === 'value' && !(path.length > 1 && path.at(-1) === 'default_source'))
    return { path, shape };
  const shown = showKey(key);
  if (/^access\.oidc(?:\.|$)/.test(shown))
    throw new UsageError('[[access.oidc]] tables are written by hand', {
      hint: 'docs/recipes/ci-oidc.md shows one; "moonbit-registry config" shows those in force',
    });
  if (/^views(?:\.|$)/.test(shown))
    throw new UsageError('[[views]] tables are written by hand', {
      hint: 'docs/recipes/views.md shows one; "moonbit-registry config" shows those in force',
    });
  throw new UsageError(`there is no setting called "${shown}"`, {
    hint: shown === key ? adviceFor(key, keysOf(value)) : separateWords,
  });
}

/** Whoever wants more of them is better served by the list with what is in force. */
const maxNamed = 10;

function adviceFor(key: string, known: readonly string[]): string {
  const inside = known.filter((candidate) => candidate.startsWith(`${key}.`));
  if (inside.length > 0) return `name one of its settings: ${nameSome(inside)}`;
  const near = suggest(key, known);
  if (near !== undefined) return `did you mean "${near}"?`;
  const meant = withLastPart(lastPart(key), known).slice(0, maxNamed);
  if (meant.length > 0) return `did you mean ${meant.map((one) => `"${one}"`).join(' or ')}?`;
  return `settings: ${nameSome(known)}`;
}

/** Keys whose last part is this word, or else the one nearest to it. */
function withLastPart(word: string, known: readonly string[]): readonly string[] {
  const ending = (part: string) => known.filter((candidate) => lastPart(candidate) === part);
  const exact = ending(word);
  if (exact.length > 0) return exact;
  const near = suggest(word, known.map(lastPart));
  return near === undefined ? [] : ending(near);
}

function lastPart(key: string): string {
  return key.slice(key.lastIndexOf('.') + 1);
}

function nameSome(keys: readonly string[]): string {
  const shown = keys.slice(0, maxNamed).join(', ');
  return keys.length > maxNamed ? `${shown}, … ("moonbit-registry config" shows those in force)` : shown;
}

const separateWords = 'a setting and its value are two words: moonbit-registry config KEY VALUE';

/** A key as it was typed, but for what stands behind `=`, which no key has and which may be a secret. */
export function showKey(key: string): string {
  return key.replace(/=.*$/s, '=…');
}

/** Reads what was typed as the kind of value the setting takes; lists are comma separated, with or without TOML's brackets and quotes. */
export function parseKeyValue(key: string, shape: ValueShape, typed: string): SettingValue {
  if (typed === '' && !shape.valueType.startsWith('list of '))
    throw new UsageError(`cannot set ${key} to nothing`, {
      hint: `to take it out of registry.toml: ${shellLine`moonbit-registry config --unset ${key}`}`,
    });
  const candidate = typedValue(shape, typed);
  const result = v.safeParse(shape.schema, candidate);
  if (result.success) return candidate;
  throw new UsageError(redact(`cannot set ${key}: ${result.issues[0].message}`));
}

function typedValue(shape: ValueShape, typed: string): SettingValue {
  if (shape.valueType === 'integer' && /^-?\d+$/.test(typed)) return Number(typed);
  if (shape.valueType === 'boolean' && (typed === 'true' || typed === 'false')) return typed === 'true';
  if (shape.valueType === 'list of patterns' && typed.includes('{')) return typedToml(typed);
  return shape.valueType.startsWith('list of ') ? typedList(typed) : typed;
}

/** Where tables stand in it, a list is typed as in the file, with or without its brackets. */
function typedToml(typed: string): SettingValue {
  const bare = /^\s*\[(.*)\]\s*$/s.exec(typed)?.[1] ?? typed;
  const { document } = parseToml(`list = [${bare}]`);
  const list = document?.value.list;
  // The parser's tables have no prototype, which is more than two values that mean the same may differ in.
  return Array.isArray(list) ? (JSON.parse(JSON.stringify(list)) as readonly TomlItem[]) : typed;
}

function typedList(typed: string): readonly string[] {
  const bare = /^\s*\[(.*)\]\s*$/s.exec(typed)?.[1] ?? typed;
  const items = bare.split(',').map((item) => item.trim().replace(/^(["'])(.*)\1$/, '$2'));
  return items.filter((item) => item !== '');
}

function pathOf(value: TomlTable, key: string): TomlPath {
  if (!key.startsWith('sources.')) return key.split('.');
  const rest = key.slice('sources.'.length);
  const names = sourceNames(value).filter((name) => typeof name === 'string');
  const fitting = names.filter((name) => rest.startsWith(`${name}.`));
  const longest = fitting.toSorted((a, b) => b.length - a.length)[0];
  if (longest === undefined) return [key];
  return ['sources', sourceNames(value).indexOf(longest), ...rest.slice(longest.length + 1).split('.')];
}

function childOf(shape: Shape | undefined, part: string | number): Shape | undefined {
  if (shape?.kind === 'list') return typeof part === 'number' ? shape.item : undefined;
  return shape?.kind === 'table' ? shape.entries.get(String(part)) : undefined;
}

function keysOf(value: TomlTable): string[] {
  return keysFor(sourceNames(value).filter((name) => typeof name === 'string')).map(({ key }) => key);
}
