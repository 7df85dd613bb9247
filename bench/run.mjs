// Runs bench/NAME.ts: Node 20 cannot run TypeScript, so it is bundled into a temporary file first.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { ensureBuilt, ensureInstalled, root } from '../scripts/ensure.mjs';

const [name, ...args] = process.argv.slice(2);
ensureInstalled();
ensureBuilt();
const folder = mkdtempSync(join(tmpdir(), 'moonbit-registry-bench-'));
const outfile = join(folder, `${name}.mjs`);
await build({
  absWorkingDir: root,
  entryPoints: [`bench/${name}.ts`],
  outfile,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  logLevel: 'warning',
  define: { __VERSION__: '"bench"' },
  banner: {
    js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);",
  },
});
const env = { ...process.env, BENCH_FOLDER: folder, BENCH_ROOT: root };
const child = spawn(process.execPath, [outfile, ...args], { stdio: 'inherit', env });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => {
  rmSync(folder, { recursive: true, force: true });
  process.exit(signal ? 1 : (code ?? 1));
});
