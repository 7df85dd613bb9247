/**
 * What grows with the index: `npm run bench:growth [-- --scales 1,10,100] [--json FILE] [--svg FILE] [--smoke]`.
 * Everything is measured at each scale in turn, several times; the medians are drawn.
 */
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { describeMachine } from './support/about.ts';
import { drawCharts } from './support/chart.ts';
import { commonOptions, createScratch, openWorlds, root, say } from './support/options.ts';
import { run } from './support/process.ts';
import { peakDuring, residentMiB } from './support/processes.ts';
import { createOurRegistry, type OurRegistry } from './support/registry.ts';
import { formatNumber, formatTable } from './support/report.ts';
import { createResources } from './support/resources.ts';
import { playRole } from './support/roles.ts';
import type { Bench, Figures } from './support/scenario.ts';
import { summarise } from './support/statistics.ts';
import { startUpstream } from './support/upstream.ts';
import type { Worlds } from './support/world.ts';

interface Size {
  readonly scale: number;
  readonly modules: number;
  readonly versions: number;
  readonly rounds: readonly Figures[];
  /** Medians. */
  readonly figures: Figures;
}

const drawn: readonly { title: string; metrics: Readonly<Record<string, string>> }[] = [
  {
    title: 'Changing the index (seconds)',
    metrics: {
      'first sync s': 'first sync',
      'no-op sync s': 'sync, nothing new',
      'one-change sync s': 'sync, one new version',
    },
  },
  {
    title: 'Starting and asking (seconds)',
    metrics: {
      'serve start s': 'serve, to its first answer',
      'explain s': 'explain',
      'source list s': 'source list',
      'cold clone s': 'clone --depth 1, answer not yet in memory',
      'warm clone s': 'clone --depth 1, answer in memory',
    },
  },
  {
    title: 'Resident memory (MiB)',
    metrics: {
      'first sync MiB': 'first sync, peak',
      'one-change sync MiB': 'sync of one new version, peak',
      'serve idle MiB': 'serve, idle',
      'serve peak MiB': 'serve, peak during two clones',
    },
  },
  {
    title: 'Bytes (MiB)',
    metrics: { 'clone MiB': 'clone --depth 1', 'repository MiB': 'data/index' },
  },
];

if (!(await playRole())) await main();

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      ...commonOptions,
      scales: { type: 'string' },
      rounds: { type: 'string' },
      svg: { type: 'string', default: join(root, 'docs', 'growth.svg') },
    },
  });
  const scales = (values.scales ?? (values.smoke ? '0.005,0.01' : '1,10,100')).split(',').map(Number);
  const worlds = openWorlds(values);
  const scratch = await createScratch(values.work);
  const sizes: Size[] = [];
  for (const scale of scales) {
    say(`at ${scale} ×`);
    const rounds = Number(values.rounds ?? (values.smoke ? 1 : scale >= 100 ? 3 : 5));
    sizes.push(await measureScale({ worlds, scale, rounds, scratch, program: resolve(values.program) }));
  }
  const about = { ...(await describeMachine()), smoke: values.smoke };
  console.log(formatSizes(sizes));
  if (values.json !== undefined)
    await writeFile(values.json, `${JSON.stringify({ format: 1, about, sizes }, undefined, 1)}\n`);
  await writeFile(values.svg, drawCharts(drawn.map(chartOf(sizes)), 'versions in the index'));
}

interface Setting {
  readonly worlds: Worlds;
  readonly scale: number;
  readonly rounds: number;
  readonly scratch: string;
  readonly program: string;
}

