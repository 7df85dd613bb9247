import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type AdoptedIndex, type AdoptionOptions, adoptIndexFiles } from './adopt-index.ts';
import { createArchiveShelf } from './archive-shelf.ts';
import { createPublisher, type Publication } from './publisher.ts';
import { createUpstreamIndex, type UpstreamIndex } from './upstream-index.ts';
import { answerFromContent, areaOfTarget, type UpstreamAuth } from './upstream-routes.ts';
import { startUpstreamServer, type UpstreamServer } from './upstream-server.ts';

export interface UpstreamOptions {
  /** Made if missing; an embedded registry that was here before is replaced. */
  readonly directory: string;
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly tls?: { readonly key: string; readonly cert: string } | undefined;
  readonly auth?: UpstreamAuth | undefined;
  /** Before every path, such as `/registry`. */
  readonly basePath?: string | undefined;
  readonly branch?: string | undefined;
  /** Serves the index as plain files, without git's smart protocol. */
  readonly isDumb?: boolean | undefined;
}

/**
 * A real little registry on loopback, for tests and benchmarks: a git index served by git's own
 * `http-backend`, and archives. Its index has no commit until something is published.
 */
export interface UpstreamRegistry extends UpstreamServer {
  /** Base address of archives; no final slash. */
  readonly url: string;
  readonly indexUrl: string;
  readonly index: UpstreamIndex;
  /** `id` is `OWNER/NAME@VERSION`. The archive is there before the line (moon-protocol, trap 10). */
  publish(
    id: string,
    options?: Omit<Publication, 'module' | 'version'>,
  ): Promise<{ readonly checksum: string }>;
  /** All in one commit; returns their checksums in the same order. */
  publishMany(publications: Iterable<Publication>): Promise<string[]>;
  /** Writes an index file as it is: any bytes, under any path that git can store. */
  writeIndexFile(path: string | Buffer, content: string | Buffer): Promise<void>;
  removeIndexFile(path: string | Buffer): Promise<void>;
  /** The archive answers 404 from now on; the index still lists it. */
  withdrawArchive(id: string): void;
  setSymbols(archive: Buffer | undefined): void;
  /** `path` is `OWNER/NAME@VERSION/[PACKAGE/]FILE`; its `.sha256` comes with it. */
  setAsset(path: string, content: Buffer): void;
  /** Takes over a whole index from a git bundle or repository, with archives made for it: `adoptIndexFiles`. */
  adoptIndex(bundleOrRepository: string, options?: AdoptionOptions): Promise<AdoptedIndex>;
  rewriteHistory(): Promise<void>;
  setDefaultBranch(name: string): Promise<void>;
  close(): Promise<void>;
}

export async function startUpstreamRegistry(options: UpstreamOptions): Promise<UpstreamRegistry> {
  const { directory, basePath = '', auth, isDumb = false } = options;
  const repository = join(directory, 'index.git');
  await mkdir(directory, { recursive: true });
  await rm(repository, { recursive: true, force: true });
  const index = await createUpstreamIndex(repository, options.branch ?? 'main');
  const shelf = await createArchiveShelf(join(directory, 'archives.bin'));
  const publish = createPublisher(index, shelf);
  const assets = new Map<string, Buffer>();
  const content = {
    basePath,
    directory,
    shelf,
    assets,
    symbols: undefined as Buffer | undefined,
    auth,
    isDumb,
  };
  const server = await startUpstreamServer({
    ...options,
    areaOf: (target) => areaOfTarget(basePath, target),
    answer: (request, signal) => answerFromContent(content, request, signal),
  });
  const inTurn = createTurns();
  const url = `${server.origin}${basePath}`;
  return {
    ...server,
    url,
    indexUrl: `${url}/git/index`,
    index,
    publish: (id, publication = {}) =>
      inTurn(async () => {
        const named = { ...parseId(id), ...publication };
        const [checksum = ''] = await publish([named], `update ${named.module}`);
        return { checksum };
      }),
    publishMany: (publications) => inTurn(() => publish(publications, 'update many modules')),
    writeIndexFile: (path, text) => inTurn(() => index.writeAnywhere(path, Buffer.from(text))),
    removeIndexFile: (path) => inTurn(() => index.writeAnywhere(path, undefined)),
    withdrawArchive: (id) => shelf.remove(id),
    setSymbols(archive) {
      content.symbols = archive;
    },
    setAsset: (path, bytes) => void assets.set(path, bytes),
    adoptIndex: (bundleOrRepository, adoption) =>
      inTurn(async () => {
        const adopted = await adoptIndexFiles(bundleOrRepository, shelf, directory, adoption);
        await index.write(adopted.files, 'adopt an index');
        return adopted;
      }),
    rewriteHistory: () => inTurn(() => index.rewriteHistory()),
    setDefaultBranch: (name) => inTurn(() => index.setDefaultBranch(name)),
    async close() {
      await inTurn(async () => undefined);
      await server.stopListening();
      await shelf.close();
    },
  };
}

/** Runs changes one after the other, in the order in which they were asked for; a failed one stops none. */
function createTurns(): <T>(change: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (change) => {
    const turn = last.then(change);
    last = turn.catch(() => undefined);
    return turn;
  };
}

function parseId(id: string): { module: string; version: string } {
  const at = id.lastIndexOf('@');
  if (at <= 0) throw new TypeError(`not OWNER/NAME@VERSION: ${id}`);
  return { module: id.slice(0, at), version: id.slice(at + 1) };
}
