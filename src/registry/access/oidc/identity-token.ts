import { ClientJsonError, createClientJsonReader } from '../../../model/client-json.ts';
import { parseJson } from '../../../support/parse-json.ts';

/** A token by which a machine shows who it is (a JSON Web Token, RFC 7519), taken apart: nothing of it is believed yet. */
export interface IdentityToken {
  /** As it was sent: `HEADER.CLAIMS.SIGNATURE`. */
  readonly text: string;
  /** What the signature is over, which no one can write in another way. */
  readonly signedText: string;
  readonly algorithm: SignatureAlgorithm;
  /** Which of the issuer's keys it is said to be signed by: to be looked up among those, and nothing else. */
  readonly keyId: string | undefined;
  readonly claims: Claims;
}

export type Claims = Readonly<Record<string, unknown>>;

/** Signatures by a key that the issuer keeps to itself. Neither `none`, nor any by which whoever checks could sign too. */
const signatureAlgorithms = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
] as const;
type SignatureAlgorithm = (typeof signatureAlgorithms)[number];

/** GitHub's have 2 KiB, and what a request's header may have is no more than this. */
export const longestIdentityToken = 16 * 1024;
const longestKeyId = 256;

/** What the text is, or why it is no token that could count: in words that go after "it" and hold nothing of it. */
export type ReadToken =
  | { readonly kind: 'read'; readonly token: IdentityToken }
  | { readonly kind: 'unreadable'; readonly why: string };

export function readIdentityToken(text: string): ReadToken {
  if (text.length > longestIdentityToken)
    return unreadable(`is longer than ${longestIdentityToken} characters`);
  const [, head = '', body = '', signature = ''] =
    /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]*)$/.exec(text) ?? [];
  const header = readPart(head);
  const claims = readPart(body);
  if (!header || !claims) return unreadable('is no JSON Web Token that can be read in one way only');
  const problem = headerProblem(header);
  if (problem !== undefined) return unreadable(problem);
  if (signature === '') return unreadable('is not signed');
  return {
    kind: 'read',
    token: {
      ...{ text, signedText: `${head}.${body}`, claims },
      algorithm: header.alg as SignatureAlgorithm,
      keyId: header.kid as string | undefined,
    },
  };
}

/** Where a key could be had (`jku`, `x5u`, `jwk`, `x5c`) is not read at all: that is the issuer's to say. */
function headerProblem({ alg, kid, typ, crit, enc, b64 }: Claims): string | undefined {
  if (!(signatureAlgorithms as readonly unknown[]).includes(alg))
    return 'is not signed in a way that is accepted here';
  if (typ !== undefined && !(typeof typ === 'string' && typ.toUpperCase() === 'JWT'))
    return 'is a token of another type';
  if (crit !== undefined || enc !== undefined || b64 !== undefined)
    return 'asks for something in its header that is not known here';
  const isKeyId = kid === undefined || (typeof kid === 'string' && kid.length <= longestKeyId);
  return isKeyId ? undefined : 'names its key in a way that no key has';
}

function readPart(part: string): Claims | undefined {
  const bytes = Buffer.from(part, 'base64url');
  // Another spelling of the same bytes would be another token to whoever compares texts.
  if (part === '' || bytes.toString('base64url') !== part) return undefined;
  const text = decode(bytes);
  const value = text === undefined ? undefined : parseJson(text);
  if (text === undefined || typeof value !== 'object' || value === null || Array.isArray(value))
    return undefined;
  return hasEachKeyOnce(text) ? (value as Claims) : undefined;
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** What says one thing twice, two readers understand differently (RFC 8725 §2.4). */
function hasEachKeyOnce(text: string): boolean {
  const keys = new Set<string>();
  let count = 0;
  try {
    const reader = createClientJsonReader(text);
    reader.readObject((key) => {
      keys.add(key);
      count++;
      reader.skipValue();
    });
  } catch (error) {
    if (error instanceof ClientJsonError) return false;
    throw error;
  }
  return keys.size === count;
}

function unreadable(why: string): ReadToken {
  return { kind: 'unreadable', why };
}
