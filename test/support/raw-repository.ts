import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { deflateSync } from 'node:zlib';

export interface RawEntry {
  /** Octal digits, as they shall stand there. */
  readonly mode: string;
  readonly name: string | Buffer;
  readonly id: string;
}

/** Writes objects into a bare repository that git itself would refuse to write. */
export interface RawRepository {
  readonly gitDir: string;
  blob(content: string | Buffer): string;
  /** Entries in the order given, unchecked. */
  tree(entries: readonly RawEntry[]): string;
  treeOf(content: Buffer): string;
  /** Any content, as an object of any type. */
  object(type: string, content: Buffer): string;
  /** A commit of the tree, which the branch `main` then points to. `committer` is what follows the e-mail address. */
  commit(tree: string, options?: { readonly committer?: string; readonly parent?: string }): string;
}

export function openRawRepository(gitDir: string): RawRepository {
  const git = (...args: string[]) => execFileSync('git', ['--git-dir', gitDir, ...args], { stdio: 'pipe' });
  if (!existsSync(join(gitDir, 'HEAD'))) git('init', '--quiet', '--bare', '--initial-branch=main');
  const write = (type: string, content: Buffer): string => {
    const object = Buffer.concat([Buffer.from(`${type} ${content.length}\0`), content]);
    const id = createHash('sha1').update(object).digest('hex');
    const file = join(gitDir, 'objects', id.slice(0, 2), id.slice(2));
    mkdirSync(dirname(file), { recursive: true });
    if (!existsSync(file)) writeFileSync(file, deflateSync(object));
    return id;
  };
  const treeOf = (content: Buffer) => write('tree', content);
  return {
    gitDir,
    blob: (content) => write('blob', Buffer.from(content)),
    treeOf,
    object: write,
    tree: (entries) =>
      treeOf(
        Buffer.concat(
          entries.flatMap(({ mode, name, id }) => [
            Buffer.from(`${mode} `),
            Buffer.from(name),
            Buffer.alloc(1),
            Buffer.from(id, 'hex'),
          ]),
        ),
      ),
    commit(tree, { committer = '1700000000 +0000', parent } = {}) {
      const who = `t <t@example.com>`;
      const lines = [
        `tree ${tree}`,
        ...(parent === undefined ? [] : [`parent ${parent}`]),
        `author ${who} 1700000000 +0000`,
        `committer ${who} ${committer}`.trimEnd(),
      ];
      const commit = write('commit', Buffer.from(`${lines.join('\n')}\n\nx\n`));
      git('update-ref', 'refs/heads/main', commit);
      git('update-server-info');
      return commit;
    },
  };
}

const folder = '40000';
const file = '100644';

/** An index whose every file is at `user/OWNER/NAME.index`, from what stands at each such name. */
export function indexTree(repository: RawRepository, modules: Readonly<Record<string, string>>): string {
  const owners = new Map<string, RawEntry[]>();
  for (const name of Object.keys(modules).sort()) {
    const [owner = '', rest = ''] = name.split('/', 2);
    const entries = owners.get(owner) ?? [];
    owners.set(owner, [
      ...entries,
      { mode: file, name: `${rest}.index`, id: repository.blob(modules[name] ?? '') },
    ]);
  }
  const user = [...owners].map(([name, entries]) => ({ mode: folder, name, id: repository.tree(entries) }));
  return repository.tree([{ mode: folder, name: 'user', id: repository.tree(user) }]);
}

/** `levels` folders that each name the next `width` times: `width ** levels` paths in a few objects. */
export function bombTree(repository: RawRepository, levels: number, width: number, leaf: RawEntry[]): string {
  let tree = repository.tree(leaf);
  for (let level = 0; level < levels; level++) {
    const entries = Array.from({ length: width }, (_, position) => ({
      mode: folder,
      name: `d${String(position).padStart(4, '0')}`,
      id: tree,
    }));
    tree = repository.tree(entries);
  }
  return repository.tree([{ mode: folder, name: 'user', id: tree }]);
}
