import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Registry } from '../../src/registry/registry.ts';
import { startServer } from '../../src/server/listen.ts';
import { createRegistry, type RegistrySettings } from '../support/registry-world.ts';
import { startCli } from '../support/run-cli.ts';

export interface ServedRegistry {
  readonly registry: Registry;
  readonly url: string;
  readonly indexUrl: string;
}

/** `SERVE_WORKERS=2` runs the same tests against `serve --workers 2` instead of a server within the test. */
const workers = process.env.SERVE_WORKERS;
/** Then what a test does to its registry is heard of by the servers only as far as the disk tells. */
export const isServedApart = workers !== undefined;

/** A registry over the given upstreams, synced once and served; closed when the test has finished. */
export async function serveRegistry(settings: RegistrySettings): Promise<ServedRegistry> {
  const registry = await createRegistry(settings);
  await registry.sync();
  const url = workers === undefined ? await serveHere(registry) : await serveApart(registry, workers);
  return { registry, url, indexUrl: `${url}/git/index` };
}

async function serveHere(registry: Registry): Promise<string> {
  const server = await startServer(registry, { host: '127.0.0.1', port: 0 });
  onTestFinished(() => server.close(0));
  return server.url;
}

async function serveApart({ config }: Registry, count: string): Promise<string> {
  const server = await startCli(['serve', '--port', '0', '--workers', count], { cwd: config.directory });
  onTestFinished(async () => void (await server.stop()));
  return server.baseUrl;
}

/** The served index as files: path → content. */
export async function readServedFiles(registry: Registry): Promise<Record<string, string>> {
  const files: [string, string][] = [];
  for await (const { module, file } of registry.readIndex())
    files.push([`user/${module}.index`, file.toString()]);
  return Object.fromEntries(files.sort(byPath));
}

/** Every file of a checkout, git's own folder aside: path → content. */
export async function readCheckout(directory: string): Promise<Record<string, string>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .filter((path) => !path.startsWith('.git/'));
  const files = paths.map(
    async (path): Promise<[string, string]> => [path, await readFile(join(directory, path), 'utf8')],
  );
  return Object.fromEntries((await Promise.all(files)).sort(byPath));
}

function byPath([a]: [string, string], [b]: [string, string]): number {
  return a < b ? -1 : 1;
}
