import { join } from 'node:path';

/** Where things are below the data folder (docs/architecture.md draws it). */
export function dataLayout(dataDir: string) {
  return {
    index: join(dataDir, 'index'),
    packages: join(dataDir, 'packages'),
    staged: join(dataDir, 'staged'),
    assets: join(dataDir, 'assets'),
    symbols: join(dataDir, 'symbols'),
    sources: join(dataDir, 'sources'),
    locks: join(dataDir, 'locks'),
    registryLock: join(dataDir, 'locks', 'registry'),
    packs: join(dataDir, 'answers'),
    shortTokens: join(dataDir, 'access', 'short'),
    burnedTokens: join(dataDir, 'access', 'burned'),
    tokenUse: join(dataDir, 'token-use.log'),
  };
}

export type DataLayout = ReturnType<typeof dataLayout>;
