/** What to write instead of `[sources.partner]`, which a setting's name on the command line suggests. */
import { isTomlTable } from './toml-document.ts';

/** What is wrong with a `sources` that is no list. */
export function sourcesProblem(value: unknown): string {
  const expected = 'expected [[sources]] tables';
  if (!isTomlTable(value)) return expected;
  const [name] = Object.keys(value).filter((key) => isTableOrTables(value[key]));
  return name === undefined
    ? `${expected}: write [[sources]], with two brackets, once for each source`
    : `${expected}: ${rightForm(name)}`;
}

/** The same below a `[[sources]]` table, where TOML makes it a key of that source; `undefined` for a mere value. */
export function nestedSourceAdvice(source: unknown, key: string): string | undefined {
  if (!isTomlTable(source) || !isTableOrTables(source[key])) return undefined;
  if (source.name !== key) return rightForm(key);
  const [part = 'auth'] = isTomlTable(source[key]) ? Object.keys(source[key]) : [];
  return `write [sources.${part}] below the [[sources]] table that it belongs to`;
}

function rightForm(name: string): string {
  const key = /^[\w-]+$/.test(name) ? name : JSON.stringify(name);
  return `instead of [sources.${key}] write [[sources]], and below it name = ${JSON.stringify(name)}`;
}

function isTableOrTables(value: unknown): boolean {
  return isTomlTable(Array.isArray(value) ? value[0] : value);
}
