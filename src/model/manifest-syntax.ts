import { ConfigError } from '../errors.ts';

/** A value of a manifest; `at` is where it begins in the text. */
export type ManifestValue =
  | { readonly kind: 'string'; readonly at: number; readonly text: string }
  | {
      readonly kind: 'scalar';
      readonly at: number;
      readonly value: number | boolean | null;
      /** As it stands in the text: `1.0` and `12345678901234567890` are more than their value. */
      readonly written: string;
    }
  | { readonly kind: 'array'; readonly at: number; readonly items: readonly ManifestValue[] }
  | {
      readonly kind: 'object';
      readonly at: number;
      readonly fields: readonly ManifestField[];
      /** The name before the parentheses, of a call in the place of a value: `native(x: 1)`. */
      readonly callee?: string;
    };

export interface ManifestField {
  readonly key: string;
  readonly at: number;
  readonly value: ManifestValue;
}

export interface ManifestReader {
  /** The text of the next token, `undefined` at the end. */
  readonly next: string | undefined;
  /** Where the next token begins. */
  readonly at: number;
  /** Moves past the next token if it is `token`. */
  skip(token: string): boolean;
  expect(token: string): void;
  string(): string;
  identifier(): string;
  value(): ManifestValue;
  /** `(label: value, "label": value)`, as the fields of an object. */
  arguments(): ManifestField[];
  /** What `item` reads, separated by commas, between `open` and `close`; a comma may follow the last. */
  list<T>(open: string, close: string, item: () => T): T[];
  /** Where `at` is in the text, for people: both count from 1. */
  place(at: number): { readonly line: number; readonly column: number };
  fail(at: number, message: string, path?: string): never;
}

const blank = /(?:\s+|\/\/[^\r\n]*|\/\*.*?\*\/)*/suy;
const token = /"[^"\\]*(?:\\.[^"\\]*)*"|-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|[A-Za-z_]\w*|@[\w/-]+|./suy;
const identifierPattern = /^[A-Za-z_]\w*$/;
const numberPattern = /^-?[0-9]/;
const words = new Map<string, boolean | null>([
  ['true', true],
  ['false', false],
  ['null', null],
]);
const escapes: ReadonlyMap<string, string> = new Map(
  Object.entries({ n: '\n', t: '\t', r: '\r', f: '\f', b: '\b' }),
);
const deepest = 100;

/**
 * Reads what `moon.mod` and `moon.mod.json` have in common: strings, numbers, words, arrays, objects, comments, and a
 * comma after the last item. Fails with a `ConfigError` that names file, line and column.
 */
export function readManifestSyntax(fileName: string, text: string): ManifestReader {
  let at = 0;
  let next: string | undefined;
  let depth = 0;
  const place = createLocator(text);

  const advance = (from: number) => {
    at = from + matchAt(blank, text, from).length;
    next = at < text.length ? matchAt(token, text, at) : undefined;
  };

  const reader: ManifestReader = {
    get next() {
      return next;
    },
    get at() {
      return at;
    },
    skip(wanted) {
      if (next !== wanted) return false;
      advance(at + wanted.length);
      return true;
    },
    expect(wanted) {
      if (!reader.skip(wanted)) reader.fail(at, `expected "${wanted}", but found ${shown(next)}`);
    },
    string() {
      if (!next?.startsWith('"')) return reader.fail(at, `expected a string, but found ${shown(next)}`);
      if (next.length < 2) return reader.fail(at, 'this string has no end');
      const value = decodeEscapes(next.slice(1, -1));
      if (value === undefined) return reader.fail(at, 'this string has an escape that is not known');
      advance(at + next.length);
      return value;
    },
    identifier() {
      if (next === undefined || !identifierPattern.test(next))
        return reader.fail(at, `expected a name, but found ${shown(next)}`);
      const name = next;
      advance(at + name.length);
      return name;
    },
    value() {
      if (++depth > deepest) reader.fail(at, 'this is nested too deeply');
      const value = readValue(reader);
      depth--;
      return value;
    },
    arguments: () => reader.list('(', ')', () => readField(reader, readLabel)),
    list(open, close, item) {
      const items = [];
      reader.expect(open);
      while (!reader.skip(close)) {
        items.push(item());
        if (reader.skip(',') || next === close) continue;
        reader.fail(at, `expected "," or "${close}", but found ${shown(next)}`);
      }
      return items;
    },
    place,
    fail(where, message, path = '') {
      const { line, column } = place(where);
      throw new ConfigError(`cannot read ${fileName}: line ${line}, column ${column}: ${message}`, [
        { path, line, column, message },
      ]);
    },
  };
  advance(0);
  return reader;
}

/** The plain value, as `JSON.parse` would give it. */
export function plainValue(value: ManifestValue): unknown {
  if (value.kind === 'string') return value.text;
  if (value.kind === 'scalar') return value.value;
  if (value.kind === 'array') return value.items.map(plainValue);
  return Object.fromEntries(value.fields.map((field) => [field.key, plainValue(field.value)]));
}

function readValue(reader: ManifestReader): ManifestValue {
  const { next, at } = reader;
  if (next === '[') return { kind: 'array', at, items: reader.list('[', ']', reader.value) };
  if (next === '{')
    return { kind: 'object', at, fields: reader.list('{', '}', () => readField(reader, reader.string)) };
  if (next?.startsWith('"')) return { kind: 'string', at, text: reader.string() };
  if (next === undefined) return reader.fail(at, 'expected a value, but the file ends here');
  if (numberPattern.test(next)) {
    reader.skip(next);
    return { kind: 'scalar', at, value: Number(next), written: next };
  }
  const word = words.get(next);
  if (word !== undefined) {
    reader.skip(next);
    return { kind: 'scalar', at, value: word, written: next };
  }
  if (!identifierPattern.test(next)) return reader.fail(at, `expected a value, but found ${shown(next)}`);
  const callee = reader.identifier();
  return { kind: 'object', at, fields: reader.arguments(), callee };
}

function readLabel(reader: ManifestReader): string {
  return reader.next?.startsWith('"') ? reader.string() : reader.identifier();
}

function readField(reader: ManifestReader, readKey: (reader: ManifestReader) => string): ManifestField {
  const { at } = reader;
  const key = readKey(reader);
  reader.expect(':');
  return { key, at, value: reader.value() };
}

function matchAt(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? '';
}

function decodeEscapes(raw: string): string | undefined {
  let isKnown = true;
  const text = raw.replace(/\\(?:u([0-9A-Fa-f]{4})|(.))/gsu, (_all, hex?: string, character = '') => {
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
    if (/["\\/]/.test(character)) return character;
    const meant = escapes.get(character);
    if (meant === undefined) isKnown = false;
    return meant ?? '';
  });
  return isKnown ? text : undefined;
}

/** Finds places in time that does not grow with the text, but for the first: there may be as many as it has characters. */
function createLocator(text: string): (at: number) => { line: number; column: number } {
  let starts: number[] | undefined;
  return (at) => {
    starts ??= [0, ...Array.from(text.matchAll(/\r\n|\r|\n/g), ({ index, 0: end }) => index + end.length)];
    let line = 0;
    for (let step = 2 ** 30; step >= 1; step /= 2) if ((starts[line + step] ?? Infinity) <= at) line += step;
    return { line: line + 1, column: at - (starts[line] ?? 0) + 1 };
  };
}

function shown(found: string | undefined): string {
  if (found === undefined) return 'the end of the file';
  return JSON.stringify(found.length > 40 ? `${found.slice(0, 40)}…` : found);
}
