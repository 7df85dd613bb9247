/** However many ask for one archive that is not here, in however many processes: its source is asked once, and git once for what they clone. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { appendFile, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { type ClientRequest, get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { createModuleArchive } from '../../src/demo/module-archive.ts';
import { startServer } from '../../src/server/listen.ts';
import { shallowClone } from '../support/git-client.ts';
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

/** A folder for PATH with a git that writes a line for each answer it computes, and the file of those lines. */
async function installCountingGit(): Promise<{ folder: string; log: string }> {
  const folder = temporaryDirectory();
  const log = join(folder, 'answers');
  const git = execFileSync('which', ['git'], { encoding: 'utf8' }).trim();
  const script = `#!/bin/sh\n[ "$1" = upload-pack ] && echo "$*" >> '${log}'\nexec '${git}' "$@"\n`;
  await writeFile(join(folder, 'git'), script, { mode: 0o755 });
  await writeFile(log, '');
  return { folder, log };
}

async function packSizeOf(clone: string): Promise<number> {
  const folder = join(clone, '.git', 'objects', 'pack');
  const pack = (await readdir(folder)).find((name) => name.endsWith('.pack'));
  return pack === undefined ? 0 : (await stat(join(folder, pack))).size;
}

test.each(['16MiB', '64KiB'])(
  'clients of several processes that clone at once cost git one clone, with answers up to %s in memory',
  async (answerSize) => {
    const directory = join(temporaryDirectory(), 'registry');
    const ids = Array.from({ length: 1500 }, (_, i) => `alice/module${i}@1.0.0`);
    const upstream = await startUpstream(ids);
    await mkdir(directory);
    await writeSettings(directory, { sources: [{ name: 'main', upstream }] });
    await appendFile(join(directory, 'registry.toml'), `\n[limits]\ngit_answer = "${answerSize}"\n`);
    expect(await runCli(['sync'], { cwd: directory })).toMatchObject({ code: 0 });
    const { folder, log } = await installCountingGit();
    const env = { PATH: `${folder}:${process.env.PATH}` };
    const server = await startCli(['serve', '--port', '0', '--workers', '3'], { cwd: directory, env });
    onTestFinished(async () => void (await server.stop()));
    const clones = Array.from({ length: 6 }, () => join(temporaryDirectory(), 'clone'));
    await Promise.all(clones.map((clone) => shallowClone(`${server.baseUrl}/git/index`, clone)));
    for (const clone of clones) {
      expect(await readdir(join(clone, 'user', 'alice'))).toHaveLength(ids.length);
      expect(await packSizeOf(clone)).toBeGreaterThan(64 * 1024);
    }
    // What there is, what it is at, and the pack.
    expect((await readFile(log, 'utf8')).trim().split('\n')).toHaveLength(3);
    await server.stop();
    expect(existsSync(join(directory, 'data', 'answers'))).toBe(false);
  },
);
