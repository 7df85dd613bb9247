import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { runGit } from '../support/git/git.ts';
import { importCommits } from '../support/git/git-import.ts';
import { type Answer, answer, answerByGitHttpBackend } from './git-http-backend.ts';
import { formatIndexLine, formatTime, indexPath } from './index-line.ts';
import { createModuleArchive } from './module-archive.ts';

export interface DemoVersion {
  readonly module: string;
  readonly version: string;
  readonly description: string;
  /** Module name → requirement. */
  readonly deps: Readonly<Record<string, string>>;
}

/** One of the demo's registries: a git index, served by git's own `http-backend`, and archives. */
export interface DemoUpstream {
  /** Base address of its archives; no final slash. */
  readonly url: string;
  readonly indexUrl: string;
  close(): Promise<void>;
}

/** Archives by the decoded path at which they are asked for. */
type Archives = ReadonlyMap<string, Buffer>;

const published = Date.UTC(2026, 0, 1);

/** Serves these versions on loopback; the same each time. The index is a repository in `directory`, which must be empty. */
export async function startDemoUpstream(
  directory: string,
  versions: readonly DemoVersion[],
): Promise<DemoUpstream> {
  const archives = new Map(
    versions.map((one) => [
      `/user/${one.module}/${one.version}.zip`,
      createModuleArchive({ ...one, sizeBytes: 12_000 }),
    ]),
  );
  await writeIndex(join(directory, 'index.git'), versions, [...archives.values()]);
  const server = createServer(async (request, response) => {
    const left = new AbortController();
    response.on('close', () => left.abort());
    const { status, headers, body } = await answerRequest(request, directory, archives, left.signal).catch(
      (error: unknown) => answer(500, String(error)),
    );
    response.writeHead(status, { ...headers, 'content-length': body.length }).end(body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    indexUrl: `${url}/git/index`,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answerRequest(
  request: IncomingMessage,
  projectRoot: string,
  archives: Archives,
  signal: AbortSignal,
): Promise<Answer> {
  const [target = '', query = ''] = (request.url ?? '').split('?', 2);
  if (target.startsWith('/git/index')) {
    const path = target.replace('/git/index', '/index.git');
    return answerByGitHttpBackend(request, { projectRoot, path, query, signal });
  }
  const archive = archives.get(decodeURIComponent(target));
  return archive ? answer(200, archive, { 'content-type': 'application/zip' }) : answer(404, 'NoSuchKey');
}

async function writeIndex(
  repository: string,
  versions: readonly DemoVersion[],
  archives: readonly Buffer[],
): Promise<void> {
  const files = new Map<string, string>();
  for (const [position, { module, version, description, deps }] of versions.entries()) {
    const path = indexPath(module);
    const line = formatIndexLine({
      ...{ name: module, version, deps: Object.keys(deps).length > 0 ? deps : undefined },
      ...{ readme: 'README.md', license: 'Apache-2.0', keywords: ['demo'], description, source: 'src' },
      checksum: createHash('sha256')
        .update(archives[position] ?? '')
        .digest('hex'),
      created_at: formatTime(published + position * 61_803),
    });
    files.set(path, `${files.get(path) ?? ''}${line}\n`);
  }
  await runGit(['init', '--quiet', '--bare', '--template=', '--initial-branch', 'main', repository]);
  const edits = [...files].map(([path, content]) => ({ path, content }));
  const commit = () => ({ message: 'publish many modules', date: new Date(published), edits });
  const [id = ''] = await importCommits(repository, [commit]);
  await runGit(['update-ref', 'refs/heads/main', id], { gitDir: repository });
}
