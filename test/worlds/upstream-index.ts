import { appendFile, mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { runGit } from '../../src/support/git/git.ts';
import { importCommits, type NewCommit } from '../../src/support/git/git-import.ts';

/** The git index of an embedded registry: a bare repository and, in memory, the files of its newest commit. */
export interface UpstreamIndex {
  readonly repository: string;
  readonly commit: string | undefined;
  read(path: string): Buffer | undefined;
  /** One commit that writes all of `files`; the paths must be ordinary. */
  write(files: ReadonlyMap<string, Buffer>, message: string): Promise<void>;
  /** One commit that writes or removes one file under any path git can store, `..` included. */
  writeAnywhere(path: string | Buffer, content: Buffer | undefined): Promise<void>;
  /** A new root commit with the same tree. */
  rewriteHistory(): Promise<void>;
  setDefaultBranch(name: string): Promise<void>;
}

const firstCommitTime = Date.UTC(2026, 1, 14);

/** Makes the repository in `repository`, with no commits yet: an index that has never been published to. */
export async function createUpstreamIndex(repository: string, firstBranch: string): Promise<UpstreamIndex> {
  await runGit(['init', '--quiet', '--bare', '--template=', '--initial-branch', firstBranch, repository]);
  await appendFile(join(repository, 'config'), '[gc]\n\tauto = 0\n[core]\n\tfsync = none\n');
  const files = new Map<string, Buffer>();
  let branch = firstBranch;
  let commit: string | undefined;
  let commits = 0;

  async function moveTo(base: string | undefined, message: string, edits: NewCommit['edits']): Promise<void> {
    // The time is the number of the commit: the same calls give the same commit ids.
    const date = new Date(firstCommitTime + commits++ * 60_000);
    const [id] = await importCommits(repository, [() => ({ base, message, date, edits })]);
    await writeRef(join(repository, 'refs', 'heads', branch), id ?? '');
    commit = id;
  }

  return {
    repository,
    get commit() {
      return commit;
    },
    read: (path) => files.get(path),
    async write(changes, message) {
      for (const [path, content] of changes) files.set(path, content);
      await moveTo(
        commit,
        message,
        [...changes].map(([path, content]) => ({ path, content })),
      );
    },
    async writeAnywhere(path, content) {
      const blob = content && (await writeBlob(repository, content));
      const tree = await editTree(repository, commit && `${commit}^{tree}`, splitPath(path), blob);
      if (content) files.set(path.toString(), content);
      else files.delete(path.toString());
      await moveTo(commit, `write ${JSON.stringify(path.toString())}`, wholeTree(tree));
    },
    async rewriteHistory() {
      if (!commit) return;
      const tree = await runGit(['rev-parse', `${commit}^{tree}`], { gitDir: repository });
      await moveTo(undefined, 'rewrite history', wholeTree(tree.toString().trim()));
    },
    async setDefaultBranch(name) {
      await runGit(['symbolic-ref', 'HEAD', `refs/heads/${name}`], { gitDir: repository });
      if (commit && name !== branch) {
        await runGit(['update-ref', `refs/heads/${name}`, commit], { gitDir: repository });
        await runGit(['update-ref', '-d', `refs/heads/${branch}`], { gitDir: repository });
      }
      branch = name;
    },
  };
}

/** As git does it, whose `update-ref` is a process. */
async function writeRef(file: string, commit: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(`${file}.lock`, `${commit}\n`, { flag: 'wx' });
  await rename(`${file}.lock`, file);
}

async function writeBlob(repository: string, content: Buffer): Promise<string> {
  const args = ['hash-object', '-w', '--stdin'];
  return (await runGit(args, { gitDir: repository, input: content })).toString().trim();
}

function wholeTree(tree: string): NewCommit['edits'] {
  return [{ path: '', mode: '040000', object: tree }];
}

interface TreeEntry {
  /** `MODE TYPE ID`, as `git mktree` reads it. */
  readonly object: string;
  readonly name: Buffer;
}

/**
 * Returns the id of `tree` with `blob` at the path `components`, or without it. Goes tree by tree through
 * `git mktree`, which takes names that `fast-import` and the git index refuse.
 */
async function editTree(
  repository: string,
  tree: string | undefined,
  components: readonly Buffer[],
  blob: string | undefined,
): Promise<string> {
  const [name, ...rest] = components;
  if (!name) throw new TypeError('a path has at least one component');
  const entries = tree === undefined ? [] : await listTree(repository, tree);
  const present = entries.find((entry) => entry.name.equals(name));
  const others = entries.filter((entry) => entry !== present);
  if (rest.length > 0) {
    const [mode, , id] = present?.object.split(' ') ?? [];
    const child = await editTree(repository, mode === '040000' ? id : undefined, rest, blob);
    others.push({ object: `040000 tree ${child}`, name });
  } else if (blob !== undefined) others.push({ object: `100644 blob ${blob}`, name });
  const input = Buffer.concat(
    others.flatMap((entry) => [Buffer.from(`${entry.object}\t`), entry.name, Buffer.from([0])]),
  );
  return (await runGit(['mktree', '-z'], { gitDir: repository, input })).toString().trim();
}

async function listTree(repository: string, tree: string): Promise<TreeEntry[]> {
  const listing = await runGit(['ls-tree', '-z', tree], { gitDir: repository });
  return splitBuffer(listing, 0)
    .filter((entry) => entry.length > 0)
    .map((entry) => {
      const tab = entry.indexOf('\t');
      return { object: entry.toString('latin1', 0, tab), name: entry.subarray(tab + 1) };
    });
}

function splitPath(path: string | Buffer): Buffer[] {
  return splitBuffer(Buffer.from(path), '/'.charCodeAt(0));
}

function splitBuffer(buffer: Buffer, separator: number): Buffer[] {
  const parts: Buffer[] = [];
  let start = 0;
  for (let end = buffer.indexOf(separator); end >= 0; end = buffer.indexOf(separator, start)) {
    parts.push(buffer.subarray(start, end));
    start = end + 1;
  }
  return [...parts, buffer.subarray(start)];
}
