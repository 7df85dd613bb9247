import { readFile, realpath, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ConfigError, NotFoundError, UsageError } from '../../errors.ts';
import { type ManifestReader, type ManifestValue, readManifestSyntax } from '../../model/manifest-syntax.ts';
import { errorCode } from '../../support/error-code.ts';
import { locateManifest } from '../mirror/project-requirements.ts';

/** The folders of a workspace's modules, each once. */
export interface Workspace {
  /** Absolute, without links, in the order of their paths. */
  readonly members: readonly string[];
}

const fileName = 'moon.work';

/**
 * Reads `moon.work` of a folder as moon's workspace.rs does: `members = ["app", "lib"]`, each a folder with a module in it.
 * Throws `NotFoundError` where there is none, and `UsageError` that says what in it cannot be read, and where.
 */
export async function readWorkspace(folder: string): Promise<Workspace> {
  const path = join(folder, fileName);
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (errorCode(error) !== 'ENOENT') throw error;
    throw new NotFoundError(`there is no ${fileName} at ${folder}`, {
      hint: 'name the folder of a workspace, or leave out --workspace to publish one module',
    });
  });
  const members = new Set<string>();
  for (const member of readMembers(path, text)) members.add(await resolveMember(path, folder, member));
  return { members: [...members].sort() };
}

function readMembers(path: string, text: string): string[] {
  try {
    return parseMembers(readManifestSyntax(path, text));
  } catch (error) {
    // Reported as a `ConfigError`, its place would be taken for one in registry.toml.
    if (error instanceof ConfigError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}

function parseMembers(reader: ManifestReader): string[] {
  const values = new Map<string, ManifestValue>();
  while (reader.next !== undefined) {
    const { at } = reader;
    const key = reader.identifier();
    if (key !== 'members' && key !== 'preferred_target')
      reader.fail(at, `moon knows no "${key}" here, only "members" and "preferred_target"`, key);
    if (values.has(key)) reader.fail(at, `"${key}" is already set above`, key);
    reader.expect('=');
    values.set(key, reader.value());
    reader.skip(';');
  }
  const members = values.get('members');
  if (!members)
    return reader.fail(reader.at, 'it states no members: write members = ["app", "lib"]', 'members');
  if (members.kind !== 'array') return reader.fail(members.at, 'expected "members" to be a list of folders');
  return members.items.map((item) =>
    item.kind === 'string' ? item.text : reader.fail(item.at, 'expected a folder, as a string', 'members'),
  );
}

async function resolveMember(path: string, folder: string, member: string): Promise<string> {
  const where = resolve(folder, member);
  const found = await stat(where).catch(() => undefined);
  if (!found?.isDirectory())
    throw new UsageError(`cannot read ${path}: its member "${member}" is no folder`, {
      hint: `make ${where}, or take the line out of ${fileName}`,
    });
  await locateManifest(where).catch((error: unknown) => {
    if (!(error instanceof NotFoundError)) throw error;
    throw new UsageError(`cannot read ${path}: its member "${member}" has no moon.mod or moon.mod.json`, {
      cause: error,
      hint: `make a module of ${where}, or take the line out of ${fileName}`,
    });
  });
  return realpath(where);
}
