/** The words of an offer, as the registry that is typed about has them. */
import type { Config } from '../config/config.ts';
import { RegistryError } from '../errors.ts';
import { type OfferedWord, shortly, type WordOffer } from './completion-offers.ts';
import type { CommandContext } from './context.ts';
import { findFolder } from './folder.ts';

export async function wordsOf(
  offer: WordOffer,
  typed: string,
  directory: string,
  { io }: CommandContext,
): Promise<readonly OfferedWord[]> {
  switch (offer.kind) {
    case 'nothing':
      return [];
    case 'words':
      return offer.words;
    case 'variables':
      return plainly(Object.keys(io.env));
    case 'sources':
      return (await sourcesIn(directory)).map(({ name, url }) => ({ word: name, about: url }));
    case 'keys': {
      const { keysFor } = await import('../config/key-words.ts');
      const names = (await sourcesIn(directory)).map(({ name }) => name);
      return keysFor(names).map(({ key, meaning }) => ({ word: key, about: shortly(meaning) }));
    }
    case 'values of': {
      const { valuesFor } = await import('../config/key-words.ts');
      const names = (await sourcesIn(directory)).map(({ name }) => name);
      return plainly(valuesFor(offer.key, names));
    }
    case 'modules':
    case 'blocks': {
      const { servedNames, blockedNames } = await import('../registry/deliver/names-to-complete.ts');
      const config = await configIn(directory);
      if (!config) return [];
      return plainly(await (offer.kind === 'blocks' ? blockedNames(config) : servedNames(config, typed)));
    }
  }
}

function plainly(words: readonly string[]): OfferedWord[] {
  return words.map((word) => ({ word, about: '' }));
}

async function sourcesIn(directory: string): Promise<Config['sources']> {
  return (await configIn(directory))?.sources ?? [];
}

/** The registry that the words being completed are about. */
export function directoryIn(words: readonly string[], { io }: CommandContext): string {
  const position = words.slice(0, -2).findLastIndex((word) => word === '-d' || word === '--dir');
  const joined = words
    .slice(0, -1)
    .find((word) => word.startsWith('--dir='))
    ?.slice('--dir='.length);
  const option = joined ?? (position < 0 ? undefined : words[position + 1]);
  const home = /^~(?=\/|$)/;
  return findFolder({
    option:
      option !== undefined && home.test(option) ? option.replace(home, io.homeDirectory() ?? '~') : option,
    env: io.env,
    workingDirectory: io.workingDirectory,
  }).directory;
}

/** Pressing Tab outside a registry is no failure: there are no names to offer. */
async function configIn(directory: string): Promise<Config | undefined> {
  const { loadConfig } = await import('../config/load.ts');
  try {
    return await loadConfig(directory);
  } catch (error) {
    if (error instanceof RegistryError) return undefined;
    throw error;
  }
}
