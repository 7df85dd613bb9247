import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { ArchiveShelf } from '../../test/worlds/archive-shelf.ts';
import { answerFromContent, areaOfTarget } from '../../test/worlds/upstream-routes.ts';
import { startUpstreamServer } from '../../test/worlds/upstream-server.ts';
import { archiveFile } from './world.ts';

export interface UpstreamSettings {
  /** Holds the bare repository `index.git`, served by git's http-backend. */
  readonly repositories: string;
  /** Holds archives, served from memory. */
  readonly www: string;
  /** Before every answer. */
  readonly delayMs: number;
}

/** A registry to read from, until whoever started this process lets go of its stdin. */
export async function serveUpstream({ repositories, www, delayMs }: UpstreamSettings): Promise<void> {
  const content = {
    basePath: '',
    directory: repositories,
    shelf: createMemoryShelf(www),
    assets: new Map<string, Buffer>(),
    symbols: undefined,
    auth: undefined,
    isDumb: false,
  };
  const server = await startUpstreamServer({
    areaOf: (target) => areaOfTarget('', target),
    answer: (request, signal) => answerFromContent(content, request, signal),
  });
  if (delayMs > 0) server.faults.delayMs = delayMs;
  setInterval(() => server.resetCounts(), 1000);
  process.stdin.on('end', () => process.exit()).resume();
  console.log(`upstream at ${server.origin}`);
}

function createMemoryShelf(folder: string): ArchiveShelf {
  const known = new Map<string, { bytes: Buffer; checksum: string }>();
  return {
    async read(id) {
      const present = known.get(id);
      if (present) return present;
      const at = id.lastIndexOf('@');
      const bytes = await readIfThere(
        archiveFile(folder, { module: id.slice(0, at), version: id.slice(at + 1) }),
      );
      if (!bytes) return undefined;
      const archive = { bytes, checksum: createHash('sha256').update(bytes).digest('hex') };
      known.set(id, archive);
      return archive;
    },
    add: () => Promise.reject(new Error('nothing is published here')),
    has: (id) => known.has(id),
    remove: (id) => void known.delete(id),
    close: async () => undefined,
  };
}

async function readIfThere(file: string): Promise<Buffer | undefined> {
  try {
    return await readFile(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
