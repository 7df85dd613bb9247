import { existsSync, rmSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createWorlds, type Worlds } from './world.ts';

/** Where the repository is; `bench/run.mjs` says. */
export const root = process.env.BENCH_ROOT ?? process.cwd();

/** Flags that both benchmarks take; for `parseArgs`. */
export const commonOptions = {
  smoke: { type: 'boolean', default: false },
  json: { type: 'string' },
  program: { type: 'string', default: join(root, 'dist', 'main.js') },
  work: { type: 'string', default: join(tmpdir(), 'moonbit-registry-bench') },
  index: { type: 'string', default: join(root, '..', 'shared', 'data', 'mooncakes-index.bundle') },
} as const;

export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** A folder below `work` that is gone when this process ends, however that comes about. */
export async function createScratch(work: string): Promise<string> {
  const folder = join(resolve(work), `run-${process.pid}`);
  await mkdir(folder, { recursive: true });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

export function openWorlds(values: { work: string; index: string; smoke: boolean }): Worlds {
  const bundle = resolve(values.index);
  return createWorlds({
    directory: join(resolve(values.work), 'worlds'),
    bundle: existsSync(bundle) ? bundle : undefined,
    isSmoke: values.smoke,
    say,
  });
}

export async function readJson<T>(file: string): Promise<T> {
  return JSON.parse(await readFile(file, 'utf8'));
}
