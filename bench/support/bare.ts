import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BareSettings } from './bare-process.ts';
import { type Server, startServer } from './process.ts';
import { roleProcess } from './roles.ts';
import type { Bench } from './scenario.ts';

/** Starts it in a process of its own. */
export async function startBare(bench: Bench, settings: BareSettings): Promise<Server> {
  const file = join(bench.directory, 'bare.json');
  await writeFile(file, JSON.stringify({ role: 'bare', settings }));
  const { command, args, env } = roleProcess({ role: 'bare', settings: undefined }, file);
  const server = await startServer(command, args, /bare server at (\S+)\n/, { env });
  bench.resources.add(() => server.stop());
  return server;
}
