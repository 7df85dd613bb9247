/**
 * How fast we are next to what a user could put in our place: `npm run bench [-- ROW…] [--rounds N] [--json FILE]
 * [--compare OLD.json] [--smoke] [--profiles FOLDER]`. docs/benchmarks.md tells how to read it.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import pLimit from 'p-limit';
import { archive, archiveAll, fetchThrough } from './rows/archives.ts';
import { nothing, publish } from './rows/changes.ts';
import { hostile } from './rows/hostile.ts';
import { hosting, tokens, visible } from './rows/hosting.ts';
import { mirrorFull, mirrorLatency } from './rows/mirror.ts';
import { clone, cloneLarge, updateFive, updateOne } from './rows/packs.ts';
import { memory, start } from './rows/process.ts';
import { describeMachine } from './support/about.ts';
import { formatMoves } from './support/compare.ts';
import { commonOptions, createScratch, openWorlds, readJson, say } from './support/options.ts';
import { formatReport, measureRow, type Report, type Row } from './support/report.ts';
import { createResources } from './support/resources.ts';
import { playRole } from './support/roles.ts';
import type { Bench, BenchSize, Scenario } from './support/scenario.ts';

const scenarios: readonly Scenario[] = [
  clone,
  cloneLarge,
  updateOne,
  updateFive,
  archive,
  archiveAll,
  fetchThrough,
  mirrorFull,
  mirrorLatency,
  nothing,
  publish,
  hosting,
  visible,
  tokens,
  start,
  memory,
  hostile,
];

if (!(await playRole())) process.exitCode = await main();

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      ...commonOptions,
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      compare: { type: 'string' },
      profiles: { type: 'string' },
    },
  });
  const chosen = scenarios.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  const unknown = positionals.filter((word) => !scenarios.some(({ name }) => name === word));
  if (unknown.length > 0) {
    say(`no such row: ${unknown.join(', ')}; rows: ${scenarios.map(({ name }) => name).join(', ')}`);
    return 2;
  }
  const size: BenchSize = values.smoke
    ? { isSmoke: true, seconds: 0.2, smallScale: 0.01, largeScale: 0.02, downloads: 30 }
    : {
        isSmoke: false,
        seconds: Number(values.seconds ?? 4),
        smallScale: 1,
        largeScale: 100,
        downloads: 1000,
      };
  const rounds = Number(values.rounds ?? (values.smoke ? 1 : 5));
  const scratch = await createScratch(values.work);
  const profiles = values.profiles === undefined ? undefined : resolve(values.profiles);
  const setting = { worlds: openWorlds(values), size, program: resolve(values.program), scratch, profiles };
  // A smoke run measures nothing, so its rows may disturb each other.
  const inTurn = pLimit(values.smoke ? 4 : 1);
  const rows = await Promise.all(
    chosen.map((scenario) => inTurn(() => runScenario(scenario, setting, rounds))),
  );
  const about = { ...(await describeMachine()), rounds, smoke: values.smoke };
  const report: Report = { format: 1, about, rows };
  console.log(formatReport(report));
  if (values.compare !== undefined) console.log(`\n${formatMoves(await readJson(values.compare), report)}`);
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(report, undefined, 1)}\n`);
  return rows.some(({ failure }) => failure !== undefined) ? 1 : 0;
}

async function runScenario(
  scenario: Scenario,
  setting: Omit<Bench, 'directory' | 'resources' | 'say'>,
  rounds: number,
): Promise<Row> {
  say(`${scenario.name}: ${scenario.title}`);
  const resources = createResources();
  const directory = await mkdtemp(join(setting.scratch, `${scenario.name}-`));
  try {
    const prepared = await scenario.prepare({ ...setting, directory, resources, say });
    return await measureRow(scenario, prepared, rounds);
  } catch (error) {
    const failure = error instanceof Error ? (error.stack ?? error.message) : String(error);
    say(failure);
    return {
      name: scenario.name,
      title: scenario.title,
      notes: [],
      contenders: [],
      comparisons: [],
      failure,
    };
  } finally {
    await resources.close();
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  }
}
