import { suggest } from '../support/suggest.ts';
import type { Problem } from './problem.ts';
import { configShape, type Shape, type TableShape } from './schema-shape.ts';
import { nestedSourceAdvice } from './source-tables.ts';
import { isTomlTable, type TomlPath } from './toml-document.ts';

/** Every key that the schema does not know, with what was probably meant. */
export function findUnknownKeys(value: unknown, shape: Shape = configShape, path: TomlPath = []): Problem[] {
  if (shape.kind === 'list' && Array.isArray(value))
    return value.flatMap((item: unknown, index) => findUnknownKeys(item, shape.item, [...path, index]));
  if (shape.kind !== 'table' || !isTomlTable(value)) return [];
  return Object.entries(value).flatMap(([key, entry]) => {
    const known = shape.entries.get(key);
    if (known) return findUnknownKeys(entry, known, [...path, key]);
    return [
      { path: [...path, key], message: `unknown key${adviceFor(key, shape, path, value)}`, isAboutKey: true },
    ];
  });
}

function adviceFor(key: string, shape: TableShape, path: TomlPath, table: unknown): string {
  const near = suggest(key, [...shape.entries.keys()]);
  if (near !== undefined) return `; did you mean "${near}"?`;
  const nested = path[0] === 'sources' && path.length === 2 ? nestedSourceAdvice(table, key) : undefined;
  if (nested !== undefined) return `; ${nested}`;
  const home = tableWith(key);
  if (home !== undefined) return `; it belongs ${home}`;
  return `; expected ${[...shape.entries.keys()].filter((known) => known !== 'default_source').join(', ')}`;
}

/** Where in the file a key would be right. */
function tableWith(key: string): string | undefined {
  if (key === 'default_source') return 'at the top of the file';
  for (const [name, entry] of configShape.entries) {
    const table = entry.kind === 'list' ? entry.item : entry;
    if (table.kind !== 'table' || !table.entries.has(key)) continue;
    return entry.kind === 'list' ? `in a [[${name}]] table` : `in [${name}]`;
  }
  return undefined;
}
