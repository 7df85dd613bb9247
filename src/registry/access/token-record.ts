import * as v from 'valibot';
import { StorageError } from '../../errors.ts';
import { type Checksum, isChecksum } from '../../model/checksum.ts';
import { isModuleName, type ModuleName } from '../../model/module-name.ts';
import { patternProblem } from '../../model/pattern.ts';
import { isVersion, type Version } from '../../model/version.ts';
import { addressRangeProblem } from '../../support/net/address-ranges.ts';
import { parseJson } from '../../support/parse-json.ts';
import { isTokenDigest, type TokenDigest } from './token-text.ts';

const moment = v.pipe(v.string(), v.isoTimestamp());
const patterns = v.array(
  v.pipe(
    v.string(),
    v.check((text) => patternProblem(text) === undefined),
  ),
);

/** What is kept of a token: one line of `tokens.jsonl` in `refs/registry/access`. Never its text. */
const record = v.looseObject({
  /** As `tokenNameProblem` allows; never given twice, since logs and publishers are told by it. */
  name: v.string(),
  /** The person who answers for it: free text of one line. */
  owner: v.string(),
  /** The digests of the texts that count, the newest first; one that `rotate` replaced counts until its `until`. */
  keys: v.array(
    v.strictObject({
      digest: v.custom<TokenDigest>(isTokenDigest),
      until: v.optional(moment),
    }),
  ),
  /** Patterns of module names by permission. */
  grants: v.strictObject({
    read: v.optional(patterns),
    publish: v.optional(patterns),
    yank: v.optional(patterns),
    admin: v.optional(patterns),
  }),
  /** Views that it may read besides, by name. */
  views: v.optional(v.array(v.string())),
  /** When it was made: ISO 8601, UTC. */
  createdAt: moment,
  /** Who made it: a user of the operating system. */
  createdBy: v.string(),
  /** From when on it counts no more; absent: never. */
  expiresAt: v.optional(moment),
  /** Since when it counts no more. */
  revokedAt: v.optional(moment),
  /** The one version it may publish or yank. */
  only: v.optional(
    v.strictObject({
      module: v.custom<ModuleName>((name) => typeof name === 'string' && isModuleName(name)),
      version: v.custom<Version>(isVersion),
      checksum: v.optional(v.custom<Checksum>(isChecksum)),
    }),
  ),
  /** Of whoever logged in: by which `[[access.oidc]]` entry, what that asked for (`rulesOf`), and who their issuer says they are. */
  login: v.optional(
    v.strictObject({
      issuer: v.string(),
      entry: v.string(),
      rules: v.string(),
      claims: v.record(v.string(), v.string()),
    }),
  ),
  /** Ranges of addresses that it may be shown from; absent: any. */
  cidr: v.optional(
    v.array(
      v.pipe(
        v.string(),
        v.check((text) => addressRangeProblem(text) === undefined),
      ),
    ),
  ),
});

export type TokenRecord = v.InferOutput<typeof record>;

/**
 * Reads `tokens.jsonl`. One line that cannot be read stops all: what it said may have been that a token is revoked.
 * Throws `StorageError`.
 */
export function parseTokens(text: string): TokenRecord[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line, position) => {
      const parsed = v.safeParse(record, parseJson(line));
      if (parsed.success) return parsed.output;
      throw new StorageError(`line ${position + 1} of tokens.jsonl in refs/registry/access cannot be read`, {
        hint: 'nobody is let in by a token until it is mended: see docs/operations.md, "Tokens"',
      });
    });
}

export function formatTokens(records: readonly TokenRecord[]): string {
  return records.map((one) => `${JSON.stringify(one)}\n`).join('');
}

/** Why a token cannot be called that; `undefined` if it can. */
export function tokenNameProblem(name: string): string | undefined {
  if (/^[a-z0-9][a-z0-9._-]{0,63}$/.test(name)) return undefined;
  return 'a name has at most 64 lowercase letters, digits, ".", "_" and "-", and begins with a letter or digit';
}

/** Where a token stands at `now`, in milliseconds since 1970. */
export function standingOf(
  { revokedAt, expiresAt }: Pick<TokenRecord, 'revokedAt' | 'expiresAt'>,
  now: number,
): 'valid' | 'revoked' | 'expired' {
  if (revokedAt !== undefined) return 'revoked';
  return expiresAt !== undefined && Date.parse(expiresAt) <= now ? 'expired' : 'valid';
}
