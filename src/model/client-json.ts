/**
 * JSON as `moon` reads it, which is not quite JSON: its parser (serde_json_lenient 0.2) takes comments for white
 * space everywhere, takes a comma after the last member where it types the value, and looks at what it ignores less
 * closely (escapes `\x41` and `\v`, lone surrogates, numbers of any size, any depth) than at what it types.
 *
 * Every step is linear in the text and none recurses, so no text costs more than its length. A step that the client
 * would fail on throws `ClientJsonError`, which whoever made the reader catches.
 */
export interface ClientJsonReader {
  /** Skips white space and comments; the character that follows, or '' at the end. */
  peek(): string;
  /** Whether `character` follows; if so it is taken. */
  take(character: string): boolean;
  /** A string in a place the client types: its value, as a copy that does not keep the whole text alive. */
  readString(): string;
  /** `null` or what `read` gives. */
  readNullable<T>(read: () => T): T | null;
  readBoolean(): boolean;
  /** Calls `readMember` with each key of an object, at its value; keys may repeat. */
  readObject(readMember: (key: string) => void): void;
  /** Calls `readElement` at each element of a list. */
  readList(readElement: () => void): void;
  /** Skips one value as the client does where it types nothing; gives its text. */
  skipValue(): string;
  /** Fails unless nothing but white space and comments is left. */
  readEnd(): void;
}

export class ClientJsonError extends Error {}

const plainText = /[^"\\\u0000-\u001f]*/y;
const strictEscape =
  /\\(?:["\\/bfnrt]|u(?:[0-9A-Ca-cE-Fe-f][0-9A-Fa-f]{3}|[Dd][0-7][0-9A-Fa-f]{2}|[Dd][89ABab][0-9A-Fa-f]{2}\\u[Dd][C-Fc-f][0-9A-Fa-f]{2}))/y;
const ignoredEscape = /\\(?:["\\/bfnrtv]|u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2})/y;
const ignoredScalar = /null|true|false|-?(?:0(?![0-9])|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;

export function createClientJsonReader(text: string): ClientJsonReader {
  let at = 0;

  function fail(): never {
    throw new ClientJsonError('it is not JSON that a client can read');
  }

  function match(pattern: RegExp): boolean {
    pattern.lastIndex = at;
    if (!pattern.test(text)) return false;
    at = pattern.lastIndex;
    return true;
  }

  function peek(): string {
    for (;;) {
      const character = text.charAt(at);
      if (character === ' ' || character === '\t' || character === '\r' || character === '\n') at += 1;
      else if (character === '/') skipComment();
      else return character;
    }
  }

  function skipComment(): void {
    const next = text.charAt(at + 1);
    if (next !== '/' && next !== '*') fail();
    // From the "*" that opens: to the client "/*/" is a whole comment.
    const end = next === '/' ? text.indexOf('\n', at) : text.indexOf('*/', at + 1);
    if (end < 0 && next === '*') fail();
    at = end < 0 ? text.length : end + (next === '/' ? 1 : 2);
  }

  function take(character: string): boolean {
    if (peek() !== character) return false;
    at += 1;
    return true;
  }

  function expect(character: string): void {
    if (!take(character)) fail();
  }

  function skipString(escapeSequence: RegExp): void {
    expect('"');
    for (;;) {
      match(plainText);
      if (text.charAt(at) === '"') break;
      if (!match(escapeSequence)) fail();
    }
    at += 1;
  }

  function readString(): string {
    peek();
    const start = at;
    skipString(strictEscape);
    return JSON.parse(text.slice(start, at)) as string;
  }

  function readWord(word: string): boolean {
    peek();
    if (!text.startsWith(word, at)) return false;
    at += word.length;
    return true;
  }

  function readMembers(close: string, readOne: () => void): void {
    while (!take(close)) {
      readOne();
      if (!take(',') && peek() !== close) fail();
    }
  }

  function skipValue(): string {
    peek();
    const start = at;
    const open = createBracketStack();
    do {
      skipOpening(open);
    } while (skipClosing(open));
    return text.slice(start, at);
  }

  /** To the end of the next value without members: through all brackets that open before it. */
  function skipOpening(open: BracketStack): void {
    let character = peek();
    while (character === '[' || character === '{') {
      at += 1;
      open.push(character);
      if (peek() === open.closing()) return;
      if (character === '{') skipKey();
      character = peek();
    }
    if (character === '"') skipString(ignoredEscape);
    else if (!match(ignoredScalar)) fail();
  }

  /** Through all brackets that close here, and to the next value if one has to follow. */
  function skipClosing(open: BracketStack): boolean {
    while (open.closing() !== '') {
      if (take(open.closing())) open.pop();
      else {
        expect(',');
        if (open.closing() === '}') skipKey();
        return true;
      }
    }
    return false;
  }

  function skipKey(): void {
    skipString(ignoredEscape);
    expect(':');
  }

  return {
    peek,
    take,
    readString,
    readNullable: (read) => (peek() === 'n' ? (readWord('null') ? null : fail()) : read()),
    readBoolean: () => readWord('true') || (readWord('false') ? false : fail()),
    readObject(readMember) {
      expect('{');
      readMembers('}', () => {
        const key = readString();
        expect(':');
        readMember(key);
      });
    },
    readList(readElement) {
      expect('[');
      readMembers(']', readElement);
    },
    skipValue,
    readEnd() {
      if (peek() !== '') fail();
    },
  };
}

interface BracketStack {
  push(opening: '[' | '{'): void;
  pop(): void;
  /** What closes the innermost bracket, or '' outside of all. */
  closing(): ']' | '}' | '';
}

/** A byte for each level: a line of brackets only costs its own length once more, not an array of it. */
function createBracketStack(): BracketStack {
  let isObject = new Uint8Array(64);
  let depth = 0;
  return {
    push(opening) {
      if (depth === isObject.length) {
        const larger = new Uint8Array(2 * depth);
        larger.set(isObject);
        isObject = larger;
      }
      isObject[depth] = opening === '{' ? 1 : 0;
      depth += 1;
    },
    pop: () => {
      depth -= 1;
    },
    closing: () => (depth === 0 ? '' : isObject[depth - 1] === 1 ? '}' : ']'),
  };
}
