/**
 * Finds secrets in foreign text however they are written there: as they are, in either letter case, percent-encoded,
 * escaped as JSON, HTML or git do, in hexadecimal digits, in base64 of either alphabet also as a part of something
 * longer, and with characters between that people do not see.
 */
export type Mask = (text: string) => string;

/** A shorter one would tear the text apart and be told by the gaps. */
const minSecretLength = 4;
/** Of what is left of a secret in the base64 of something longer. */
const minPartLength = 8;

/** One way to write a secret: its characters in lower case, and what else may stand between them. */
interface Form {
  readonly characters: string;
  readonly separators: Separators;
}

interface Separators {
  readonly pattern: RegExp;
  /** Whether an escape stands for one. */
  readonly includes: (character: string) => boolean;
}

// Not seen, blank, put there for bytes that are no text, or a character of several bytes taken for as many characters.
const blank = String.raw`[\p{C}\p{Z}\p{Mn}\ufffd]`;
const unseen = String.raw`${blank}|[\u00c2-\u00f4][\u0080-\u00bf]{1,3}`;
const mark = String.raw`[^\p{L}\p{N}]`;
const allBlank = new RegExp(blank, 'gu');
const allMarks = new RegExp(mark, 'gu');
const exact: Separators = {
  pattern: new RegExp(unseen, 'uy'),
  includes: (character) => !/[!-~]/.test(character),
};
// As a host has it, which can hold no more, or as a list of parts.
const loose: Separators = {
  pattern: new RegExp(`${unseen}|${mark}`, 'uy'),
  includes: (character) => !/[\p{L}\p{N}]/u.test(character),
};
const betweenDigits: Separators = { ...loose, pattern: new RegExp(`0x|\\\\x|${unseen}|${mark}`, 'uy') };
// Bounded, each of them, so that a run of backslashes costs no more than its length.
const escapes = [
  '%(?:25){0,8}([0-9a-f]{2})',
  String.raw`\\{1,8}u\{0{0,8}([0-9a-f]{1,6})\}`,
  String.raw`\\{1,8}u([0-9a-f]{4})`,
  String.raw`\\{1,8}x([0-9a-f]{2})`,
  '&#x0{0,8}([0-9a-f]{1,6});?',
  '=([0-9a-f]{2})',
  String.raw`U\+([0-9a-f]{4})`,
  String.raw`\\{1,8}([0-3][0-7]{2})`,
  '&#0{0,8}([0-9]{1,7});?',
];
const escaped = new RegExp(escapes.join('|'), 'iy');
const mostBackslashes = 8;
/** Separators between two characters of a secret, so that a long run of them is not walked from every place before it. */
const mostBetween = 64;

/** Replaces every one of `secrets` by `***`. */
export function createMask(secrets: readonly string[]): Mask {
  const forms = withoutRepetitions(secrets.flatMap(formsOf));
  if (forms.length === 0) return (text) => text;
  return (text) => {
    const reading = createReading(text);
    let masked = '';
    for (let at = 0; at < text.length; ) {
      const end = forms.reduce((longest, form) => Math.max(longest, endOf(form, reading, at)), -1);
      masked += end > at ? '***' : text[at];
      at = end > at ? end : at + 1;
    }
    return masked;
  };
}

function formsOf(secret: string): Form[] {
  if (secret.length < minSecretLength) return [];
  const bytes = Buffer.from(secret);
  const texts = [secret, bytes.toString('latin1')].map((text) => text.toLowerCase());
  const base64 = [bytes.toString('base64'), ...[0, 1, 2].map((offset) => base64Part(bytes, offset))];
  const coded = base64.map((text) => text.replace(allMarks, '').toLowerCase());
  return [
    ...texts.map((text) => ({ characters: text.replace(allBlank, ''), separators: exact })).filter(hasSome),
    ...texts.map((text) => ({ characters: text.replace(allMarks, ''), separators: loose })).filter(isTelling),
    ...coded.map((characters) => ({ characters, separators: loose })).filter(isTelling),
    { characters: bytes.toString('hex'), separators: betweenDigits },
  ];
}

