import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createModuleArchive } from '../../src/demo/module-archive.ts';
import { runGit } from '../../src/support/git/git.ts';
import { createGitObjectReader } from '../../src/support/git/git-objects.ts';
import type { ArchiveShelf } from './archive-shelf.ts';
import { createRandom } from './random.ts';

/** How large the generated archives become: a log-normal spread with this median and mean, cut at the maximum. */
export interface AdoptionOptions {
  /** Default 20 KiB. With 0 every archive is as small as it can be. */
  readonly medianBytes?: number | undefined;
  /** Default 2.4 times the median, as on the official registry. */
  readonly meanBytes?: number | undefined;
  /** Default 1 MiB. */
  readonly maxBytes?: number | undefined;
  /** Default `main`. */
  readonly branch?: string | undefined;
}

export interface AdoptedIndex {
  readonly modules: number;
  readonly versions: number;
  readonly archiveBytes: number;
  readonly files: ReadonlyMap<string, Buffer>;
}

/**
 * Reads every index file of a git bundle or repository, shelves a generated archive for each version, and puts its
 * checksum in the line; everything else stays byte for byte. Lines without name, version or checksum stay
 * as they are.
 */
export async function adoptIndexFiles(
  bundleOrRepository: string,
  shelf: ArchiveShelf,
  scratchDirectory: string,
  options: AdoptionOptions = {},
): Promise<AdoptedIndex> {
  const sizeOf = createSizeSpread(options);
  const files = new Map<string, Buffer>();
  let versions = 0;
  let archiveBytes = 0;
  for (const [path, content] of await readIndexFiles(bundleOrRepository, scratchDirectory, options.branch)) {
    const lines: string[] = [];
    for (const line of content.toString().split('\n')) {
      const stated = readLine(line);
      if (stated === undefined) {
        lines.push(line);
        continue;
      }
      const id = `${stated.module}@${stated.version}`;
      const archive = createModuleArchive({ ...stated, sizeBytes: sizeOf(id) });
      lines.push(replaceChecksum(line, stated.checksum, await shelf.add(id, archive)));
      versions++;
      archiveBytes += archive.length;
    }
    files.set(path, Buffer.from(lines.join('\n')));
  }
  return { modules: files.size, versions, archiveBytes, files };
}

/** Every file of the newest commit of `branch`, by path. */
async function readIndexFiles(
  bundleOrRepository: string,
  scratchDirectory: string,
  branch = 'main',
): Promise<Map<string, Buffer>> {
  const gitDir = await mkdtemp(join(scratchDirectory, 'adopted-'));
  const reader = createGitObjectReader(gitDir);
  try {
    await runGit(['init', '--quiet', '--bare', gitDir]);
    const refspec = `+refs/heads/${branch}:refs/heads/adopted`;
    await runGit(['fetch', '--quiet', '--no-tags', bundleOrRepository, refspec], { gitDir });
    const listing = await runGit(['ls-tree', '-r', '-z', 'refs/heads/adopted'], { gitDir });
    const entries = listing.toString().split('\0').filter(Boolean);
    const files = entries.map(async (entry) => {
      const [head = '', path = ''] = entry.split('\t', 2);
      const object = await reader.read(head.split(' ')[2] ?? '');
      return [path, object?.content ?? Buffer.alloc(0)] as const;
    });
    return new Map(await Promise.all(files));
  } finally {
    reader.close();
    await rm(gitDir, { recursive: true, force: true });
  }
}

interface StatedVersion {
  readonly module: string;
  readonly version: string;
  readonly checksum: string;
  readonly deps: Record<string, unknown> | undefined;
}

function readLine(line: string): StatedVersion | undefined {
  if (!line.startsWith('{')) return undefined;
  let record: Record<string, unknown>;
  try {
    record = JSON.parse(line);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  const { name, version, checksum, deps } = record;
  if (typeof name !== 'string' || typeof version !== 'string' || typeof checksum !== 'string')
    return undefined;
  const isObject = typeof deps === 'object' && deps !== null && !Array.isArray(deps);
  return { module: name, version, checksum, deps: isObject ? { ...deps } : undefined };
}

/** Sizes by id, the same each time: the mean of a log-normal spread is median · e^(σ²/2). */
export function createSizeSpread(options: AdoptionOptions): (id: string) => number {
  const median = options.medianBytes ?? 20 * 1024;
  const ratio = median === 0 ? 1 : Math.max((options.meanBytes ?? median * 2.4) / median, 1);
  const sigma = Math.sqrt(2 * Math.log(ratio));
  const max = options.maxBytes ?? 1024 * 1024;
  return (id) => {
    const random = createRandom('archive size', id);
    const normal = Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
    return Math.min(Math.round(median * Math.exp(sigma * normal)), max);
  };
}

/** Puts `checksum` in the place of the one the line states; every other byte stays. */
export function replaceChecksum(line: string, stated: string, checksum: string): string {
  // A quotation mark inside a JSON string is escaped, so this text can only be the key with its value.
  return line.replace(/("checksum"\s*:\s*)"([^"]*)"/, (whole, key: string, value: string) =>
    value === stated ? `${key}"${checksum}"` : whole,
  );
}
