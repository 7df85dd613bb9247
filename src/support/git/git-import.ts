import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { GitError, gitConfigVariables, gitEnvironment, startGit } from './git.ts';

/** One path of a commit's tree: existing objects by id, new ones by content, nothing to remove it. */
export interface TreeEdit {
  /** Path in the tree, without quotes or newlines; '' is the whole tree (only with `object` and mode '040000'). */
  readonly path: string;
  readonly mode?: '100644' | '040000';
  readonly object?: string;
  readonly content?: string | Buffer;
}

export interface NewCommit {
  /** Full id of the first parent, whose tree is the starting point; without it the commit is a root. */
  readonly base?: string | undefined;
  /** Further parents: ids, or the position of an earlier commit of the same import. */
  readonly merge?: readonly (string | number)[] | undefined;
  readonly message: string;
  readonly date: Date;
  readonly edits: Iterable<TreeEdit>;
}

/** Taking a small pack apart again would compress the trees of a large index, of 1 MB each, a second time. */
const keepPack = [['fastimport.unpackLimit', '1']] as const;

const author = 'moonbit-registry <moonbit-registry@localhost>';

/**
 * Writes commits by one `git fast-import` and moves no ref: the caller makes them count. `build` is given the
 * ids of the commits before, so that a later one can name an earlier one in its content. Objects are durable as
 * far as the repository's `core.fsync` makes them. `variables` are added to git's environment: another place of the objects.
 */
export async function importCommits(
  gitDir: string,
  builders: readonly ((earlier: readonly string[]) => NewCommit)[],
  variables: Readonly<Record<string, string>> = {},
): Promise<string[]> {
  const env = gitEnvironment({ ...gitConfigVariables(keepPack), ...variables });
  const args = ['--git-dir', gitDir, 'fast-import', '--quiet', '--done', '--date-format=raw'];
  const { child, stderr, ended } = startGit(args, env);
  const lines = readLines(child.stdout);
  const ids: string[] = [];
  try {
    for (const [position, build] of builders.entries()) {
      if (!(await writeCommit(child.stdin, build(ids), position))) break;
      child.stdin.write(`get-mark :${position + 1}\n`);
      const { value, done } = await lines.next();
      if (done || !value) break;
      ids.push(value);
    }
    // Without this the temporary refs the commits were built on would come into being.
    for (const position of builders.keys())
      child.stdin.write(`reset ${temporaryRef(position)}\nfrom ${nullId}\n\n`);
    child.stdin.end('done\n');
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
  const end = await ended;
  if (end.status === 0 && ids.length === builders.length) return ids;
  // Its notes of what it was about, which tell nothing that stderr does not.
  await rm(join(gitDir, `fast_import_crash_${child.pid}`), { force: true }).catch(() => {});
  throw new GitError(`git fast-import ended with ${end.status ?? end.killedBy}`, {
    ...end,
    stderr: stderr.text(),
  });
}

const nullId = '0'.repeat(40);

function temporaryRef(position: number): string {
  return `refs/registry/importing-${position}`;
}

/** Whether git has taken it all: where it died meanwhile, its exit status and stderr tell why. */
async function writeCommit(stdin: Writable, commit: NewCommit, position: number): Promise<boolean> {
  const seconds = Math.floor(commit.date.getTime() / 1000);
  const message = Buffer.from(commit.message);
  const head = [
    `commit ${temporaryRef(position)}`,
    `mark :${position + 1}`,
    `committer ${author} ${seconds} +0000`,
    `data ${message.length}`,
    '',
  ].join('\n');
  stdin.write(head);
  stdin.write(message);
  stdin.write('\n');
  if (commit.base !== undefined) stdin.write(`from ${commit.base}\n`);
  for (const parent of commit.merge ?? [])
    stdin.write(`merge ${typeof parent === 'number' ? `:${parent + 1}` : parent}\n`);
  for (const edit of commit.edits) {
    if (!writeEdit(stdin, edit) && !(await isDrained(stdin))) return false;
  }
  return stdin.write('\n') || isDrained(stdin);
}

/** Resolves when more can be written, or never will be. */
function isDrained(stdin: Writable): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = () => {
      stdin.off('drain', settle).off('close', settle);
      resolve(!stdin.destroyed);
    };
    if (stdin.destroyed) settle();
    else stdin.on('drain', settle).on('close', settle);
  });
}

function writeEdit(stdin: Writable, edit: TreeEdit): boolean {
  const path = edit.path === '' ? '""' : edit.path;
  if (edit.object !== undefined) return stdin.write(`M ${edit.mode ?? '100644'} ${edit.object} ${path}\n`);
  if (edit.content === undefined) return stdin.write(`D ${path}\n`);
  const content = Buffer.from(edit.content);
  stdin.write(`M 100644 inline ${path}\ndata ${content.length}\n`);
  stdin.write(content);
  return stdin.write('\n');
}

async function* readLines(stream: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let pending = '';
  for await (const chunk of stream) {
    pending += chunk.toString();
    for (let end = pending.indexOf('\n'); end >= 0; end = pending.indexOf('\n')) {
      yield pending.slice(0, end);
      pending = pending.slice(end + 1);
    }
  }
}
