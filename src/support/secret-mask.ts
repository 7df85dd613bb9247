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

/** One way to write a secret: its characters in lower case, without those that are skipped. */
interface Form {
  readonly characters: string;
  readonly skipped: RegExp;
  /** Base64 has two alphabets. */
  readonly isBase64: boolean;
}

// Not seen, blank, put there for bytes that are no text, or a character of several bytes taken for as many characters.
const blank = String.raw`[\p{C}\p{Z}\p{Mn}\ufffd]`;
const unseen = String.raw`${blank}|[\u00c2-\u00f4][\u0080-\u00bf]{1,3}`;
const skippedInText = new RegExp(unseen, 'uy');
const skippedInDigits = new RegExp(`${unseen}|[:,-]|0x|\\\\x|%`, 'uy');
const allBlank = new RegExp(blank, 'gu');
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

/** Replaces every one of `secrets` by `***`. */
export function createMask(secrets: readonly string[]): Mask {
  const forms = secrets.flatMap(formsOf);
  if (forms.length === 0) return (text) => text;
  return (text) => {
    let masked = '';
    for (let at = 0; at < text.length; ) {
      const end = Math.max(...forms.map((form) => endOf(form, text, at)));
      masked += end > at ? '***' : text[at];
      at = end > at ? end : at + 1;
    }
    return masked;
  };
}

function formsOf(secret: string): Form[] {
  if (secret.length < minSecretLength) return [];
  const bytes = Buffer.from(secret);
  const plain = [secret, bytes.toString('latin1')].map((text) => form(text, false));
  const digits: Form = { characters: bytes.toString('hex'), skipped: skippedInDigits, isBase64: false };
  const whole = bytes.toString('base64').replace(/=+$/, '');
  const parts = [0, 1, 2]
    .map((offset) => base64Part(bytes, offset))
    .filter((part) => part.length >= minPartLength);
  return [...plain, digits, ...[whole, ...parts].map((text) => form(text, true))].filter(
    ({ characters }) => characters !== '',
  );
}

function form(text: string, isBase64: boolean): Form {
  return { characters: text.replace(allBlank, '').toLowerCase(), skipped: skippedInText, isBase64 };
}

/** What stands in the base64 of anything that has these bytes at a multiple of three, and `offset` more. */
function base64Part(bytes: Buffer, offset: number): string {
  const encoded = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64');
  const start = [0, 2, 3][offset] ?? 0;
  const end = Math.floor(((offset + bytes.length) * 8) / 6);
  return encoded.slice(start, end);
}

/** Where the form ends that begins at `start`; -1 if none does. */
function endOf({ characters, skipped, isBase64 }: Form, text: string, start: number): number {
  let at = start;
  for (let position = 0; position < characters.length; ) {
    const wanted = characters[position] ?? '';
    const end = endOfCharacter(text, at, wanted, isBase64);
    if (end > at) {
      at = end;
      position++;
      continue;
    }
    const next = position === 0 ? -1 : endOfSkipped(text, at, skipped);
    if (next < 0) return -1;
    at = next;
  }
  return at;
}

function endOfCharacter(text: string, at: number, wanted: string, isBase64: boolean): number {
  if (isSame(text[at], wanted, isBase64)) return at + 1;
  let quoted = at;
  while (text[quoted] === '\\' && quoted - at < mostBackslashes) quoted++;
  if (quoted > at && isSame(text[quoted], wanted, isBase64)) return quoted + 1;
  const read = readEscape(text, at);
  return read !== undefined && isSame(read.character, wanted, isBase64) ? read.end : -1;
}

function endOfSkipped(text: string, at: number, skipped: RegExp): number {
  skipped.lastIndex = at;
  if (skipped.test(text)) return skipped.lastIndex;
  const read = readEscape(text, at);
  return read !== undefined && !/[!-~]/.test(read.character) ? read.end : -1;
}

function readEscape(
  text: string,
  at: number,
): { readonly character: string; readonly end: number } | undefined {
  if (!'%\\&=Uu'.includes(text[at] ?? ' ')) return undefined;
  escaped.lastIndex = at;
  const match = escaped.exec(text);
  if (match === null) return undefined;
  const [, ...groups] = match;
  const [octal, decimal] = groups.slice(-2);
  const hexadecimal = groups.slice(0, -2).find((digits) => digits !== undefined);
  const code =
    hexadecimal !== undefined
      ? Number.parseInt(hexadecimal, 16)
      : Number.parseInt(octal ?? decimal ?? '0', octal === undefined ? 10 : 8);
  return code > 0x10_ffff ? undefined : { character: String.fromCodePoint(code), end: escaped.lastIndex };
}

function isSame(character: string | undefined, wanted: string, isBase64: boolean): boolean {
  if (character === undefined) return false;
  const lower = character.toLowerCase();
  if (lower === wanted) return true;
  return isBase64 && ((wanted === '+' && lower === '-') || (wanted === '/' && lower === '_'));
}
