import { arch, cpus, release, totalmem, type } from 'node:os';
import { nginxVersion } from './nginx.ts';
import { root } from './options.ts';
import { run } from './process.ts';
import { findProgram } from './programs.ts';
import type { About } from './report.ts';

/** The machine and the programs, as far as figures depend on them. */
export async function describeMachine(): Promise<About> {
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: (
      await run('git', ['-C', root, 'describe', '--always', '--dirty'], { accept: [0, 128] })
    ).stdout.trim(),
    cores: cpus().length,
    'memory GiB': Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()} ${arch()}`,
    node: process.version,
    git: (await run('git', ['--version'])).stdout.trim().replace('git version ', ''),
    nginx: findProgram('nginx') ? (await nginxVersion()).replace(/^.*nginx\//s, '') : 'not installed',
  };
}
