import { createHash } from 'node:crypto';
import { formatIndexLine, indexPath } from '../../src/demo/index-line.ts';
import { runGit } from '../../src/support/git/git.ts';
import { importCommits, type TreeEdit } from '../../src/support/git/git-import.ts';
import { createIndexRecord, type Publication } from './publisher.ts';

export interface WrittenWorld {
  readonly modules: number;
  readonly versions: number;
  readonly indexBytes: number;
  readonly commit: string;
}

/**
 * Writes the index of a world into a new bare repository, as one commit on `main`, without archives: for
 * measurements of growth. A version's checksum is the SHA-256 of the text `module@version`. Versions of one
 * module must come one after the other, as `generateWorld` yields them.
 */
export async function writeWorldIndex(
  repository: string,
  world: Iterable<Publication>,
): Promise<WrittenWorld> {
  await runGit(['init', '--quiet', '--bare', '--initial-branch', 'main', repository]);
  await runGit(['config', 'core.fsync', 'none'], { gitDir: repository });
  const written = { modules: 0, versions: 0, indexBytes: 0 };
  const [commit = ''] = await importCommits(repository, [
    () => ({ message: 'write a world', date: new Date(0), edits: createFiles(world, written) }),
  ]);
  await runGit(['update-ref', 'refs/heads/main', commit], { gitDir: repository });
  return { ...written, commit };
}

function* createFiles(
  world: Iterable<Publication>,
  written: { modules: number; versions: number; indexBytes: number },
): Generator<TreeEdit> {
  let module: string | undefined;
  let lines: string[] = [];
  const finish = (path: string): TreeEdit => {
    const content = Buffer.from(`${lines.join('\n')}\n`);
    lines = [];
    written.modules++;
    written.indexBytes += content.length;
    return { path, content };
  };
  for (const publication of world) {
    if (module !== undefined && module !== publication.module) yield finish(indexPath(module));
    module = publication.module;
    const checksum = createHash('sha256').update(`${module}@${publication.version}`).digest('hex');
    lines.push(formatIndexLine(createIndexRecord(publication, checksum, written.versions++)));
  }
  if (module !== undefined) yield finish(indexPath(module));
}
