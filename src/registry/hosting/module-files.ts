import type { Dirent } from 'node:fs';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { shortJson } from '../../model/short-json.ts';
import { errorCode } from '../../support/error-code.ts';
import { createIgnoreRules, type IgnoreRules } from './ignore-rules.ts';

/** A file that goes into an archive. */
export interface ModuleFile {
  /** Below the module's folder, with `/`. */
  readonly path: string;
  /** Where its bytes are, which a link may have led to. */
  readonly location: string;
  readonly sizeBytes: number;
  readonly isExecutable: boolean;
  readonly isLink: boolean;
}

export interface FoundFiles {
  /** By path, in the order of their bytes. */
  readonly files: readonly ModuleFile[];
  /** What cannot go into an archive, and is left out by nothing: each a sentence without its full stop. */
  readonly refused: readonly string[];
}

/** The lists of a manifest that old clients go by; each entry as in an ignore file. */
export interface ManifestLists {
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

/** Left out wherever they are, and only at the root: there, builds put what they make. */
const neverPacked: ReadonlySet<string> = new Set(['.git', '.mooncakes']);
const builtAtRoot: ReadonlySet<string> = new Set(['_build', 'target']);
/** The first that is there counts alone: `.moonignore` is read in the place of `.gitignore`, not with it. */
const ignoreFiles = ['.moonignore', '.gitignore'];

/**
 * The files of a module as the client packs them: everything but what its ignore files leave out, those of the folders
 * above too up to the root of a git checkout. `exclude` of the manifest leaves out more, and `include` brings back what
 * either did.
 */
export async function findModuleFiles(folder: string, lists: ManifestLists): Promise<FoundFiles> {
  const start = await startRules(folder);
  const listed = { include: createIgnoreRules(), exclude: createIgnoreRules() };
  listed.include.add('', lists.include.join('\n'));
  listed.exclude.add('', lists.exclude.join('\n'));
  const walk: Walk = {
    ...start,
    folder,
    listed,
    brings: lists.include.length > 0,
    files: [],
    links: [],
    refused: [],
  };
  await walkFolder(walk, '');
  await addLinks(walk);
  const files = walk.files.sort((left, right) =>
    Buffer.compare(Buffer.from(left.path), Buffer.from(right.path)),
  );
  return { files, refused: walk.refused.sort() };
}

interface Walk {
  readonly folder: string;
  readonly rules: IgnoreRules;
  /** The module's folder as the rules see it: `''`, or `path/in/checkout/`. */
  readonly prefix: string;
  readonly listed: Readonly<Record<keyof ManifestLists, IgnoreRules>>;
  /** Whether `include` may bring something back from a folder that is left out. */
  readonly brings: boolean;
  readonly files: ModuleFile[];
  readonly links: string[];
  readonly refused: string[];
}

async function startRules(folder: string): Promise<Pick<Walk, 'rules' | 'prefix'>> {
  const rules = createIgnoreRules();
  const alone = { rules: createIgnoreRules(), prefix: '' };
  const root = await findCheckout(folder);
  if (root === undefined) return alone;
  // What is left out in this checkout alone, which everything below may bring back.
  rules.add('', (await readIfFile(join(root, '.git', 'info', 'exclude'))) ?? '');
  const parts = relative(root, folder)
    .split(sep)
    .filter((part) => part !== '');
  for (const depth of parts.keys())
    await addRules(rules, join(root, ...parts.slice(0, depth)), parts.slice(0, depth).join('/'));
  const prefix = parts.join('/');
  // Whoever packs a folder that is left out as a whole means it: then nothing above it counts.
  if (prefix !== '' && rules.leavesOut(prefix, true)) return alone;
  return { rules, prefix: prefix === '' ? '' : `${prefix}/` };
}

/** The nearest folder, this one or above, that git has its data in. */
async function findCheckout(folder: string): Promise<string | undefined> {
  if ((await stat(join(folder, '.git')).catch(() => undefined)) !== undefined) return folder;
  const above = dirname(folder);
  return above === folder ? undefined : findCheckout(above);
}

async function addRules(rules: IgnoreRules, folder: string, path: string): Promise<void> {
  for (const name of ignoreFiles) {
    const text = await readIfFile(join(folder, name));
    if (text === undefined) continue;
    rules.add(path, text);
    return;
  }
}

async function readIfFile(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch((error: unknown) => {
    if (['ENOENT', 'ENOTDIR', 'EISDIR'].includes(errorCode(error) ?? '')) return undefined;
    throw error;
  });
}

async function walkFolder(walk: Walk, path: string): Promise<void> {
  const absolute = join(walk.folder, path);
  await addRules(walk.rules, absolute, `${walk.prefix}${path}`.replace(/\/$/, ''));
  for (const entry of await readdir(absolute, { withFileTypes: true }))
    await takeEntry(walk, `${path}${entry.name}`, entry);
}

async function takeEntry(walk: Walk, path: string, entry: Dirent): Promise<void> {
  const isFolder = entry.isDirectory();
  if (neverPacked.has(entry.name) || (isFolder && builtAtRoot.has(path))) return;
  const isOut = isLeftOut(walk, path, isFolder);
  if (isFolder && (!isOut || walk.brings)) return walkFolder(walk, `${path}/`);
  if (isOut) return undefined;
  if (path.includes('\ufffd')) walk.refused.push(`the name of ${shortJson(path)} is not UTF-8`);
  else if (entry.isSymbolicLink()) walk.links.push(path);
  else if (entry.isFile()) walk.files.push(await describeFile(join(walk.folder, path), path, false));
  else walk.refused.push(`${shortJson(path)} is a device, a pipe or a socket`);
}

function isLeftOut({ rules, prefix, listed }: Walk, path: string, isFolder: boolean): boolean {
  if (listed.include.leavesOut(path, isFolder)) return false;
  return rules.leavesOut(`${prefix}${path}`, isFolder) || listed.exclude.leavesOut(path, isFolder);
}

async function describeFile(location: string, path: string, isLink: boolean): Promise<ModuleFile> {
  const { size, mode } = await stat(location);
  return { path, location, sizeBytes: size, isExecutable: (mode & 0o100) !== 0, isLink };
}

/**
 * A link to a file that is packed is packed as that file: `moon new` makes README.md one, and an archive cannot hold
 * links. Any other is refused, since its bytes would come from somewhere that nobody looked at.
 */
async function addLinks(walk: Walk): Promise<void> {
  const root = await realpath(walk.folder);
  const packed = new Set(walk.files.map(({ path }) => path));
  for (const path of walk.links) {
    const target = await realpath(join(walk.folder, path)).catch(() => undefined);
    const targetPath = target === undefined ? '' : relative(root, target).split(sep).join('/');
    if (target !== undefined && packed.has(targetPath))
      walk.files.push(await describeFile(target, path, true));
    else walk.refused.push(`${shortJson(path)} is a symbolic link, and not to a file that is packed itself`);
  }
}
