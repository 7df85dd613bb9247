import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { describe, expect, test } from 'vitest';
import { temporaryDirectory } from './support/temporary-directory.ts';

// What is measured here says nothing: only that every benchmark still runs, and gets right answers.

const root = join(import.meta.dirname, '..');

/**
 * Runs a benchmark at its smallest size. Not by `bench/run.mjs`, which builds `dist` anew if it is out of date, under
 * the feet of the tests beside this one.
 */
async function smoke(name: string, folder: string, ...words: string[]) {
  const outfile = join(folder, `${name}.mjs`);
  const json = join(folder, 'report.json');
  await build({
    absWorkingDir: root,
    entryPoints: [`bench/${name}.ts`],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    banner: {
      js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);",
    },
  });
  const args = [outfile, '--smoke', '--work', folder, '--json', json, ...words];
  const env = { ...process.env, BENCH_ROOT: root };
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8', env });
  return { status, stdout, stderr, report: () => JSON.parse(readFileSync(json, 'utf8')) };
}

interface SmokeRow {
  readonly name: string;
  readonly failure?: string;
  readonly contenders: readonly {
    readonly name: string;
    readonly missing?: string;
    readonly rounds: unknown[];
  }[];
}

describe('the benchmarks', { timeout: 300_000 }, () => {
  test('measure every row, and leave none of the alternatives out without saying why', async () => {
    const { status, stdout, stderr, report } = await smoke('bench', temporaryDirectory());

    expect(status, stderr).toBe(0);
    const rows: SmokeRow[] = report().rows;
    expect(rows).toHaveLength(17);
    for (const { failure, contenders } of rows) {
      expect(failure).toBeUndefined();
      for (const { missing, rounds } of contenders)
        expect(rounds).toHaveLength(missing === undefined ? 1 : 0);
    }
    for (const { name } of rows) expect(stdout).toContain(`| ${name} `);
  });

  test('say what moved since an older run', async () => {
    const folder = temporaryDirectory();
    const old = join(folder, 'old.json');
    const first = await smoke('bench', folder, 'start');
    expect(first.status, first.stderr).toBe(0);
    const report = first.report();
    const { metrics } = report.rows[0].contenders[0];
    metrics.ms = { median: 1, min: 1, max: 1 };
    writeFileSync(old, JSON.stringify(report));

    const { status, stdout, stderr } = await smoke('bench', folder, 'start', '--compare', old);

    expect(status, stderr).toBe(0);
    expect(stdout).toMatch(
      /\| start \| serve, to its first answer: ms +\| 1 +\| [\d,]+ +\| [\d,]+ × +\| moved \|/,
    );
  });

  test('draw how things grow', async () => {
    const folder = temporaryDirectory();
    const svg = join(folder, 'growth.svg');

    const { status, stderr, report } = await smoke('growth', folder, '--svg', svg);

    expect(status, stderr).toBe(0);
    expect(report().sizes).toHaveLength(2);
    expect(readFileSync(svg, 'utf8')).not.toContain('NaN');
  });
});
