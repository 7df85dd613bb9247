/**
 * Edits of a TOML text that touch only the lines they are about: every comment, blank line, order and line ending
 * elsewhere stays byte for byte. Each works on the ranges of a parsed text and returns the new text; none checks
 * what it did, that is for the caller (`edit.ts`), which compares the meaning before and after.
 */
import type { AST } from 'toml-eslint-parser';
import {
  isSamePath,
  type Statement,
  startsWithPath,
  type TomlDocument,
  type TomlPath,
} from './toml-document.ts';

export type TomlValue = string | number | boolean | readonly TomlItem[];

/** In a list: text, or an inline table of texts. */
export type TomlItem = string | Readonly<Record<string, string>>;

/** The edit is possible, but not without touching what the user wrote otherwise; `offset` says where. */
export class CannotEdit extends Error {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

/** Sets a key that exists, or adds it to its table, which is created if need be. */
export function setKey(document: TomlDocument, path: TomlPath, value: TomlValue): string {
  const { text, statements } = document;
  const existing = statements.find((statement) => isSamePath(statement.path, path));
  if (existing) return replaceValue(document, existing, value);
  const container = path.slice(0, -1);
  const inline = statements.find((statement) => isSamePath(statement.path, container));
  if (inline) return addToInlineTable(text, inline, path, value);
  const table = document.tables.find((candidate) => isSamePath(candidate.resolvedKey, container));
  const sibling = statements.findLast(
    (candidate) =>
      startsWithPath(candidate.path, container) &&
      !candidate.isInline &&
      // Below the header of an inner table, no key is of this one.
      (candidate.table?.resolvedKey.length ?? 0) <= container.length,
  );
  if (table)
    return insertLines(document, endOfBody(text, table), [
      indentOf(text, table) + assignment(path.slice(-1), value),
    ]);
  if (sibling) return addBeside(document, sibling, path, value);
  return addTable(document, container, [assignment(path.slice(-1), value)]);
}

/** Adds a key that stands before every table and every other key, below the comments that open the file. */
export function addKeyOnTop(document: TomlDocument, line: string, below: RegExp): string {
  const { text, program } = document;
  const first = program.body[0].body[0];
  const end = first === undefined ? text.length : first.range[0];
  const mention = program.comments.findLast((comment) => comment.range[0] < end && below.test(comment.value));
  if (mention) return insertLines(document, lineAfter(text, mention.range[1]), [line]);
  if (first === undefined) return insertLines(document, text.length, [line]);
  const start = startWithComments(document, lineStart(text, first.range[0]));
  return insertLines(document, start, first.type === 'TOMLTable' ? [line, ''] : [line]);
}

/** Removes a key's line; with `keepComment`, a comment at its end stays, as a line of its own. */
export function removeKey(
  { text }: TomlDocument,
  { node, isInline }: Statement,
  keepComment: boolean,
): string {
  if (isInline) throw new CannotEdit('this key stands in an inline table', node.range[0]);
  const start = lineStart(text, node.range[0]);
  const end = lineAfter(text, node.range[1]);
  const rest = text.slice(node.range[1], end);
  const kept = keepComment && rest.trim() !== '' ? text.slice(start, node.range[0]) + rest.trimStart() : '';
  return text.slice(0, start) + kept + text.slice(end);
}

/** Removes what stands at `path`, however it is written: as a table, as one key, or as several dotted ones. */
export function removeAt(document: TomlDocument, path: TomlPath): string {
  const { text, tables, statements } = document;
  if (tables.some(({ resolvedKey }) => isSamePath(resolvedKey, path))) return removeTable(document, path);
  const inline = statements.find((statement) => isSamePath(statement.path, path) && statement.isInline);
  if (inline) return removeFromInlineTable(document, inline);
  return statements
    .filter((statement) => startsWithPath(statement.path, path) && !statement.isInline)
    .reduceRight((rest, statement) => removeKey({ ...document, text: rest }, statement, false), text);
}

/** With the comma behind it, or before it where it is the last. */
function removeFromInlineTable({ text, statements }: TomlDocument, { node, path }: Statement): string {
  const table = statements.find((statement) => isSamePath(statement.path, path.slice(0, -1)))?.node.value;
  const entries = table?.type === 'TOMLInlineTable' ? table.body : [node];
  const position = entries.indexOf(node);
  const [before, after] = [entries[position - 1], entries[position + 1]];
  const start = after === undefined && before !== undefined ? before.range[1] : node.range[0];
  return text.slice(0, start) + text.slice(after?.range[0] ?? node.range[1]);
}

/** The line of a key with another value: the comment at its end included, indentation not. */
export function lineWithValue({ text }: TomlDocument, { node }: Statement, value: TomlValue): string {
  const end = lineAfter(text, node.range[1]);
  const head = text.slice(node.range[0], node.value.range[0]);
  return (head + renderValue(value) + text.slice(node.value.range[1], end)).trimEnd();
}

/** Adds `[[name]]` with these lines after the last table of that name, or at the end of the file. */
export function addListTable(document: TomlDocument, name: string, lines: readonly string[]): string {
  const last = document.tables.findLast(({ resolvedKey }) => resolvedKey[0] === name);
  const block = [`[[${name}]]`, ...lines];
  return insertBlock(document, last === undefined ? document.text.length : endOfBlock(document, last), block);
}

/**
 * Removes the table at `path`, a `[[name]]` by its index, with its sub-tables, the comment lines that touch its header or
 * its end, and one run of blank lines.
 */
export function removeTable(document: TomlDocument, path: TomlPath): string {
  const { text, tables } = document;
  const parts = tables.filter(({ resolvedKey }) => startsWithPath(resolvedKey, path));
  const [first] = parts;
  const last = parts.at(-1);
  if (first === undefined || last === undefined) throw new Error(`no table ${path.join('.')}`);
  const stray = tables
    .slice(tables.indexOf(first), tables.indexOf(last))
    .find((table) => !parts.includes(table));
  if (stray)
    throw new CannotEdit(`another table stands between the parts of this [[${path[0]}]]`, stray.range[0]);
  let start = startWithComments(document, lineStart(text, first.range[0]));
  let end = endOfBlock(document, last);
  while (end < text.length && isBlankLine(text, end)) end = lineAfter(text, end);
  if (end === text.length)
    while (start > 0 && isBlankLine(text, lineStart(text, start - 1))) start = lineStart(text, start - 1);
  return text.slice(0, start) + text.slice(end);
}

export function assignment(keys: TomlPath, value: TomlValue): string {
  return `${keys.map(renderKey).join('.')} = ${renderValue(value)}`;
}

function replaceValue(document: TomlDocument, { node }: Statement, value: TomlValue): string {
  const [start, end] = node.value.range;
  const comment = document.program.comments.find(({ range }) => range[0] > start && range[1] < end);
  if (comment) throw new CannotEdit('the list has comments in it', comment.range[0]);
  return document.text.slice(0, start) + renderValue(value) + document.text.slice(end);
}

function addToInlineTable(text: string, { node }: Statement, path: TomlPath, value: TomlValue): string {
  if (node.value.type !== 'TOMLInlineTable') throw new CannotEdit('this is not a table', node.value.range[0]);
  const last = node.value.body.at(-1);
  const entry = assignment(path.slice(-1), value);
  if (last) return `${text.slice(0, last.range[1])}, ${entry}${text.slice(last.range[1])}`;
  return `${text.slice(0, node.value.range[0])}{ ${entry} }${text.slice(node.value.range[1])}`;
}

/** Below `server.host = …`, a new key of the same table has to be dotted too. */
function addBeside(document: TomlDocument, sibling: Statement, path: TomlPath, value: TomlValue): string {
  const { text } = document;
  const written = path.slice(sibling.table?.resolvedKey.length ?? 0);
  const indent = indentAt(text, sibling.node.range[0]);
  return insertLines(document, lineAfter(text, sibling.node.range[1]), [indent + assignment(written, value)]);
}

/** Adds `[container]`: a part of a list table right after it, any other at the end of the file. */
function addTable(document: TomlDocument, container: TomlPath, lines: readonly string[]): string {
  const header = `[${container
    .filter((part) => typeof part === 'string')
    .map(renderKey)
    .join('.')}]`;
  const parent = document.tables.findLast(
    ({ resolvedKey }) => container.length > 1 && startsWithPath(resolvedKey, container.slice(0, -1)),
  );
  return insertBlock(document, parent === undefined ? document.text.length : endOfBlock(document, parent), [
    header,
    ...lines,
  ]);
}

function insertBlock(document: TomlDocument, offset: number, lines: readonly string[]): string {
  const { text } = document;
  const gapBefore = offset > 0 && !isBlankLine(text, lineStart(text, offset - 1));
  const gapAfter = offset < text.length && !isBlankLine(text, offset);
  return insertLines(document, offset, [...(gapBefore ? [''] : []), ...lines, ...(gapAfter ? [''] : [])]);
}

/** Inserts whole lines at the start of a line, or at the end of a text that may lack its last line ending. */
function insertLines({ text }: TomlDocument, offset: number, lines: readonly string[]): string {
  const eol = /^[^\n]*\r\n/.test(text) ? '\r\n' : '\n';
  const needsEnding = offset > 0 && text[offset - 1] !== '\n';
  const inserted = (needsEnding ? eol : '') + lines.map((line) => line + eol).join('');
  return text.slice(0, offset) + inserted + text.slice(offset);
}

/** The start of the line below a table's last key, or below its header where it has none. */
function endOfBody(text: string, table: AST.TOMLTable): number {
  return lineAfter(text, table.body.at(-1)?.range[1] ?? headerEnd(table));
}

/** `endOfBody`, and the comment lines that touch it, unless they lead up to the next header. */
function endOfBlock(document: TomlDocument, table: AST.TOMLTable): number {
  const { text } = document;
  const end = endOfBody(text, table);
  let afterComments = end;
  while (isCommentLine(document, afterComments)) afterComments = lineAfter(text, afterComments);
  const leadsToHeader = document.tables.some(({ range }) => lineStart(text, range[0]) === afterComments);
  return leadsToHeader ? end : afterComments;
}

function headerEnd(table: AST.TOMLTable): number {
  return table.key.range[1];
}

function startWithComments(document: TomlDocument, start: number): number {
  let first = start;
  while (first > 0 && isCommentLine(document, lineStart(document.text, first - 1)))
    first = lineStart(document.text, first - 1);
  return first;
}

// By the parser's comments, since a line of a multi-line string may look like one.
function isCommentLine({ text, program }: TomlDocument, start: number): boolean {
  const offset = start + indentAt(text, start).length;
  return program.comments.some(({ range }) => range[0] === offset);
}

function isBlankLine(text: string, start: number): boolean {
  return text.slice(start, lineAfter(text, start)).trim() === '';
}

function lineStart(text: string, offset: number): number {
  return offset === 0 ? 0 : text.lastIndexOf('\n', offset - 1) + 1;
}

function lineAfter(text: string, offset: number): number {
  const end = text.indexOf('\n', offset);
  return end < 0 ? text.length : end + 1;
}

function indentOf(text: string, table: AST.TOMLTable): string {
  return indentAt(text, table.body.at(-1)?.range[0] ?? table.range[0]);
}

function indentAt(text: string, offset: number): string {
  return /^[ \t]*/.exec(text.slice(lineStart(text, offset)))?.[0] ?? '';
}

function renderKey(key: string | number): string {
  return /^[A-Za-z0-9_-]+$/.test(String(key)) ? String(key) : renderString(String(key));
}

function renderValue(value: TomlValue): string {
  if (typeof value === 'string') return renderString(value);
  return typeof value === 'object' ? `[${value.map(renderItem).join(', ')}]` : String(value);
}

/** As an item of a list is written in TOML. */
export function renderItem(item: TomlItem): string {
  if (typeof item === 'string') return renderString(item);
  const entries = Object.entries(item).map(([key, value]) => `${renderKey(key)} = ${renderString(value)}`);
  return `{ ${entries.join(', ')} }`;
}

// JSON's escapes are TOML's, which wants DEL escaped besides.
function renderString(text: string): string {
  return JSON.stringify(text).replaceAll('\u007f', '\\u007f');
}
