import { isDeepStrictEqual } from 'node:util';
import { ConfigError } from '../errors.ts';
import { configFileName } from './config-file.ts';
import { configError } from './problem.ts';
import { byteOrderMark, parseToml, type TomlDocument, type TomlPath } from './toml-document.ts';
import { CannotEdit } from './toml-edit.ts';

export type PlainTable = { [key: string]: unknown };

/**
 * Makes one edit of a text and proves it: the result must mean what `intend` makes of the value before, and nothing
 * else. Throws `ConfigError` where it does not, or where the text has to be edited by hand.
 */
export function editChecked(
  text: string,
  edit: (document: TomlDocument) => string,
  intend: (value: PlainTable) => void,
): string {
  const document = readDocument(text);
  const intended = plain(document);
  intend(intended);
  const result = refusing(document, edit);
  const after = parseToml(result);
  if (after.document === undefined || !isDeepStrictEqual(plain(after.document), intended))
    throw new ConfigError(`cannot edit ${configFileName} without disturbing the rest of it`, [], {
      hint: byHand,
    });
  return (text.startsWith(byteOrderMark) ? byteOrderMark : '') + result;
}

export function readDocument(text: string): TomlDocument {
  const { document, problems } = parseToml(text);
  if (document === undefined) throw configError(problems.map((problem) => ({ path: '', ...problem })));
  return document;
}

export function valueAt(value: unknown, path: TomlPath): unknown {
  return path.reduce((part: unknown, key) => (isIndexable(part) ? part[key] : undefined), value);
}

/** Sets what stands at a path, making the tables and lists on the way that are missing. */
export function assignAt(value: PlainTable, path: TomlPath, assigned: unknown): void {
  let target: { [key: string | number]: unknown } = value;
  for (const [position, key] of path.entries()) {
    const following = path[position + 1];
    const next =
      following === undefined ? assigned : (target[key] ?? (typeof following === 'number' ? [] : {}));
    target[key] = next;
    if (following === undefined) return;
    if (!isIndexable(next)) throw new Error(`${path.join('.')} is not in a table`);
    target = next;
  }
}

const byHand = `edit ${configFileName} by hand`;

function refusing(document: TomlDocument, edit: (document: TomlDocument) => string): string {
  try {
    return edit(document);
  } catch (error) {
    if (!(error instanceof CannotEdit)) throw error;
    const line = document.text.slice(0, error.offset).split('\n').length;
    throw new ConfigError(`cannot edit ${configFileName} at line ${line}: ${error.message}`, [], {
      hint: `${byHand}, or write that place as the tables of the documentation are written`,
      cause: error,
    });
  }
}

// Comparable: parsers give tables without a prototype, and dates of their own.
function plain(document: TomlDocument): PlainTable {
  return JSON.parse(JSON.stringify(document.value)) as PlainTable;
}

function isIndexable(value: unknown): value is { [key: string | number]: unknown } {
  return typeof value === 'object' && value !== null;
}
