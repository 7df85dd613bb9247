/**
 * How fast `mirror --full` is, next to curl on the same source: `npm run bench:mirror`.
 *
 * The source is a process of its own that waits 20 ms before it answers any request, and serves a generated world of
 * the official index's shape. curl gets a ready list of addresses, and neither verifies nor syncs what it writes.
 */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text as readText } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import type { MirrorReport } from '../src/registry/mirror/mirror-report.ts';
import { startUpstreamRegistry, type UpstreamRegistry } from '../test/worlds/upstream-registry.ts';
import { generateWorld } from '../test/worlds/world-generator.ts';

const folder = process.env.BENCH_FOLDER ?? '';
const command = join(process.env.BENCH_ROOT ?? '', 'dist', 'main.js');
const newcomer = { module: 'moonbitlang/just-published', version: '0.1.0' };

const { values } = parseArgs({
  options: {
    modules: { type: 'string', default: '887' },
    rounds: { type: 'string', default: '3' },
    jobs: { type: 'string', default: '16' },
    'latency-ms': { type: 'string', default: '20' },
    /** Adopts this index, a git bundle or repository, instead of generating one. */
    index: { type: 'string' },
    /** Internal: this is the process of the source. */
    source: { type: 'boolean', default: false },
  },
});

interface SourceFacts {
  readonly url: string;
  readonly indexUrl: string;
  readonly modules: number;
  readonly versions: number;
}

async function runSource(): Promise<void> {
  const upstream = await startUpstreamRegistry({ directory: join(folder, 'source') });
  const ids = await fill(upstream);
  const total = { modules: new Set(ids.map(([module]) => module)).size, versions: ids.length };
  await writeFile(join(folder, 'curl.config'), ids.map((id, at) => curlEntry(upstream.url, id, at)).join(''));
  upstream.faults.delayMs = Number(values['latency-ms']);
  process.on('message', () => {
    void upstream.publish(`${newcomer.module}@${newcomer.version}`).then(() => process.send?.('published'));
  });
  const facts: SourceFacts = { url: upstream.url, indexUrl: upstream.indexUrl, ...total };
  process.send?.(facts);
}

async function fill(upstream: UpstreamRegistry): Promise<(readonly [module: string, version: string])[]> {
  if (values.index === undefined) {
    const world = [...generateWorld({ seed: 'bench', modules: Number(values.modules) })];
    await upstream.publishMany(world);
    return world.map(({ module, version }) => [module, version]);
  }
  const { files } = await upstream.adoptIndex(values.index);
  return [...files.values()].flatMap((file) =>
    file
      .toString()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as { name: string; version: string })
      .map(({ name, version }) => [name, version] as const),
  );
}

function curlEntry(base: string, [module, version]: readonly [string, string], position: number): string {
  const target = [...module.split('/'), version].map(encodeURIComponent).join('/');
  return `url = "${base}/user/${target}.zip"\noutput = "${position}.zip"\n`;
}

interface Run {
  readonly seconds: number;
  /** Of the command's own process; git's are counted by their time only. */
  readonly peakMebibytes: number;
  readonly cpuSeconds: number;
  readonly downloaded: number;
  readonly bytes: number;
}

async function measure(): Promise<void> {
  const source = fork(process.argv[1] ?? '', [...process.argv.slice(2), '--source']);
  try {
    const [facts] = (await once(source, 'message')) as [SourceFacts];
    await writeFile(join(folder, 'usage.mjs'), usageRecorder);
    const [mirrors, curls]: [Run[], number[]] = [[], []];
    const registry = join(folder, 'registry');
    for (let round = 1; round <= Number(values.rounds); round++) {
      await createRegistry(registry, facts);
      mirrors.push(await runMirror(registry, facts.versions));
      curls.push(await runCurl(join(folder, 'curled')));
      console.error(
        `round ${round}: mirror ${mirrors.at(-1)?.seconds.toFixed(2)} s, curl ${curls.at(-1)?.toFixed(2)} s`,
      );
    }
    const idle: Run[] = [];
    for (let round = 1; round <= Number(values.rounds); round++) idle.push(await runMirror(registry, 0));
    await publishNewcomer(source);
    const fresh = await runMirror(registry, 1);
    print(facts, mirrors, curls, idle, fresh);
  } finally {
    source.kill();
  }
}

async function publishNewcomer(source: ChildProcess): Promise<void> {
  source.send('publish');
  await once(source, 'message');
}

async function createRegistry(directory: string, { url, indexUrl }: SourceFacts): Promise<void> {
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory);
  const lines = [
    '[[sources]]',
    'name = "main"',
    'type = "custom"',
    `url = "${url}"`,
    `index_url = "${indexUrl}"`,
  ];
  await writeFile(join(directory, 'registry.toml'), `${lines.join('\n')}\n`);
}

