/**
 * What is usable of a file that may have problems: validated as far as it goes, so that the rules between values can
 * be checked, and reported, together with what is wrong inside them.
 */
import * as v from 'valibot';
import type { Problem } from './problem.ts';
import { type ConfigFile, configSchema } from './schema.ts';
import { isTomlTable, type TomlPath, type TomlTable } from './toml-document.ts';

/** The same shape with holes where the file is wrong; list positions stay what they are in the file. */
export type Draft<T> = T extends readonly (infer Item)[]
  ? readonly (Draft<Item> | undefined)[]
  : T extends object
    ? { readonly [K in keyof T]?: Draft<T[K]> | undefined }
    : T;

export interface Validated {
  readonly draft: Draft<ConfigFile>;
  /** One per place. Unknown keys are not among them. */
  readonly problems: readonly Problem[];
  /** The file, if it has no problem here. */
  readonly file: ConfigFile | undefined;
}

export function validateShape(value: TomlTable): Validated {
  const result = v.safeParse(configSchema, value);
  if (result.success) return { draft: result.output, problems: [], file: result.output };
  const problems = new Map<string, Problem>();
  for (const issue of result.issues) {
    if (issue.kind === 'schema' && issue.expected === 'never') continue; // an unknown key
    const path = pathOf(issue);
    const place = JSON.stringify(path);
    if (!problems.has(place)) problems.set(place, { path, message: issue.message });
  }
  const draft = withHoles(result.output, [...problems.values()]) as Draft<ConfigFile>;
  return { draft, problems: [...problems.values()], file: undefined };
}

function pathOf(issue: v.BaseIssue<unknown>): TomlPath {
  return (issue.path ?? []).map(({ key }) => (typeof key === 'number' ? key : String(key)));
}

function withHoles(value: unknown, problems: readonly Problem[], path: TomlPath = []): unknown {
  const place = JSON.stringify(path);
  if (problems.some((problem) => JSON.stringify(problem.path) === place)) return undefined;
  if (Array.isArray(value))
    return value.map((item: unknown, index) => withHoles(item, problems, [...path, index]));
  if (!isTomlTable(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]) => [key, withHoles(entry, problems, [...path, key])]),
  );
}