async function measureScale({ worlds, scale, rounds, scratch, program }: Setting): Promise<Size> {
  const world = await worlds.scaled(scale);
  const resources = createResources();
  const directory = await mkdtemp(join(scratch, `growth-${scale}-`));
  const bench: Bench = {
    worlds,
    program,
    directory,
    scratch,
    resources,
    say,
    size: { isSmoke: false, seconds: 0, smallScale: scale, largeScale: scale, downloads: 0 },
  };
  try {
    const upstream = await startUpstream(bench, world);
    const measured: Figures[] = [];
    for (let round = 0; round < rounds; round++) {
      const registry = await createOurRegistry(bench, upstream, `ours-${round}`);
      const syncs = await measureSyncs(registry, () => upstream.publish('moonbitlang/new', `1.0.${round}`));
      measured.push({ ...syncs, ...(await measureServing(registry)) });
      await rm(registry.directory, { recursive: true });
    }
    const figures = Object.fromEntries(
      Object.keys(measured[0] ?? {}).map((metric) => [
        metric,
        summarise(measured.map((one) => one[metric] ?? Number.NaN)).median,
      ]),
    );
    return { scale, modules: world.modules, versions: world.versions, rounds: measured, figures };
  } finally {
    await resources.close();
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function measureSyncs(registry: OurRegistry, publish: () => Promise<string>): Promise<Figures> {
  const first = await registry.watchedCommand('sync');
  const nothing = await registry.watchedCommand('sync');
  await publish();
  const change = await registry.watchedCommand('sync');
  const explain = await registry.command('explain', 'moonbitlang/new');
  const list = await registry.command('source', 'list');
  return {
    'first sync s': first.seconds,
    'first sync MiB': first.peakMiB,
    'no-op sync s': nothing.seconds,
    'one-change sync s': change.seconds,
    'one-change sync MiB': change.peakMiB,
    'explain s': explain.seconds,
    'source list s': list.seconds,
    'repository MiB': (await sizeOf(join(registry.directory, 'data', 'index'))) / 2 ** 20,
  };
}

async function measureServing(registry: OurRegistry): Promise<Figures> {
  const started = performance.now();
  const server = await registry.serve();
  const answer = await fetch(`${server.address}/git/index/info/refs?service=git-upload-pack`);
  await answer.arrayBuffer();
  const start = (performance.now() - started) / 1000;
  const idle = residentMiB(server.pid);
  const clone = async (name: string) => {
    const words = ['clone', '--quiet', '--bare', '--depth', '1', `${server.address}/git/index`, name];
    return (await run('git', words, { cwd: registry.directory })).seconds;
  };
  let [cold, warm] = [0, 0];
  const peak = await peakDuring(server.pid, async () => {
    cold = await clone('cold');
    warm = await clone('warm');
  });
  await server.stop();
  return {
    'serve start s': start,
    'serve idle MiB': idle,
    'serve peak MiB': peak,
    'cold clone s': cold,
    'warm clone s': warm,
    'clone MiB': (await sizeOf(join(registry.directory, 'warm', 'objects'))) / 2 ** 20,
  };
}

async function sizeOf(directory: string): Promise<number> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const sizes = entries
    .filter((entry) => entry.isFile())
    .map(async (entry) => (await stat(join(entry.parentPath, entry.name))).size);
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

function chartOf(sizes: readonly Size[]) {
  return ({ title, metrics }: (typeof drawn)[number]) => ({
    title,
    lines: Object.entries(metrics).map(([metric, label]) => ({
      label,
      points: sizes.map(({ versions, figures }) => ({ x: versions, y: figures[metric] ?? Number.NaN })),
    })),
  });
}

function formatSizes(sizes: readonly Size[]): string {
  const header = ['', ...sizes.map(({ scale }) => `${scale} ×`)];
  const rows = Object.keys(sizes[0]?.figures ?? {}).map((metric) => [
    metric,
    ...sizes.map(({ figures }) => formatNumber(figures[metric] ?? Number.NaN)),
  ]);
  const counts = (key: 'modules' | 'versions') => [key, ...sizes.map((size) => formatNumber(size[key]))];
  return formatTable(header, [counts('modules'), counts('versions'), ...rows]);
}