// Written at the command's end, by the command's own process.
const usageRecorder = `import { writeFileSync } from 'node:fs';
process.on('exit', () => writeFileSync(process.env.BENCH_USAGE, JSON.stringify(process.resourceUsage())));
`;

async function runMirror(directory: string, expected: number): Promise<Run> {
  const usageFile = join(folder, 'usage.json');
  const recorder = pathToFileURL(join(folder, 'usage.mjs'));
  const args = [
    `--import=${recorder}`,
    command,
    'mirror',
    '--full',
    '--json',
    '--quiet',
    '--jobs',
    values.jobs,
  ];
  const startedAt = performance.now();
  const child = spawn(process.execPath, args, {
    cwd: directory,
    env: { ...process.env, BENCH_USAGE: usageFile },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [output] = await Promise.all([readText(child.stdout), once(child, 'close')]);
  const seconds = (performance.now() - startedAt) / 1000;
  const usage = JSON.parse(await readFile(usageFile, 'utf8')) as NodeJS.ResourceUsage;
  const { sources, failed } = JSON.parse(output) as MirrorReport;
  const downloaded = sources.reduce((sum, summary) => sum + summary.downloaded, 0);
  if (failed.length > 0 || downloaded !== expected)
    throw new Error(`expected ${expected} downloads, got ${downloaded} and ${failed.length} failures`);
  return {
    seconds,
    peakMebibytes: usage.maxRSS / 1024,
    cpuSeconds: (usage.userCPUTime + usage.systemCPUTime) / 1e6,
    downloaded,
    bytes: sources.reduce((sum, summary) => sum + summary.bytes, 0),
  };
}

/** Seconds. */
async function runCurl(directory: string): Promise<number> {
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory);
  const args = ['--parallel', '--parallel-max', values.jobs, '--fail', '--no-progress-meter'];
  const startedAt = performance.now();
  const child = spawn('curl', [...args, '--config', join(folder, 'curl.config')], {
    cwd: directory,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`curl exited with ${code}`);
  return (performance.now() - startedAt) / 1000;
}

function print(
  facts: SourceFacts,
  mirrors: readonly Run[],
  curls: readonly number[],
  idle: readonly Run[],
  fresh: Run,
): void {
  const [first, second] = [middleOf(mirrors), middleOf(idle)];
  const curlSeconds = median(curls);
  const result = {
    modules: facts.modules,
    versions: facts.versions,
    mebibytes: round(first.bytes / 1024 / 1024),
    latencyMs: Number(values['latency-ms']),
    jobs: Number(values.jobs),
    rounds: Number(values.rounds),
    mirror: { ...first, versionsPerSecond: round(facts.versions / first.seconds) },
    curl: { seconds: round(curlSeconds), versionsPerSecond: round(facts.versions / curlSeconds) },
    ratio: round(first.seconds / curlSeconds),
    ratioByRound: mirrors.map(({ seconds }, at) => round(seconds / (curls[at] ?? Number.NaN))),
    again: second,
    againAfterOnePublication: { seconds: round(fresh.seconds), downloaded: fresh.downloaded },
  };
  console.log(
    [
      `${facts.modules} modules, ${facts.versions} versions, ${result.mebibytes} MiB; ${values['latency-ms']} ms added to each request`,
      '',
      row('', 'seconds', 'versions/s', 'peak MiB', 'CPU s'),
      row(
        'mirror --full',
        first.seconds,
        result.mirror.versionsPerSecond,
        first.peakMebibytes,
        first.cpuSeconds,
      ),
      row('curl --parallel', curlSeconds, result.curl.versionsPerSecond, '', ''),
      row('ratio', result.ratio, '', '', ''),
      row('mirror --full, again', second.seconds, '', second.peakMebibytes, second.cpuSeconds),
      row('… after a publication', fresh.seconds, '', fresh.peakMebibytes, fresh.cpuSeconds),
      '',
      JSON.stringify(result),
    ].join('\n'),
  );
}

function row(name: string, ...cells: readonly (string | number)[]): string {
  const shown = cells.map((cell) => (typeof cell === 'number' ? cell.toFixed(2) : cell).padStart(12));
  return name.padEnd(24) + shown.join('');
}

/** Medians, each figure by itself. */
function middleOf(runs: readonly Run[]) {
  const of = (figure: keyof Run) => round(median(runs.map((run) => run[figure])));
  return {
    seconds: of('seconds'),
    peakMebibytes: of('peakMebibytes'),
    cpuSeconds: of('cpuSeconds'),
    bytes: of('bytes'),
  };
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? Number.NaN) + (sorted[Math.ceil(middle)] ?? Number.NaN)) / 2;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

if (values.source) await runSource();
else await measure();
