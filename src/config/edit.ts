/**
 * Edits of `registry.toml` as text: what the user wrote elsewhere in it stays byte for byte. The results are not
 * validated here beyond their meaning; see `editConfigFile`.
 */

import { UsageError } from '../errors.ts';
import { impliedPreset, type SourceKind } from '../sources/kinds.ts';
import { shellLine } from '../support/shell.ts';
import { assignAt, editChecked, type PlainTable, readDocument, valueAt } from './checked-edit.ts';
import { parseKeyValue, resolveKey, type SettingValue } from './config-key.ts';
import { noSuchSource } from './find-source.ts';
import { sourceNames } from './problem.ts';
import { isSamePath, type Statement, type TomlDocument, type TomlPath } from './toml-document.ts';
import {
  addKeyOnTop,
  addListTable,
  assignment,
  CannotEdit,
  lineWithValue,
  removeAt,
  removeKey,
  removeTable,
  setKey,
  type TomlValue,
} from './toml-edit.ts';

export interface NewSource {
  readonly name: string;
  readonly type: SourceKind;
  readonly url: string;
  readonly indexUrl: string;
  readonly priority: number;
  readonly namespaces: readonly string[];
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly indexBranch?: string | undefined;
  readonly userAgent?: string | undefined;
}

/** Adds a source after the last one. The first one becomes the default. */
export function addSource(text: string, source: NewSource): string {
  const names = sourceNames(readDocument(text).value);
  if (names.includes(source.name))
    throw new UsageError(`there is a source called "${source.name}" already`, {
      hint:
        'choose another name, or change what it has: ' +
        shellLine`moonbit-registry config sources.${source.name}.url ${source.url} sources.${source.name}.index_url ${source.indexUrl}`,
    });
  const settings = settingsOf(source);
  const added = editChecked(
    text,
    (document) => {
      requireSourceTables(document);
      const lines = settings.map(([key, value]) => assignment([key], value));
      return addListTable(document, 'sources', lines);
    },
    (value) => assignAt(value, ['sources', names.length], Object.fromEntries(settings)),
  );
  return names.length === 0 ? writeDefaultSource(added, source.name) : added;
}

/**
 * Removes a source with its sub-tables and the comments that touch it. If it was the default one, the first that is
 * left becomes it. Throws `NotFoundError` for an unknown name.
 */
export function removeSource(text: string, name: string): string {
  const document = readDocument(text);
  const index = indexOfSource(document, name);
  const names = sourceNames(document.value);
  const written = writtenDefault(document);
  const wasDefault = (written ?? names[0]) === name;
  const remaining = names.filter((_, position) => position !== index);
  const newDefault = wasDefault && typeof remaining[0] === 'string' ? remaining[0] : undefined;
  // The registry-wide setting may stand in the table that goes.
  const settled = typeof written === 'string' ? writeDefaultSource(text, newDefault ?? written) : text;
  const removed = editChecked(
    settled,
    (current) => {
      requireSourceTables(current);
      return removeTable(current, ['sources', index]);
    },
    (value) => {
      if (remaining.length === 0) delete value.sources;
      else if (Array.isArray(value.sources)) value.sources.splice(index, 1);
    },
  );
  return remaining.length === 0 ? withoutDefaultSource(removed) : removed;
}

export function setSourceEnabled(text: string, name: string, enabled: boolean): string {
  const document = readDocument(text);
  const path = ['sources', indexOfSource(document, name), 'enabled'];
  return (valueAt(document.value, path) ?? true) === enabled ? text : setAt(text, path, enabled);
}

/** Gives a source another name, as the default one too. Throws `NotFoundError` for an unknown name, `UsageError` for one that is taken. */
export function renameSource(text: string, oldName: string, newName: string): string {
  const document = readDocument(text);
  const index = indexOfSource(document, oldName);
  if (sourceNames(document.value).includes(newName))
    throw new UsageError(`there is a source called "${newName}" already`, { hint: 'choose another name' });
  const isDefault = writtenDefault(document) === oldName;
  const renamed = setAt(text, ['sources', index, 'name'], newName);
  return isDefault ? writeDefaultSource(renamed, newName) : renamed;
}

/** Names the default source at the top of the file, wherever the file named it before. */
export function setDefaultSource(text: string, name: string): string {
  const document = readDocument(text);
  const isImplied = sourceNames(document.value).length === 0 && name === impliedPreset.name;
  if (!isImplied) indexOfSource(document, name);
  return writeDefaultSource(text, name);
}

/**
 * Sets `server.port`, `mirror.packages` (comma separated, or as `["a/*", "b/*"]`), `sources.NAME.priority`, … Throws `UsageError` for an
 * unknown key, a value of the wrong kind, or what is set by editing the file alone.
 */
export function setValue(text: string, key: string, value: string): string {
  const document = readDocument(text);
  const { path, shape } = resolveKey(document.value, key);
  if (shape.isOfFileAlone)
    throw new UsageError(
      `${key} is a command, which is written into registry.toml by hand and set by no other way`,
      {
        hint: `open registry.toml, and below [sources.auth] of that source write: type = "bearer", and token_command = ["COMMAND", "ARGUMENT"]`,
      },
    );
  const parsed = parseKeyValue(key, shape, value);
  if (isSamePath(path, ['default_source'])) return setDefaultSource(text, String(parsed));
  if (path[0] === 'sources' && path[2] === 'name')
    throw new UsageError('a source is renamed together with all that is recorded under its name', {
      hint: shellLine`moonbit-registry source rename ${String(sourceNames(document.value)[Number(path[1])])} ${String(parsed)}`,
    });
  return setAt(text, path, parsed);
}

