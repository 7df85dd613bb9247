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
  const reader = readManifestSyntax(fileName, text);
  const fields = fileName.endsWith('.json') ? readJson(reader) : readStatements(reader);
  return {
    name: readText(reader, fields.get('name')),
    version: readText(reader, fields.get('version')),
    dependencies: readDependencies(reader, fields.get('deps')),
    binDependencies: readDependencies(reader, fields.get('bin-deps')),
  };
}

type Fields = Map<string, ManifestField>;

function readJson(reader: ManifestReader): Fields {
  const { at } = reader;
  const root = reader.value();
  if (root.kind !== 'object') return reader.fail(at, 'expected an object');
  if (reader.next !== undefined) reader.fail(reader.at, 'expected the end of the file');
  return new Map(root.fields.map((field) => [field.key, field]));
}

/**
 * `moon.mod`: assignments, calls, and one `import` block, as moon's manifest.rs takes them: `options(…)` holds further
 * keys (`"bin-deps"` among them), and an import overrides the entry of the same name in an option `deps`.
 */
function readStatements(reader: ManifestReader): Fields {
  const fields: Fields = new Map();
  const add = (field: ManifestField) => {
    if (fields.has(field.key) && field.key !== 'rule')
      reader.fail(field.at, `"${field.key}" is already set above`, field.key);
    fields.set(field.key, field);
  };
  while (reader.next !== undefined) {
    const { at } = reader;
    const key = reader.identifier();
    if (key === 'import') add({ key, at, value: { kind: 'object', at, fields: readImports(reader) } });
    else if (reader.next === '(') add({ key, at, value: { kind: 'object', at, fields: reader.arguments() } });
    else {
      reader.expect('=');
      add({ key, at, value: reader.value() });
    }
    reader.skip(';');
  }
  const options = fields.get('options')?.value;
  if (options?.kind === 'object') options.fields.forEach(add);
  return withImports(reader, fields);
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

function withImports(reader: ManifestReader, fields: Fields): Fields {
  const imports = fields.get('import');
  const options = fields.get('deps');
  if (!imports) return fields;
  const value: ManifestValue = {
    kind: 'object',
    at: imports.at,
    fields: [...objectFields(reader, options), ...objectFields(reader, imports)],
  };
  return new Map(fields).set('deps', { key: 'deps', at: imports.at, value });
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
