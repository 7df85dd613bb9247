import { StorageError } from '../../errors.ts';
import { createRefGlance } from '../../index/ref-reader.ts';
import { GitError, runGit } from '../../support/git/git.ts';
import { gitOnDisk } from '../../support/git/git-disk.ts';
import { importCommits } from '../../support/git/git-import.ts';
import { formatTokens, parseTokens, type TokenRecord } from './token-record.ts';

/**
 * Who may. Beside the state, since it is nobody's business who is given the index: in no backup, and the first thing that
 * goes to followers. Its history tells who made and revoked which token, when.
 */
export const accessRef = 'refs/registry/access';
const tokensFile = 'tokens.jsonl';
/** Whoever loses against so many others in a row is not unlucky. */
const mostTries = 20;
const nullId = '0'.repeat(40);

export interface AccessStore {
  /**
   * Id of the commit that says who may, at once, by two looks at the disk; `undefined` while no token was ever made. Throws where
   * the disk does not say.
   */
  version(): string | undefined;
  /** What it says. Throws `StorageError` where it cannot be read, or not be understood. */
  read(version: string | undefined): Promise<TokenRecord[]>;
  /** Makes a change real, worked out again where another one came first; `change` may throw to leave all as it is. */
  change(
    change: (tokens: readonly TokenRecord[]) => TokenRecord[],
    message: string,
    date: Date,
  ): Promise<TokenRecord[]>;
}

/** `directory`: the registry's bare repository. */
export function openAccessStore(directory: string): AccessStore {
  const readRef = createRefGlance(directory);
  const version = () => readRef(accessRef);

  async function read(commit: string | undefined): Promise<TokenRecord[]> {
    if (commit === undefined) return [];
    const bytes = await gitOnDisk(`read ${accessRef} of ${directory}`, () =>
      runGit(['cat-file', 'blob', `${commit}:${tokensFile}`], { gitDir: directory }),
    );
    return parseTokens(bytes.toString('utf8'));
  }

  return {
    version,
    read,
    async change(change, message, date) {
      for (let tries = 0; tries < mostTries; tries++) {
        const base = version();
        const tokens = change(await read(base));
        if (await write({ directory, version }, base, tokens, message, date)) return tokens;
      }
      throw new StorageError(`cannot write ${accessRef} of ${directory}: others change it all the time`, {
        hint: 'try again',
      });
    },
  };
}

/** `false` where somebody else was faster. */
async function write(
  { directory, version }: { readonly directory: string } & Pick<AccessStore, 'version'>,
  base: string | undefined,
  tokens: readonly TokenRecord[],
  message: string,
  date: Date,
): Promise<boolean> {
  return gitOnDisk(`write ${accessRef} of ${directory}`, async () => {
    const edits = [{ path: tokensFile, content: formatTokens(tokens) }];
    const [commit = ''] = await importCommits(directory, [
      () => ({ base, message: `${message}\n`, date, edits }),
    ]);
    try {
      await runGit(['update-ref', accessRef, commit, base ?? nullId], { gitDir: directory });
      return true;
    } catch (error) {
      if (error instanceof GitError && version() !== base) return false;
      throw error;
    }
  });
}
