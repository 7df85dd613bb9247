/** A TOML text with its value and the place of everything in it. Knows nothing of what the file is for. */
import { parse, TomlError } from 'smol-toml';
import { type AST, ParseError, parseTOML } from 'toml-eslint-parser';

/** Keys, and indices into lists. */
export type TomlPath = readonly (string | number)[];
export type TomlTable = { readonly [key: string]: unknown };

export interface TomlDocument {
  /** The text that was parsed, without a byte order mark. */
  readonly text: string;
  readonly value: TomlTable;
  readonly program: AST.TOMLProgram;
  /** `key = value` lines in the order of the text, those inside inline tables included. */
  readonly statements: readonly Statement[];
  readonly tables: readonly AST.TOMLTable[];
}

export interface Statement {
  readonly path: TomlPath;
  readonly node: AST.TOMLKeyValue;
  /** The header it stands under; `undefined` at the top of the file. */
  readonly table: AST.TOMLTable | undefined;
  readonly isInline: boolean;
}

export function isTomlTable(value: unknown): value is TomlTable {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** Line and column count from 1. */
interface SyntaxProblem {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

export const byteOrderMark = '\ufeff';
const maxSyntaxProblems = 20;

export type ParsedToml =
  | { readonly document: TomlDocument; readonly problems?: undefined }
  | { readonly document: undefined; readonly problems: readonly SyntaxProblem[] };

export function parseToml(written: string): ParsedToml {
  const text = written.startsWith(byteOrderMark) ? written.slice(1) : written;
  const problems = findSyntaxProblems(text);
  if (problems.length > 0) return { document: undefined, problems };
  return readDocument(text);
}

function readDocument(text: string): ParsedToml {
  try {
    const program = parseTOML(text);
    const statements = [...listStatements(program)];
    const tables = program.body[0].body.filter((node) => node.type === 'TOMLTable');
    return { document: { text, value: parse(text), program, statements, tables } };
  } catch (error) {
    // It passes on all characters of a text at once.
    if (error instanceof RangeError) return { document: undefined, problems: [tooLong(text)] };
    if (!(error instanceof ParseError)) throw error; // the stricter of the two parsers
    return {
      document: undefined,
      problems: [{ line: error.lineNumber, column: error.column + 1, message: error.message }],
    };
  }
}

function tooLong(text: string): SyntaxProblem {
  const lengths = text.split('\n').map(({ length }) => length);
  const longest = Math.max(...lengths);
  return {
    line: lengths.indexOf(longest) + 1,
    column: 1,
    message: `a line of ${longest} characters is too long to be read`,
  };
}

/** Where a path is written: its key, or its value; where it is not, the nearest thing that would hold it. */
export function locate(
  document: TomlDocument,
  path: TomlPath,
  part: 'key' | 'value' = 'value',
): { readonly line: number; readonly column: number } {
  for (let length = path.length; length > 0; length--) {
    const offset = offsetOf(document, path.slice(0, length), length === path.length ? part : 'key');
    if (offset !== undefined) return positionOf(document.text, offset);
  }
  return { line: 1, column: 1 };
}

export function isSamePath(left: TomlPath, right: TomlPath): boolean {
  return left.length === right.length && startsWithPath(left, right);
}

export function startsWithPath(path: TomlPath, prefix: TomlPath): boolean {
  return prefix.every((part, position) => path[position] === part);
}

function offsetOf(document: TomlDocument, path: TomlPath, part: 'key' | 'value'): number | undefined {
  const { statements, tables } = document;
  const exact = statements.find((statement) => isSamePath(statement.path, path));
  if (exact) return part === 'key' ? exact.node.range[0] : exact.node.value.range[0];
  const element = elementAt(statements, path);
  if (element) return element.range[0];
  const table = tables.find((candidate) => isSamePath(candidate.resolvedKey, path));
  if (table) return table.key.range[0];
  const inner = tables.find((candidate) => startsWithPath(candidate.resolvedKey, path));
  if (inner) return inner.key.range[0];
  return statements.find((statement) => startsWithPath(statement.path, path))?.node.range[0];
}

function elementAt(statements: readonly Statement[], path: TomlPath): AST.TOMLContentNode | undefined {
  const index = path.at(-1);
  if (typeof index !== 'number') return undefined;
  const list = statements.find((statement) => isSamePath(statement.path, path.slice(0, -1)))?.node.value;
  return list?.type === 'TOMLArray' ? list.elements[index] : undefined;
}

function positionOf(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset);
  return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') };
}

/**
 * The first syntax error, and those after it as long as each is a line that is wrong by itself: such a line is
 * blanked and the rest read on. What follows any other error would be guesses.
 */
function findSyntaxProblems(text: string): SyntaxProblem[] {
  const problems: SyntaxProblem[] = [];
  const lines = text.split('\n');
  while (problems.length < maxSyntaxProblems) {
    const problem = syntaxProblem(lines.join('\n'));
    if (problem === undefined) break;
    problems.push(problem);
    const line = lines[problem.line - 1] ?? '';
    const alone = syntaxProblem(line);
    const isMultiLine = /"""|'''/.test(line);
    if (isMultiLine || alone?.column !== problem.column || alone.message !== problem.message) break;
    lines[problem.line - 1] = '';
  }
  return problems;
}

// The parser's message quotes lines of the file, where somebody may have written a secret: only its first
// line is kept, and the error itself does not travel as a cause.
function syntaxProblem(text: string): SyntaxProblem | undefined {
  try {
    parse(text);
    return undefined;
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const [headline = ''] = error.message.split('\n');
    const message = headline.replace(/^Invalid TOML document: /, '');
    return {
      line: error.line,
      column: error.column,
      message: isBareText(text, error) ? `${message}: text needs quotes` : message,
    };
  }
}

/** Whether the parser stopped at a letter where a value should be: `url = https://…`. */
function isBareText(text: string, { line, column, message }: TomlError): boolean {
  const found = text.split('\n')[line - 1]?.[column - 1] ?? '';
  return /: invalid value$/m.test(message) && /[A-Za-z]/.test(found);
}

function* listStatements(program: AST.TOMLProgram): Generator<Statement> {
  for (const node of program.body[0].body) {
    if (node.type === 'TOMLKeyValue') yield* statementsOf(node, [], undefined, false);
    else for (const entry of node.body) yield* statementsOf(entry, node.resolvedKey, node, false);
  }
}

function* statementsOf(
  node: AST.TOMLKeyValue,
  prefix: TomlPath,
  table: AST.TOMLTable | undefined,
  isInline: boolean,
): Generator<Statement> {
  const path = [...prefix, ...node.key.keys.map((key) => (key.type === 'TOMLBare' ? key.name : key.value))];
  yield { path, node, table, isInline };
  yield* nestedStatements(node.value, path, table);
}

function* nestedStatements(
  value: AST.TOMLContentNode,
  path: TomlPath,
  table: AST.TOMLTable | undefined,
): Generator<Statement> {
  if (value.type === 'TOMLInlineTable')
    for (const entry of value.body) yield* statementsOf(entry, path, table, true);
  if (value.type === 'TOMLArray')
    for (const [index, element] of value.elements.entries())
      yield* nestedStatements(element, [...path, index], table);
}
