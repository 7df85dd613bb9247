/** The schema as a plain tree, for what walks it: unknown keys, `config KEY VALUE`, the table of keys. */
import * as v from 'valibot';
import { configSchema } from './schema.ts';

export type Shape = TableShape | ListShape | ValueShape;

export interface TableShape {
  readonly kind: 'table';
  readonly entries: ReadonlyMap<string, Shape>;
}

/** A list of tables: `[[sources]]`. */
interface ListShape {
  readonly kind: 'list';
  readonly item: Shape;
}

/** A single value, or a list of strings. */
export interface ValueShape {
  readonly kind: 'value';
  readonly schema: v.GenericSchema;
  readonly valueType: string;
  readonly default: unknown;
  readonly meaning: string;
  /** Whether only whoever edits the file may set this value: what it says is run. */
  readonly isOfFileAlone: boolean;
}

/** One line of the README's tables of settings. */
export interface ConfigKey {
  /** The key as `config` takes it, with `NAME` for a source's name. */
  readonly key: string;
  /** The header it stands under in the file, such as `[[sources]]` or `[sources.auth]`; empty at the top. */
  readonly table: string;
  readonly type: string;
  /** The default as TOML; empty where there is none. */
  readonly default: string;
  readonly meaning: string;
}

export const configShape: TableShape = tableShape(configSchema);

export const configKeys: readonly ConfigKey[] = listKeys(configShape, '');

function tableShape(schema: { readonly entries: v.ObjectEntries }): TableShape {
  const entries = Object.entries(schema.entries).map(([key, entry]) => [key, shapeOf(entry)] as const);
  return { kind: 'table', entries: new Map(entries) };
}

function shapeOf(schema: v.GenericSchema, fallback?: unknown): Shape {
  if (isOptional(schema)) return shapeOf(schema.wrapped, schema.default);
  if (isTable(schema)) return tableShape(schema);
  if (isList(schema) && isTable(schema.item)) return { kind: 'list', item: tableShape(schema.item) };
  return {
    kind: 'value',
    schema,
    valueType: valueTypeOf(schema),
    default: fallback,
    meaning: v.getDescription(schema) ?? '',
    isOfFileAlone: v.getMetadata(schema).isOfFileAlone === true,
  };
}

function valueTypeOf(schema: v.GenericSchema): string {
  const { valueType } = v.getMetadata(schema);
  if (typeof valueType === 'string') return valueType;
  if (isChoice(schema)) return schema.options.map((option) => `"${option}"`).join(', ');
  if (isList(schema)) return 'list of strings';
  return schema.type === 'number' ? 'integer' : schema.type;
}

function listKeys(shape: Shape, prefix: string, table = ''): ConfigKey[] {
  if (shape.kind === 'list') return listKeys(shape.item, `${prefix}NAME.`, `[${table}]`);
  if (shape.kind === 'table')
    return [...shape.entries]
      .filter(([key]) => prefix !== 'sources.NAME.' || key !== 'default_source') // read there, but not to be written
      .flatMap(([key, entry]) =>
        entry.kind === 'value'
          ? listKeys(entry, prefix + key, table)
          : listKeys(entry, `${prefix}${key}.`, tableBelow(table, key)),
      );
  const written = shape.default === undefined ? '' : JSON.stringify(shape.default);
  return [{ key: prefix, table, type: shape.valueType, default: written, meaning: shape.meaning }];
}

/** Of a list of tables, those below it are written with its own name: `[sources.auth]` below `[[sources]]`. */
function tableBelow(table: string, key: string): string {
  const outer = table.replace(/^\[+|\]+$/g, '');
  return `[${outer === '' ? key : `${outer}.${key}`}]`;
}

function isOptional(
  schema: v.GenericSchema,
): schema is v.GenericSchema & { wrapped: v.GenericSchema; default: unknown } {
  return schema.type === 'optional';
}

function isTable(schema: v.GenericSchema): schema is v.GenericSchema & { entries: v.ObjectEntries } {
  return schema.type === 'strict_object';
}

function isList(schema: v.GenericSchema): schema is v.GenericSchema & { item: v.GenericSchema } {
  return schema.type === 'array';
}

function isChoice(schema: v.GenericSchema): schema is v.GenericSchema & { options: readonly string[] } {
  return schema.type === 'picklist';
}
