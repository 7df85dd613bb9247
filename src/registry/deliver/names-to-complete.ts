/** What a command line may name, read from the index alone: Tab has to answer at once, and never ends with an error. */
import { join } from 'node:path';
import type { Config } from '../../config/config.ts';
import { RegistryError } from '../../errors.ts';
import { type GitIndex, openGitIndex } from '../../index/git-index.ts';
import { parseIndexFile } from '../../index/index-file.ts';
import { indexPathOf, readIndexPath } from '../../index/layout.ts';
import { nameOfBlock } from '../../model/block.ts';
import { isModuleName } from '../../model/module-name.ts';

/** The modules that are served; once `typed` names one and an `@`, its versions. */
export function servedNames(config: Config, typed: string): Promise<readonly string[]> {
  const at = typed.indexOf('@');
  return lookInto(config, async (index) => {
    const served = await index.servedCommit();
    if (at > 0) return versionsOf(index, served, typed.slice(0, at));
    return [...(await index.list(served)).keys()].flatMap((path) => {
      const target = readIndexPath(path);
      return target.kind === 'module' ? [target.module] : [];
    });
  });
}

/** What `unblock` takes. */
export function blockedNames(config: Config): Promise<readonly string[]> {
  return lookInto(config, async (index) => (await index.state()).blocks.map(nameOfBlock));
}

async function versionsOf(index: GitIndex, served: string, module: string): Promise<readonly string[]> {
  if (!isModuleName(module)) return [];
  const id = await index.identify(served, indexPathOf(module));
  const file = id === undefined ? undefined : await index.read(id);
  return file ? parseIndexFile(file).lines.map(({ entry }) => `${module}@${entry.version}`) : [];
}

async function lookInto(
  { registry }: Config,
  look: (index: GitIndex) => Promise<readonly string[]>,
): Promise<readonly string[]> {
  let index: GitIndex | undefined;
  try {
    index = await openGitIndex(join(registry.dataDir, 'index'));
    return await look(index);
  } catch (error) {
    // What is wrong with the data, whoever uses them says.
    if (error instanceof RegistryError) return [];
    throw error;
  } finally {
    index?.close();
  }
}
