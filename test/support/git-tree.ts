import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { git } from './git-client.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** Writes a tree of these files into a repository, as fetching a source leaves one. Returns its id. */
export async function writeTree(
  gitDirectory: string,
  files: Readonly<Record<string, string>>,
): Promise<string> {
  const scratch = temporaryDirectory();
  const workTree = join(scratch, 'files');
  await mkdir(workTree);
  for (const [path, content] of Object.entries(files)) {
    const file = join(workTree, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
  }
  const env = { GIT_DIR: gitDirectory, GIT_WORK_TREE: workTree, GIT_INDEX_FILE: join(scratch, 'index') };
  await git(['add', '--all', '--', workTree], { env });
  return (await git(['write-tree'], { env })).trim();
}