/**
 * Takes a setting out of the file, so that its default counts; the same text if it is not in it. Throws `UsageError` for an unknown
 * key.
 */
export function unsetValue(text: string, key: string): string {
  const document = readDocument(text);
  const { path } = resolveKey(document.value, key);
  if (isSamePath(path, ['default_source']))
    return misplacedDefaults(document)
      .map((misplaced) => misplaced.path)
      .reduceRight((current, misplaced) => deleteKey(current, misplaced, true), withoutDefaultSource(text));
  if (path[0] === 'sources' && path[2] === 'name')
    throw new UsageError('a source cannot do without a name', {
      hint: shellLine`moonbit-registry source remove ${String(sourceNames(document.value)[Number(path[1])])}`,
    });
  return valueAt(document.value, path) === undefined ? text : deleteKey(text, path, true);
}

/** What the file says, or the default it leaves in force; `undefined` where there is neither. */
export function getValue(text: string, key: string): SettingValue | undefined {
  const document = readDocument(text);
  const { path, shape } = resolveKey(document.value, key);
  const written = isSamePath(path, ['default_source'])
    ? writtenDefault(document)
    : valueAt(document.value, path);
  return (written ?? shape.default) as SettingValue | undefined;
}

function settingsOf(source: NewSource): [string, TomlValue][] {
  const lists: [string, readonly string[]][] = [
    ['namespaces', source.namespaces],
    ['include', source.include],
    ['exclude', source.exclude],
  ];
  const texts = [
    ['index_branch', source.indexBranch],
    ['user_agent', source.userAgent],
  ] as const;
  return [
    ['name', source.name],
    ['type', source.type],
    ['url', source.url],
    ['index_url', source.indexUrl],
    ['index_type', 'git'],
    ...texts.flatMap(([key, text]): [string, string][] => (text === undefined ? [] : [[key, text]])),
    ['enabled', true],
    ['priority', source.priority],
    ...lists.filter(([, patterns]) => patterns.length > 0),
  ];
}

/** Sets what stands at a path, which is written where it fits if it is not there. */
export function setAt(text: string, path: TomlPath, value: TomlValue): string {
  return editChecked(
    text,
    (document) => {
      if (path[0] === 'sources') requireSourceTables(document);
      return setKey(document, path, value);
    },
    (intended) => assignAt(intended, path, value),
  );
}

function writeDefaultSource(text: string, name: string): string {
  const document = readDocument(text);
  if (document.value.default_source !== undefined)
    return misplacedDefaults(document).reduceRight(
      (current, { path }) => deleteKey(current, path, true),
      setAt(text, ['default_source'], name),
    );
  const [moved, ...others] = misplacedDefaults(document);
  const line = moved ? lineWithValue(document, moved, name) : assignment(['default_source'], name);
  const cleared = others.reduceRight((current, { path }) => deleteKey(current, path, true), text);
  return editChecked(
    moved ? deleteKey(cleared, moved.path, false) : cleared,
    (current) => addKeyOnTop(current, line, /\bdefault_source\s*=/),
    (value) => assignAt(value, ['default_source'], name),
  );
}

function withoutDefaultSource(text: string): string {
  return readDocument(text).value.default_source === undefined
    ? text
    : deleteKey(text, ['default_source'], true);
}

function deleteKey(text: string, path: TomlPath, keepComment: boolean): string {
  const before = readDocument(text);
  return editChecked(
    text,
    (document) => {
      if (path[0] === 'sources') requireSourceTables(document);
      const statement = document.statements.find((candidate) => isSamePath(candidate.path, path));
      if (statement === undefined) throw new Error(`${path.join('.')} is not in the file`);
      return statement.isInline ? removeAt(document, path) : removeKey(document, statement, keepComment);
    },
    (value) => forget(value, path, before),
  );
}

/** Without the tables above it that are there by its dotted key alone. */
function forget(value: PlainTable, path: TomlPath, document: TomlDocument): void {
  const container = path.slice(0, -1);
  const parent = valueAt(value, container);
  if (typeof parent !== 'object' || parent === null) return;
  Reflect.deleteProperty(parent, path.at(-1) ?? '');
  const isWritten =
    document.tables.some(({ resolvedKey }) => isSamePath(resolvedKey, container)) ||
    document.statements.some((statement) => isSamePath(statement.path, container));
  if (container.length > 0 && Object.keys(parent).length === 0 && !isWritten)
    forget(value, container, document);
}

function writtenDefault({ value, statements }: TomlDocument): unknown {
  if (value.default_source !== undefined) return value.default_source;
  const misplaced = statements.find(isMisplacedDefault);
  return misplaced === undefined ? undefined : valueAt(value, misplaced.path);
}

function misplacedDefaults({ statements }: TomlDocument): Statement[] {
  return statements.filter(isMisplacedDefault);
}

function isMisplacedDefault({ path }: Statement): boolean {
  return path.length === 3 && path[0] === 'sources' && path[2] === 'default_source';
}

/** Throws `NotFoundError` for an unknown name. */
export function indexOfSource({ value }: TomlDocument, name: string): number {
  const names = sourceNames(value);
  const index = names.indexOf(name);
  if (index >= 0) return index;
  const known = names.filter((candidate) => typeof candidate === 'string');
  throw noSuchSource(name, known);
}

/** Throws `CannotEdit` where sources are written in one line. */
export function requireSourceTables({ statements }: TomlDocument): void {
  const inline = statements.find(({ path }) => isSamePath(path, ['sources']));
  if (inline)
    throw new CannotEdit(
      'sources are written as a list of inline tables; write each as [[sources]]',
      inline.node.range[0],
    );
}
