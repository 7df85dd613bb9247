/** The files of a registry's settings, and how a place in them is told. Loads nothing, as each command needs it. */
import type { ConfigProblem } from '../errors.ts';

export const configFileName = 'registry.toml';
/** Beside it, for editors. */
export const schemaFileName = 'registry.schema.json';
/** At the top of `registry.toml`: taplo's form. */
export const editorSchemaLine = `#:schema ./${schemaFileName}`;

/** `registry.toml:LINE:COLUMN: KEY: what is wrong`. */
export function formatProblem({ path, line, column, message }: ConfigProblem): string {
  return [`${configFileName}:${line}:${column}`, path, message].filter((part) => part !== '').join(': ');
}
