import { readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ConfigError, NotFoundError, UsageError } from '../../errors.ts';
import { parseProjectManifest } from '../../model/project-manifest.ts';
import type { Requirement } from './dependency-closure.ts';

/** What a project states it needs: `moon.mod` or `moon.mod.json`, or a folder with one of them. */
export async function readProject(path: string): Promise<Requirement[]> {
  const file = await locateManifest(path);
  const manifest = parseManifest(file, await readFile(file, 'utf8'));
  const requiredBy = basename(file);
  return [...manifest.dependencies, ...manifest.binDependencies].map((dependency) => ({
    dependency,
    requiredBy,
  }));
}

function parseManifest(file: string, text: string): ReturnType<typeof parseProjectManifest> {
  try {
    return parseProjectManifest(file, text);
  } catch (error) {
    // Reported as a `ConfigError`, its place would be taken for one in registry.toml.
    if (error instanceof ConfigError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}

/** The manifest of a project: the file itself, or the one in its folder. Throws `NotFoundError`. */
export async function locateManifest(path: string): Promise<string> {
  const candidates = [path, join(path, 'moon.mod'), join(path, 'moon.mod.json')];
  for (const candidate of candidates) {
    const found = await stat(candidate).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
      throw error;
    });
    if (found?.isFile()) return candidate;
  }
  throw new NotFoundError(`there is no moon.mod or moon.mod.json at ${path}`, {
    hint: 'name the folder of a project, or its moon.mod or moon.mod.json',
  });
}
