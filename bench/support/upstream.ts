import { createHash } from 'node:crypto';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { formatIndexLine, indexPath } from '../../src/demo/index-line.ts';
import { runGit } from '../../src/support/git/git.ts';
import { importCommits } from '../../src/support/git/git-import.ts';
import { createIndexRecord } from '../../test/worlds/publisher.ts';
import { startServer } from './process.ts';
import { roleProcess } from './roles.ts';
import type { Bench } from './scenario.ts';
import type { UpstreamSettings } from './upstream-process.ts';
import type { World } from './world.ts';

export interface Upstream {
  readonly url: string;
  readonly indexUrl: string;
  /** Its own copy of the world's repository. */
  readonly repository: string;
  /** Adds a version to a module (a new one if need be) in a commit of its own; returns the commit. */
  publish(module: string, version: string): Promise<string>;
}

/** Serves a copy of a world in a process of its own; `name` is of a folder in the scenario's. */
export async function startUpstream(
  bench: Bench,
  world: World,
  name = 'upstream',
  delayMs = 0,
): Promise<Upstream> {
  const repositories = join(bench.directory, name);
  const repository = join(repositories, 'index.git');
  await cp(world.repository, repository, { recursive: true });
  const settings: UpstreamSettings = { repositories, www: world.www, delayMs };
  const { command, args, env } = roleProcess({ role: 'upstream', settings });
  const server = await startServer(command, args, /upstream at (\S+)\n/, { env });
  bench.resources.add(() => server.stop());
  const url = server.address;
  return {
    url,
    indexUrl: `${url}/git/index`,
    repository,
    publish: (module, version) => publish(repository, module, version),
  };
}

let published = 0;

async function publish(repository: string, module: string, version: string): Promise<string> {
  const path = indexPath(module);
  const base = (await runGit(['rev-parse', 'refs/heads/main'], { gitDir: repository })).toString().trim();
  const known = await runGit(['ls-tree', '--name-only', base, path], { gitDir: repository });
  const before =
    known.length > 0 ? await runGit(['show', `${base}:${path}`], { gitDir: repository }) : Buffer.alloc(0);
  const checksum = createHash('sha256').update(`${module}@${version}`).digest('hex');
  const line = formatIndexLine(createIndexRecord({ module, version }, checksum, published++));
  const content = Buffer.concat([before, Buffer.from(`${line}\n`)]);
  const date = new Date(Date.UTC(2026, 6, 1) + published * 60_000);
  const [commit = ''] = await importCommits(repository, [
    () => ({ base, message: `publish ${module}@${version}`, date, edits: [{ path, content }] }),
  ]);
  await runGit(['update-ref', 'refs/heads/main', commit], { gitDir: repository });
  return commit;
}
