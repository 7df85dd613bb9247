import { readFileSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { LRUCache } from 'lru-cache';
import * as v from 'valibot';
import type { OidcEntry } from '../../../config/config.ts';
import { writeFileOnce } from '../../../support/disk/atomic-file.ts';
import { ifExists, onDisk } from '../../../support/disk/disk-errors.ts';
import { makeFolder } from '../../../support/disk/make-folder.ts';
import { namesIn } from '../../../support/disk/names-in.ts';
import { errorCode } from '../../../support/error-code.ts';
import { parseJson } from '../../../support/parse-json.ts';
import type { TokenFinding } from '../known-tokens.ts';
import { isTokenDigest, readToken, type TokenDigest } from '../token-text.ts';
import { rulesOf } from './entry-rules.ts';

const text = v.string();
/** What is kept of a token that ends in a quarter of an hour: one file, named after the token's digest. */
const recordSchema = v.strictObject({
  /** The token's name, which logs and the audit call it by. */
  name: text,
  /** What the entry said when it was given out. */
  rules: text,
  /** Milliseconds since 1970, as is the other. */
  issuedAt: v.number(),
  endsAt: v.number(),
  identity: v.strictObject({ issuer: text, entry: text, claims: v.record(text, text) }),
});
type ShortToken = v.InferOutput<typeof recordSchema>;

/** Tokens that machines were given for a while (decision 0056): no commit for each, and every process finds them at once. */
export interface ShortTokens {
  /** Durable when it resolves, and known to every process that is asked from then on. */
  add(digest: TokenDigest, token: ShortToken): Promise<void>;
  /**
   * At once: from memory, or by one look at the disk for what has a token's form. `isRevoked` says whether what an entry gave out
   * at a time counts no more. `unsure` where the disk does not say.
   */
  find(
    text: string,
    now: number,
    isRevoked: (entry: string, issuedAt: number) => boolean,
  ): TokenFinding | { readonly kind: 'unsure' };
  /** Removes those that have ended. */
  tidy(now: number): Promise<void>;
}

/** Tokens that a process remembers. */
const remembered = 10_000;
/** Ended ones are told apart from unknown ones for so long. */
const keptAfterMs = 60 * 60_000;

/** `folder`: absolute; made when it is first needed. */
export function openShortTokens(folder: string, entries: () => readonly OidcEntry[]): ShortTokens {
  const known = new LRUCache<TokenDigest, ShortToken>({ max: remembered });

  function recall(digest: TokenDigest): ShortToken | undefined {
    const before = known.get(digest);
    if (before) return before;
    const token = parseShortToken(readIfThere(join(folder, digest)));
    if (token) known.set(digest, token);
    return token;
  }

  return {
    async add(digest, token) {
      await makeFolder(folder, 0o700);
      await writeFileOnce(join(folder, digest), `${JSON.stringify(token)}\n`);
    },
    find(shown, now, isRevoked) {
      const digest = readToken(shown);
      if (digest === undefined) return { kind: 'unknown', hasForm: false };
      let token: ShortToken | undefined;
      try {
        token = recall(digest);
      } catch {
        return { kind: 'unsure' };
      }
      return token ? judge(token, entries(), now, isRevoked) : { kind: 'unknown', hasForm: true };
    },
    async tidy(now) {
      for (const name of (await namesIn(folder)).filter(isTokenDigest)) {
        const file = join(folder, name);
        const content = await onDisk(`read ${file}`, () => ifExists(readFile(file, 'utf8')));
        const endsAt = parseShortToken(content)?.endsAt ?? Number.NEGATIVE_INFINITY;
        if (endsAt + keptAfterMs <= now) await onDisk(`remove ${file}`, () => rm(file, { force: true }));
      }
    },
  };
}

/** What the entry grants now: narrowed, it narrows what it gave out; changed otherwise, or gone, it ends it. */
function judge(
  { name, rules, issuedAt, endsAt, identity }: ShortToken,
  entries: readonly OidcEntry[],
  now: number,
  isRevoked: (entry: string, issuedAt: number) => boolean,
): TokenFinding {
  if (endsAt <= now) return { kind: 'spent', name, why: 'expired' };
  const entry = entries.find((one) => one.name === identity.entry);
  if (!entry || rulesOf(entry) !== rules || isRevoked(entry.name, issuedAt))
    return { kind: 'spent', name, why: 'revoked' };
  return {
    kind: 'holder',
    holder: { kind: 'token', name, owner: entry.name, grants: entry.grants, oidc: identity },
  };
}

function parseShortToken(content: string | undefined): ShortToken | undefined {
  const parsed = v.safeParse(recordSchema, parseJson(content ?? ''));
  return parsed.success ? parsed.output : undefined;
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}
