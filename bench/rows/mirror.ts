import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../support/process.ts';
import { findProgram, missingPrograms } from '../support/programs.ts';
import { createOurRegistry, createSyncedRegistry } from '../support/registry.ts';
import type { Bench, Contender, Scenario } from '../support/scenario.ts';
import { startUpstream } from '../support/upstream.ts';
import { archivePath, type WorldArchive } from '../support/world.ts';

const parallel = 16;
const aria = `aria2c -j${parallel}, checksums`;
const curl = `curl --parallel-max ${parallel}, unchecked`;

export const mirrorFull: Scenario = {
  name: 'mirror-full',
  title: 'mirror --full, loopback',
  async prepare(bench) {
    const world = await bench.worlds.usual();
    const upstream = await startUpstream(bench, world);
    let attempt = 0;
    return {
      contenders: [
        {
          name: 'ours',
          async round() {
            const registry = await createOurRegistry(bench, upstream, `ours-${attempt++}`);
            const { seconds } = await registry.command('mirror', '--full');
            await expectFiles(join(registry.directory, 'data', 'packages'), world.archives);
            return { seconds };
          },
        },
        ariaContender(bench, upstream.url, world.archives),
        curlContender(bench, upstream.url, world.archives),
      ],
      bars: [
        { metric: 'seconds', of: 'ours', against: aria, atMost: 1 },
        { metric: 'seconds', of: 'ours', against: curl },
      ],
      notes: [
        `${world.archives.length} archives, ${mebibytes(world.archives)} MiB; ours reads the index first, takes up to 32 at a ` +
          `time (its default; the others ${parallel}) and makes every archive durable; the others get ready lists`,
      ],
    };
  },
};

export const mirrorLatency: Scenario = {
  name: 'mirror-latency',
  title: 'mirror of one owner, the source waits 20 ms before each answer',
  async prepare(bench) {
    const world = await bench.worlds.usual();
    const upstream = await startUpstream(bench, world, 'slow', 20);
    const owner = world.archives.some(({ module }) => module.startsWith('moonbitlang/'))
      ? 'moonbitlang'
      : (world.archives[0]?.module.split('/')[0] ?? '');
    const archives = world.archives.filter(({ module }) => module.startsWith(`${owner}/`));
    const registry = await createSyncedRegistry(bench, upstream, world);
    return {
      contenders: [
        {
          name: 'ours',
          async round() {
            await registry.forgetArchives();
            const { seconds } = await registry.command('mirror', `${owner}/*`, '--strict');
            await expectFiles(join(registry.directory, 'data', 'packages'), archives);
            return { seconds };
          },
        },
        curlContender(bench, upstream.url, archives),
      ],
      bars: [{ metric: 'seconds', of: 'ours', against: curl, atMost: 1.2 }],
      notes: [
        `${archives.length} archives of ${owner}/*; ours starts node, looks for a newer index, takes up to 32 at a time (its ` +
          `default; curl ${parallel}), verifies and makes durable`,
      ],
    };
  },
};

function curlContender(bench: Bench, url: string, archives: readonly WorldArchive[]): Contender {
  const missing = missingPrograms('curl');
  if (missing !== undefined) return { name: curl, missing };
  const round = async () => {
    const folder = await emptyFolder(bench, 'curl');
    const lines = archives.flatMap((archive, k) => [
      `url = "${url}${archivePath(archive)}"`,
      `output = "${folder}/${k}.zip"`,
    ]);
    const config = join(bench.directory, 'curl.config');
    await writeFile(config, `${lines.join('\n')}\n`);
    const words = ['--silent', '--show-error', '--fail', '--globoff', '--parallel'];
    const { seconds } = await run(findProgram('curl') ?? 'curl', [
      ...words,
      ...['--parallel-max', String(parallel), '--config', config],
    ]);
    await expectFiles(folder, archives, archives.length);
    return { seconds };
  };
  return { name: curl, round };
}

function ariaContender(bench: Bench, url: string, archives: readonly WorldArchive[]): Contender {
  const missing = missingPrograms('aria2c');
  if (missing !== undefined) return { name: aria, missing };
  const round = async () => {
    const folder = await emptyFolder(bench, 'aria');
    const lines = archives.flatMap((archive, k) => [
      `${url}${archivePath(archive)}`,
      ` out=${k}.zip`,
      ` checksum=sha-256=${archive.checksum}`,
    ]);
    const list = join(bench.directory, 'aria.list');
    await writeFile(list, `${lines.join('\n')}\n`);
    const { seconds } = await run(findProgram('aria2c') ?? 'aria2c', [
      ...['--no-conf', '--quiet', '--check-integrity=true', `-j${parallel}`, '-d', folder, '-i', list],
      // It preallocates files, and keeps saving its state, unless told not to.
      ...['--file-allocation=none', '--auto-save-interval=0', '--async-dns=false'],
    ]);
    await expectFiles(folder, archives, archives.length);
    return { seconds };
  };
  return { name: aria, round };
}

let folders = 0;

/** A new one each time: why nothing is deleted before the end says `forgetArchives`. */
async function emptyFolder(bench: Bench, name: string): Promise<string> {
  const folder = join(bench.directory, `${name}-${folders++}`);
  await mkdir(folder);
  return folder;
}

/** Ours keeps one file for archives that are the same. */
async function expectFiles(
  folder: string,
  archives: readonly WorldArchive[],
  wanted = new Set(archives.map(({ checksum }) => checksum)).size,
): Promise<void> {
  const names = await readdir(folder, { recursive: true });
  const there = names.filter((name) => name.endsWith('.zip')).length;
  if (there !== wanted) throw new Error(`${there} archives in ${folder}, not ${wanted}`);
}

function mebibytes(archives: readonly WorldArchive[]): number {
  return Math.round(archives.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) / 2 ** 20);
}
