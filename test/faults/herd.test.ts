/** However many ask for one archive that is not here, in however many processes: its source is asked once. */
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { type ClientRequest, get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { createModuleArchive } from '../../src/demo/module-archive.ts';
import { startServer } from '../../src/http/listen.ts';
import { createRegistry, writeSettings } from '../support/registry-world.ts';
import { runCli, startCli } from '../support/run-cli.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { sha256, startUpstream } from '../support/worlds.ts';
import { startGatedArchives } from './gated-archives.ts';

const id = { module: 'alice/wanted', version: '1.0.0' };
const target = '/user/alice/wanted/1.0.0.zip';

async function createWorld() {
  const archive = createModuleArchive({ ...id, sizeBytes: 64 * 1024 });
  const upstream = await startUpstream();
  await upstream.publish(`${id.module}@${id.version}`, { archive });
  const archives = await startGatedArchives(archive);
  const directory = join(temporaryDirectory(), 'registry');
  const sources = [{ name: 'main', upstream, lines: `download_url = "${archives.url}"` }];
  return { archives, directory, sources, checksum: sha256(archive) };
}

interface Client {
  readonly request: ClientRequest;
  /** Its request has left this process. */
  readonly hasAsked: Promise<unknown>;
  /** The status, and the SHA-256 of what was received. */
  readonly answer: Promise<string>;
}

/** A client with a connection of its own. */
function ask(url: string): Client {
  const request = get(url, { agent: false });
  const receive = async (): Promise<string> => {
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return `${response.statusCode} ${sha256(await buffer(response))}`;
  };
  return { request, hasAsked: once(request, 'finish'), answer: receive() };
}

/** Lets `count` clients ask, and the source answer when all of them have; tells what they got. */
async function stampede(url: string, count: number, release: () => void): Promise<Record<string, number>> {
  const clients = Array.from({ length: count }, () => ask(url));
  await Promise.all(clients.map(({ hasAsked }) => hasAsked));
  release();
  return tally(await Promise.all(clients.map(({ answer }) => answer)));
}

function tally(answers: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const answer of answers) counts[answer] = (counts[answer] ?? 0) + 1;
  return counts;
}

async function serveInProcess() {
  const world = await createWorld();
  const registry = await createRegistry(world);
  await registry.sync();
  const server = await startServer(registry, { host: '127.0.0.1', port: 0 });
  onTestFinished(() => server.close(0));
  return { ...world, url: `${server.url}${target}` };
}

test('1,000 clients at once get one archive for one request upstream', async () => {
  const { archives, checksum, url } = await serveInProcess();
  expect(await stampede(url, 1000, archives.release)).toEqual({ [`200 ${checksum}`]: 1000 });
  expect(archives.requests).toEqual([target]);
});

test('and so when the first of them leaves at once', async () => {
  const { archives, checksum, url } = await serveInProcess();
  const first = ask(url);
  const failure = expect(first.answer).rejects.toMatchObject({ code: 'ECONNRESET' });
  await expect.poll(() => archives.requests.length, { timeout: 20_000 }).toBe(1);
  first.request.destroy();
  await failure;
  expect(await stampede(url, 999, archives.release)).toEqual({ [`200 ${checksum}`]: 999 });
  expect(archives.requests).toEqual([target]);
});

test('and so when two processes serve: 200 clients, one request upstream', async () => {
  const { archives, checksum, directory, sources } = await createWorld();
  await mkdir(directory);
  await writeSettings(directory, { sources });
  expect(await runCli(['sync'], { cwd: directory })).toMatchObject({ code: 0 });
  const server = await startCli(['serve', '--port', '0', '--workers', '2'], { cwd: directory });
  onTestFinished(async () => void (await server.stop()));
  const answers = await stampede(`${server.baseUrl}${target}`, 200, archives.release);
  expect(answers).toEqual({ [`200 ${checksum}`]: 200 });
  expect(archives.requests).toEqual([target]);
});
