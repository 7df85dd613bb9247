import { execFile } from 'node:child_process';
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { git, tryGit } from './git-client.ts';
import { createDirectory, temporaryDirectory } from './temporary-directory.ts';
import { startUpstream } from './worlds.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const stored = (format: number) => join(root, 'test', 'data', `format-${format}`, 'index.bundle');

export const stateRef = 'refs/registry/state';

/** Every ref of the registry's repository, with its id. */
export function readRefs(gitDir: string): Promise<string> {
  return git(['--git-dir', gitDir, 'for-each-ref', '--format=%(refname) %(objectname)']);
}

export async function show(gitDir: string, object: string): Promise<string> {
  return git(['--git-dir', gitDir, 'cat-file', 'blob', object]);
}

/** A registry's folder, whose data are those of `test/data`. Without `registry.toml`. */
export async function openStored(
  format: number,
): Promise<{ readonly directory: string; readonly gitDir: string }> {
  const directory = join(temporaryDirectory(), 'registry');
  const gitDir = join(directory, 'data', 'index');
  await mkdir(gitDir, { recursive: true });
  await git(['init', '--quiet', '--bare', '--initial-branch=main', gitDir]);
  await git(['--git-dir', gitDir, 'fetch', '--quiet', stored(format), '+refs/*:refs/*']);
  return { directory, gitDir };
}

/** An upstream whose index is what a state has as the source's last good snapshot. */
export async function startStoredUpstream(gitDir: string, state: string, source: string) {
  const upstream = await startUpstream();
  const tree = `${state}:sources/${source}`;
  const paths = await git(['--git-dir', gitDir, 'ls-tree', '-r', '-z', '--name-only', tree]);
  for (const path of paths.split('\0').filter((one) => one !== ''))
    await upstream.writeIndexFile(path, await show(gitDir, `${tree}/${path}`));
  return upstream;
}

/** Makes another state of the one there is: files replaced in its tree, as another program could have written it. */
export async function rewriteState(gitDir: string, files: Readonly<Record<string, string>>): Promise<string> {
  const edits = Object.entries(files).map(([path, content]) => {
    const bytes = Buffer.from(content);
    return `M 100644 inline ${JSON.stringify(path)}\ndata ${bytes.length}\n${content}\n`;
  });
  const head = `commit refs/test/next\ncommitter Other <other@example.com> 1767225600 +0000\ndata 6\nOther\n`;
  const input = `${head}from ${stateRef}^0\n${edits.join('')}\ndone\n`;
  await git(['--git-dir', gitDir, 'fast-import', '--quiet', '--done'], { input });
  await git(['--git-dir', gitDir, 'update-ref', stateRef, 'refs/test/next']);
  await git(['--git-dir', gitDir, 'update-ref', '-d', 'refs/test/next']);
  return (await git(['--git-dir', gitDir, 'rev-parse', stateRef])).trim();
}

/** The last commit of each release whose format is older than today's. */
const lastCommits: Readonly<Record<number, string>> = { 1: 'dd19789', 2: '7ba826c' };
const built = new Map<number, Promise<string | undefined>>();

/**
 * Builds the last program of that format from this repository's own history; the path of its entry. `undefined`: the history
 * is not here (a shallow clone, a package).
 */
export function buildRelease(format: number): Promise<string | undefined> {
  const before = built.get(format);
  const building = before ?? build(lastCommits[format] ?? '');
  built.set(format, building);
  return building;
}

async function build(commit: string): Promise<string | undefined> {
  const known = await tryGit(['-C', root, 'cat-file', '-e', `${commit}^{commit}`]);
  if (known.code !== 0) return undefined;
  const directory = createDirectory();
  const archive = join(directory, 'release.tar');
  await git([
    '-C',
    root,
    'archive',
    '--format=tar',
    `--output=${archive}`,
    commit,
    'src',
    'scripts',
    'package.json',
  ]);
  await promisify(execFile)('tar', ['-xf', archive, '-C', directory]);
  await symlink(join(root, 'node_modules'), join(directory, 'node_modules'));
  await promisify(execFile)('node', ['scripts/build.mjs'], { cwd: directory });
  return join(directory, 'dist', 'main.js');
}
