/** What the shapes of `registry.toml` are put together from: single values, and the messages about them. */
import * as v from 'valibot';
import { pathPattern } from './patterns.ts';

export const text = v.string(expected('a string'));

export const path = v.pipe(
  text,
  v.rawCheck(
    refuse((value) => {
      if (value.trim() === '') return 'expected a path, got nothing';
      return /[\u0000-\u001f\u007f]/.test(value) ? 'expected no control characters' : undefined;
    }),
  ),
  forEditors({ pattern: pathPattern }),
);

export function about<const S extends v.GenericSchema>(schema: S, meaning: string) {
  return v.pipe(schema, v.description(meaning));
}

type About<S extends v.GenericSchema> = ReturnType<typeof about<S>>;

/** What may be left out, and what counts then. */
export function setting<const S extends v.GenericSchema>(
  schema: S,
  meaning: string,
): v.OptionalSchema<About<S>, undefined>;
export function setting<
  const S extends v.GenericSchema,
  const Fallback extends v.Default<About<S>, undefined>,
>(schema: S, meaning: string, fallback: Fallback): v.OptionalSchema<About<S>, Fallback>;
export function setting(schema: v.GenericSchema, meaning: string, fallback?: unknown): unknown {
  return v.optional(about(schema, meaning), fallback);
}

export function table<const Entries extends v.ObjectEntries>(entries: Entries) {
  return v.strictObject(entries, expected('a table'));
}

export function choice<const T extends readonly string[]>(options: T) {
  return v.picklist(options, expected(options.map((option) => `"${option}"`).join(' or ')));
}

export function integer(least: number, most: number) {
  const message = expected(`an integer from ${least} to ${most}`);
  return v.pipe(v.number(message), v.integer(message), v.minValue(least, message), v.maxValue(most, message));
}

// Addresses may hold credentials by mistake, so no message shows one.
export function address(problem: (value: string) => string | undefined, pattern: string) {
  return v.pipe(v.string(expectedType('a string')), v.rawCheck(refuse(problem)), forEditors({ pattern }));
}

/** Keywords of JSON Schema that go into `registry.schema.json`, and count nowhere else. */
export function forEditors<Value>(
  keywords: Readonly<Record<string, unknown>>,
): v.MetadataAction<Value, { readonly forEditors: typeof keywords }> {
  return v.metadata({ forEditors: keywords });
}

export function refuse(problem: (value: string) => string | undefined) {
  return ({ dataset, addIssue }: v.RawCheckContext<string>) => {
    const message = dataset.typed ? problem(dataset.value) : undefined;
    if (message !== undefined) addIssue({ message });
  };
}

export function prefixed(prefix: string, problem: string | undefined): string | undefined {
  return problem === undefined ? undefined : prefix + problem;
}

export function expected(what: string) {
  return (issue: v.BaseIssue<unknown>) =>
    issue.received === 'undefined' ? 'is missing' : `expected ${what}, got ${describe(issue.input)}`;
}

export function expectedType(what: string) {
  return (issue: v.BaseIssue<unknown>) =>
    issue.received === 'undefined' ? 'is missing' : `expected ${what}, got ${typeName(issue.input)}`;
}

function describe(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value !== 'string') return typeName(value);
  return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
}

function typeName(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (value instanceof Date) return 'a date';
  if (typeof value === 'object') return 'a table';
  return typeof value === 'boolean' ? 'true or false' : `a ${typeof value}`;
}
