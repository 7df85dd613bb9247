import type { Dependency } from './index-entry.ts';
import {
  type ManifestField,
  type ManifestReader,
  type ManifestValue,
  plainValue,
  readManifestSyntax,
} from './manifest-syntax.ts';
import { isVersion } from './version.ts';

/** What the registry reads of a project: `moon.mod`, or its older form `moon.mod.json`. */
export interface ProjectManifest {
  readonly name: string | undefined;
  readonly version: string | undefined;
  readonly dependencies: Dependency[];
  readonly binDependencies: Dependency[];
}

/**
 * Reads a project's manifest; a `fileName` that ends in `.json` is the older form (JSON with comments and trailing
 * commas), any other the newer. Keys it does not know are left to moon. A dependency with a `path` or `git` has no
 * `requirement`: in a project these override its version (moon's dependency.rs).
 *
 * Throws `ConfigError` with file, line and column.
 */
export function parseProjectManifest(fileName: string, text: string): ProjectManifest {
  const { reader, fields: list } = readManifestFields(fileName, text);
  const fields = new Map(list.map((field) => [field.key, field]));
  return {
    name: readText(reader, fields.get('name')),
    version: readText(reader, fields.get('version')),
    dependencies: readDependencies(reader, fields.get('deps')),
    binDependencies: readDependencies(reader, fields.get('bin-deps')),
  };
}

/** Every key of a manifest, as the official index shows it. */
export interface ManifestFields {
  readonly reader: ManifestReader;
  /**
   * In the order of the text; what `options(…)` holds stands in its place, the versions of an `import` block are
   * `deps`, and several rules are one list. JSON may state a key twice.
   */
  readonly fields: readonly ManifestField[];
  /** Statements of a `moon.mod` that moon does not know, and so refuses. Any key is known in `moon.mod.json`. */
  readonly unknown: readonly ManifestField[];
}

/** As `parseProjectManifest`, of all keys. Throws `ConfigError` where the text cannot be read. */
export function readManifestFields(fileName: string, text: string): ManifestFields {
  const reader = readManifestSyntax(fileName, text);
  if (fileName.endsWith('.json')) return { reader, fields: readJson(reader), unknown: [] };
  const statements = readStatements(reader);
  const unknown = statements.filter(({ key }) => !statementKeys.has(key));
  return { reader, fields: withImports(reader, spread(reader, statements)), unknown };
}

/** The statements that moon knows in `moon.mod` (its manifest.rs). */
const statementKeys: ReadonlySet<string> = new Set([
  ...[
    'import',
    'options',
    'rule',
    'warnings',
    'name',
    'version',
    'source',
    'supported_targets',
    'preferred_target',
  ],
  ...['readme', 'repository', 'license', 'keywords', 'description'],
]);

function readJson(reader: ManifestReader): readonly ManifestField[] {
  const { at } = reader;
  const root = reader.value();
  if (root.kind !== 'object') return reader.fail(at, 'expected an object');
  if (reader.next !== undefined) reader.fail(reader.at, 'expected the end of the file');
  return root.fields;
}

/** `moon.mod`: assignments, calls, and one `import` block, as moon's manifest.rs takes them. */
function readStatements(reader: ManifestReader): ManifestField[] {
  const statements: ManifestField[] = [];
  while (reader.next !== undefined) {
    const { at } = reader;
    const key = reader.identifier();
    if (key === 'import')
      statements.push({ key, at, value: { kind: 'object', at, fields: readImports(reader) } });
    else if (reader.next === '(')
      statements.push({ key, at, value: { kind: 'object', at, fields: reader.arguments() } });
    else {
      reader.expect('=');
      statements.push({ key, at, value: reader.value() });
    }
    reader.skip(';');
  }
  return statements;
}