const hasSome = ({ characters }: Form) => characters !== '';
/** So long that it stands in no text by chance. */
const isTelling = ({ characters }: Form) => characters.length >= minPartLength;

/** What stands in the base64 of anything that has these bytes at a multiple of three, and `offset` more. */
function base64Part(bytes: Buffer, offset: number): string {
  const encoded = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64');
  const start = [0, 2, 3][offset] ?? 0;
  const end = Math.floor(((offset + bytes.length) * 8) / 6);
  return encoded.slice(start, end);
}

function withoutRepetitions(forms: readonly Form[]): Form[] {
  return forms.filter(
    ({ characters, separators }, position) =>
      forms.findIndex((other) => other.characters === characters && other.separators === separators) ===
      position,
  );
}

/** Where the form ends that begins at `start`; -1 if none does. */
function endOf({ characters, separators }: Form, reading: Reading, start: number): number {
  let at = start;
  let between = 0;
  for (let position = 0; position < characters.length; ) {
    const end = reading.endOfCharacter(at, characters[position] ?? '');
    if (end > at) {
      at = end;
      position++;
      between = 0;
      continue;
    }
    const isBetween = position > 0 && between++ < mostBetween;
    const next = isBetween ? reading.endOfSeparator(at, separators) : -1;
    if (next < 0) return -1;
    at = next;
  }
  return at;
}

/** A text and what stands at each place of it, looked at once however often it is asked for. */
interface Reading {
  /** Where the character ends that begins at `at`, however it is written, if it is `wanted`; else -1. */
  endOfCharacter(at: number, wanted: string): number;
  endOfSeparator(at: number, separators: Separators): number;
}

interface Escape {
  readonly character: string;
  readonly end: number;
}

const notLookedAt = 0;

function createReading(text: string): Reading {
  const lower = Array.from({ length: text.length }, (_, at) => text[at]?.toLowerCase());
  const escapes = Array.from({ length: text.length }, (_, at) => readEscape(text, at));
  const ends = new Map<Separators, Int32Array>();

  function separatorAt(at: number, { pattern, includes }: Separators): number {
    const found = escapes[at];
    if (found !== undefined && includes(found.character)) return found.end;
    pattern.lastIndex = at;
    return pattern.test(text) ? pattern.lastIndex : -1;
  }

  return {
    endOfCharacter(at, wanted) {
      if (lower[at] === wanted) return at + 1;
      const found = escapes[at];
      return found !== undefined && found.character === wanted ? found.end : -1;
    },
    endOfSeparator(at, separators) {
      if (at >= text.length) return -1;
      const known = ends.get(separators) ?? new Int32Array(text.length).fill(notLookedAt);
      ends.set(separators, known);
      if (known[at] === notLookedAt) known[at] = separatorAt(at, separators);
      return known[at] ?? -1;
    },
  };
}

/** The character in lower case that is escaped at `at`, if one is. */
function readEscape(text: string, at: number): Escape | undefined {
  if (!'%\\&=Uu'.includes(text[at] ?? ' ')) return undefined;
  escaped.lastIndex = at;
  const match = escaped.exec(text);
  if (match === null) return readQuoted(text, at);
  const [, ...groups] = match;
  const [octal, decimal] = groups.slice(-2);
  const hexadecimal = groups.slice(0, -2).find((found) => found !== undefined);
  const code =
    hexadecimal !== undefined
      ? Number.parseInt(hexadecimal, 16)
      : Number.parseInt(octal ?? decimal ?? '0', octal === undefined ? 10 : 8);
  if (code > 0x10_ffff) return undefined;
  return { character: String.fromCodePoint(code).toLowerCase(), end: escaped.lastIndex };
}

/** A character behind backslashes that stands for itself. */
function readQuoted(text: string, at: number): Escape | undefined {
  let end = at;
  while (text[end] === '\\' && end - at < mostBackslashes) end++;
  const character = text[end]?.toLowerCase();
  return end === at || character === undefined ? undefined : { character, end: end + 1 };
}
