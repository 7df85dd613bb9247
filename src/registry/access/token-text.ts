import { hash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

/**
 * What a token looks like: `mbr_`, 43 characters of base 62 (256 random bits), and 6 that check them, so that a scanner for
 * secrets finds them without asking, and a mistyped one is told from one that is not known. Only its digest is kept.
 */
const prefix = 'mbr_';
const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const randomCharacters = 43;
const checkCharacters = 6;
const form = new RegExp(`^${prefix}([0-9A-Za-z]{${randomCharacters}})([0-9A-Za-z]{${checkCharacters}})$`);

export interface NewToken {
  /** Shown once, to whoever asked for it. */
  readonly text: string;
  readonly digest: TokenDigest;
}

/** Lowercase hex SHA-256 of a token's text. 256 random bits need no slow hash: there is nothing to guess. */
export type TokenDigest = string & { readonly __brand: 'TokenDigest' };

export function createToken(random: (bytes: number) => Buffer = randomBytes): NewToken {
  const number = BigInt(`0x${random(32).toString('hex')}`);
  const body = toBase62(number, randomCharacters);
  const text = `${prefix}${body}${checkOf(body)}`;
  return { text, digest: digestOf(text) };
}

/** The digest of a text that has the form of a token, or `undefined`. Constant in time as far as the form is right. */
export function readToken(text: string): TokenDigest | undefined {
  const [, body = '', check] = form.exec(text) ?? [];
  return check !== undefined && check === checkOf(body) ? digestOf(text) : undefined;
}

export function isTokenDigest(value: unknown): value is TokenDigest {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
}

function digestOf(text: string): TokenDigest {
  return hash('sha256', text, 'hex') as TokenDigest;
}

/** As `toBase62`, of a number that needs no `BigInt`. */
function checkOf(body: string): string {
  let rest = crc32(body);
  let text = '';
  for (let i = 0; i < checkCharacters; i++) {
    text = `${alphabet[rest % 62]}${text}`;
    rest = Math.floor(rest / 62);
  }
  return text;
}

function toBase62(value: bigint, characters: number): string {
  let rest = value;
  let text = '';
  for (let i = 0; i < characters; i++) {
    text = `${alphabet[Number(rest % 62n)]}${text}`;
    rest /= 62n;
  }
  return text;
}
