import { StorageError } from '../../errors.ts';
import { createRefGlance } from '../../index/ref-reader.ts';
import { GitError, runGit } from '../../support/git/git.ts';
import { gitOnDisk } from '../../support/git/git-disk.ts';
import { importCommits, type TreeEdit } from '../../support/git/git-import.ts';
import { addRevocation, formatRevocations, parseRevocations, type Revocations } from './oidc/revocations.ts';
import { formatTokens, parseTokens, type TokenRecord } from './token-record.ts';

/**
 * Who may. Beside the state, since it is nobody's business who is given the index: in no backup, and the first thing that
 * goes to followers. Its history tells who made and revoked which token, when.
 */
export const accessRef = 'refs/registry/access';
const tokensFile = 'tokens.jsonl';
const revocationsFile = 'revocations.jsonl';
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
  /** Since when what `[[access.oidc]]` entries gave out counts no more, as of that version. */
  readRevocations(version: string | undefined): Promise<Revocations>;
  /** Lets everything that an entry of this name gave out until `date` count no more. */
  revokeEntry(entry: string, message: string, date: Date): Promise<void>;
}

/** `directory`: the registry's bare repository. */
export function openAccessStore(directory: string): AccessStore {
  const readRef = createRefGlance(directory);
  const version = () => readRef(accessRef);

  const show = (commit: string, file: string) =>
    gitOnDisk(`read ${accessRef} of ${directory}`, async () =>
      (await runGit(['cat-file', 'blob', `${commit}:${file}`], { gitDir: directory })).toString('utf8'),
    );
  const read = async (commit: string | undefined) =>
    commit === undefined ? [] : parseTokens(await show(commit, tokensFile));

  async function readRevocations(commit: string | undefined): Promise<Revocations> {
    if (commit === undefined) return new Map();
    const names = await gitOnDisk(`read ${accessRef} of ${directory}`, () =>
      runGit(['ls-tree', '--name-only', commit, revocationsFile], { gitDir: directory }),
    );
    return names.length === 0 ? new Map() : parseRevocations(await show(commit, revocationsFile));
  }

  /** Puts another content into one file, worked out again where another change came first. */
  async function edit<T>(
    work: (base: string | undefined) => Promise<{ readonly edits: readonly TreeEdit[]; readonly value: T }>,
    message: string,
    date: Date,
  ): Promise<T> {
    for (let tries = 0; tries < mostTries; tries++) {
      const base = version();
      const { edits, value } = await work(base);
      if (await write({ directory, version }, base, edits, message, date)) return value;
    }
    throw new StorageError(`cannot write ${accessRef} of ${directory}: others change it all the time`, {
      hint: 'try again',
    });
  }

  return {
    version,
    read,
    change: (change, message, date) =>
      edit(
        async (base) => {
          const tokens = change(await read(base));
          return { edits: [{ path: tokensFile, content: formatTokens(tokens) }], value: tokens };
        },
        message,
        date,
      ),
    readRevocations,
    revokeEntry: (entry, message, date) =>
      edit(
        async (base) => {
          const content = formatRevocations(addRevocation(await readRevocations(base), entry, date));
          // Who reads tokens finds their file, where no token was ever made too.
          const tokens = base === undefined ? [{ path: tokensFile, content: '' }] : [];
          return { edits: [...tokens, { path: revocationsFile, content }], value: undefined };
        },
        message,
        date,
      ),
  };
}

/** `false` where somebody else was faster. */
async function write(
  { directory, version }: { readonly directory: string } & Pick<AccessStore, 'version'>,
  base: string | undefined,
  edits: readonly TreeEdit[],
  message: string,
  date: Date,
): Promise<boolean> {
  return gitOnDisk(`write ${accessRef} of ${directory}`, async () => {
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
