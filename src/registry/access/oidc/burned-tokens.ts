import { createHash } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileOnce } from '../../../support/disk/atomic-file.ts';
import { ifExists, onDisk } from '../../../support/disk/disk-errors.ts';
import { makeFolder } from '../../../support/disk/make-folder.ts';
import { namesIn } from '../../../support/disk/names-in.ts';
import type { IdentityToken } from './identity-token.ts';
import { clockSkewMs } from './token-times.ts';

/** Identity tokens that were exchanged, each of which counts once: one file for each, whoever makes it first has exchanged it. */
export interface BurnedTokens {
  /** `false` where it was exchanged before, here or in another process. Durable when it resolves. */
  burn(token: IdentityToken, endsAt: number): Promise<boolean>;
  /** Forgets those that have ended. */
  tidy(now: number): Promise<void>;
}

/** So much longer than a token can count it is remembered, should the clock be set back. */
const marginMs = 15 * 60_000;

/** `folder`: absolute; made when it is first needed. */
export function openBurnedTokens(folder: string): BurnedTokens {
  return {
    async burn(token, endsAt) {
      await makeFolder(folder, 0o700);
      return writeFileOnce(join(folder, burnKey(token)), `${endsAt + clockSkewMs + marginMs}\n`);
    },
    async tidy(now) {
      for (const name of (await namesIn(folder)).filter((each) => /^[0-9a-f]{64}$/.test(each))) {
        const file = join(folder, name);
        const until = Number(
          (await onDisk(`read ${file}`, () => ifExists(readFile(file, 'utf8')))) ?? Number.NaN,
        );
        if (until <= now) await onDisk(`remove ${file}`, () => rm(file, { force: true }));
      }
    },
  };
}

/**
 * What one token is, however it is written: its `jti`, or what its signature is over. Not the signature, since of some kinds there
 * is a second one that anybody can make of the first.
 */
function burnKey({ claims, signedText }: IdentityToken): string {
  const { iss, jti } = claims;
  const identity = typeof jti === 'string' && jti !== '' ? ['jti', iss, jti] : ['text', signedText];
  return createHash('sha256').update(JSON.stringify(identity)).digest('hex');
}