/** With the keys of `options(…)` (`"bin-deps"` among them) in its place, and all rules in that of the first. */
function spread(reader: ManifestReader, statements: readonly ManifestField[]): ManifestField[] {
  const rules = statements.filter(({ key }) => key === 'rule').map(({ value }) => value);
  const fields: ManifestField[] = [];
  const stated = new Set<string>();
  const state = ({ key, at }: ManifestField) => {
    if (stated.has(key)) reader.fail(at, `"${key}" is already set above`, key);
    stated.add(key);
  };
  for (const statement of statements) {
    const { key, at, value } = statement;
    if (key === 'rule' && value !== rules[0]) continue;
    state(statement);
    if (key === 'options' && value.kind === 'object') {
      value.fields.forEach(state);
      fields.push(...value.fields);
    } else if (key === 'rule' && rules.length > 1)
      fields.push({ key, at, value: { kind: 'array', at: value.at, items: rules } });
    else fields.push(statement);
  }
  return fields;
}

function readImports(reader: ManifestReader): ManifestField[] {
  const imports = reader.list('{', '}', () => {
    const { at } = reader;
    const written = reader.string();
    const split = written.lastIndexOf('@');
    if (split <= 0 || split === written.length - 1)
      reader.fail(at, `expected "OWNER/NAME@VERSION", but found ${JSON.stringify(written)}`, 'import');
    if (reader.next === '*' || reader.next === 'as' || reader.next?.startsWith('@'))
      reader.fail(reader.at, 'an import of a module takes no alias', 'import');
    const value: ManifestValue = { kind: 'string', at, text: written.slice(split + 1) };
    return { key: written.slice(0, split), at, value };
  });
  if (reader.next === 'for') reader.fail(reader.at, 'imports "for" something belong in moon.pkg', 'import');
  return imports;
}

/** An import overrides the entry of the same name in an option `deps`. */
function withImports(reader: ManifestReader, fields: readonly ManifestField[]): readonly ManifestField[] {
  const block = fields.find(({ key }) => key === 'import');
  if (!block) return fields;
  const imports = objectFields(reader, block);
  const names = new Set(imports.map(({ key }) => key));
  const options = objectFields(
    reader,
    fields.find(({ key }) => key === 'deps'),
  );
  const value: ManifestValue = {
    kind: 'object',
    at: block.at,
    fields: [...options.filter(({ key }) => !names.has(key)), ...imports],
  };
  return fields
    .filter(({ key }) => key !== 'deps')
    .map((field) => (field === block ? { key: 'deps', at: block.at, value } : field));
}

function readText(reader: ManifestReader, field: ManifestField | undefined): string | undefined {
  if (field === undefined || isNull(field.value)) return undefined;
  if (field.value.kind === 'string') return field.value.text;
  return reader.fail(field.value.at, `expected "${field.key}" to be a string`, field.key);
}

function readDependencies(reader: ManifestReader, field: ManifestField | undefined): Dependency[] {
  const byModule = new Map<string, Dependency>();
  for (const { key, value } of objectFields(reader, field))
    byModule.set(key, { module: key, ...readRequirement(reader, key, value) });
  return [...byModule.values()];
}

function readRequirement(
  reader: ManifestReader,
  module: string,
  value: ManifestValue,
): Omit<Dependency, 'module'> {
  const written = JSON.stringify(plainValue(value));
  if (value.kind === 'string')
    return { requirement: isVersion(value.text) ? value.text : undefined, written };
  if (value.kind !== 'object')
    return reader.fail(value.at, `expected a version or an object for "${module}"`, module);
  const fields = new Map(value.fields.map((field) => [field.key, field]));
  const stated = readText(reader, fields.get('version'));
  const isElsewhere = ['path', 'git'].some((key) => readText(reader, fields.get(key)) !== undefined);
  return { requirement: !isElsewhere && isVersion(stated) ? stated : undefined, written };
}

function objectFields(reader: ManifestReader, field: ManifestField | undefined): readonly ManifestField[] {
  if (field === undefined || isNull(field.value)) return [];
  if (field.value.kind === 'object') return field.value.fields;
  return reader.fail(field.value.at, `expected "${field.key}" to be an object`, field.key);
}

function isNull(value: ManifestValue): boolean {
  return value.kind === 'scalar' && value.value === null;
}
