import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LoadPlan, LoadRequest, LoadResult } from './load-process.ts';
import { run } from './process.ts';
import { cpuSeconds } from './processes.ts';
import { findProgram } from './programs.ts';
import { roleProcess } from './roles.ts';
import type { Bench, Figures } from './scenario.ts';

/** Runs a plan in a process of its own; throws if one answer was not as it should be. */
export async function runLoad(bench: Bench, plan: LoadPlan): Promise<LoadResult> {
  const file = join(bench.directory, 'load.json');
  await writeFile(file, JSON.stringify({ role: 'load', settings: plan }));
  const { command, args, env } = roleProcess({ role: 'load', settings: undefined }, file);
  return JSON.parse((await run(command, args, { env })).stdout);
}

export interface Measured {
  readonly address: string;
  /** Of the process whose CPU time, with that of its descendants, is counted as well. */
  readonly pid?: number;
}

/**
 * The same requests again and again over kept connections, by wrk, the cheapest generator there is: it sees status and
 * length but no checksums, so before each measurement every request is made once and every byte of its answer
 * verified. Without wrk our own generator counts, which verifies a sample later, too.
 */
export async function measureThroughput(
  bench: Bench,
  { address: url, pid }: Measured,
  requests: readonly LoadRequest[],
  connections: number,
): Promise<Figures> {
  const plan = { url, requests, connections };
  const verifying = { ...plan, seconds: 'once', verifyEvery: 1 } as const;
  const verified = await runLoad(bench, verifying);
  return measureLoad(pid, () =>
    usesWrk(bench)
      ? runWrk(bench, plan, verified.bytes / verified.requests)
      : runLoad(bench, { ...plan, seconds: bench.size.seconds, verifyEvery: 16 }),
  );
}

/** The figures of a load, with the CPU time that the server takes for it. */
export async function measureLoad(
  pid: number | undefined,
  load: () => Promise<Pick<LoadResult, 'requests' | 'seconds' | 'p99Ms'>>,
): Promise<Figures> {
  const before = pid === undefined ? 0 : cpuSeconds(pid);
  const result = await load();
  return {
    'requests/s': result.requests / result.seconds,
    'p99 ms': result.p99Ms,
    ...(pid === undefined ? {} : { 'CPU µs/request': ((cpuSeconds(pid) - before) * 1e6) / result.requests }),
  };
}

function usesWrk(bench: Bench): boolean {
  return !bench.size.isSmoke && findProgram('wrk') !== undefined;
}

export const generatorNote = (bench: Bench): string =>
  usesWrk(bench)
    ? 'load: wrk, one thread, after a pass in which every answer was verified byte for byte'
    : 'load: our own generator (one process), which verifies a sample of answers byte for byte';

async function runWrk(
  bench: Bench,
  { url, requests, connections }: Omit<LoadPlan, 'seconds' | 'verifyEvery'>,
  meanBytes: number,
): Promise<Pick<LoadResult, 'requests' | 'seconds' | 'p99Ms'>> {
  const script = join(bench.directory, 'wrk.lua');
  await writeFile(script, luaScript(requests));
  const seconds = Math.ceil(bench.size.seconds);
  const { stdout } = await run(findProgram('wrk') ?? 'wrk', [
    ...['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '30s', '-s', script, url],
  ]);
  const result = JSON.parse(/^RESULT (.*)$/m.exec(stdout)?.[1] ?? 'null') as WrkResult | null;
  if (!result || result.requests === 0) throw new Error(`wrk measured nothing:\n${stdout}`);
  if (result.errors > 0) throw new Error(`${result.errors} answers were errors:\n${stdout}`);
  // Heads come on top of bodies; a body cut short or missing would show as less.
  if (result.requests > 1000 && result.bytes / result.requests < meanBytes * 0.8)
    throw new Error(`answers had ${result.bytes / result.requests} bytes, not ${meanBytes}`);
  return { requests: result.requests, seconds: result.microseconds / 1e6, p99Ms: result.p99 / 1000 };
}

interface WrkResult {
  readonly requests: number;
  readonly bytes: number;
  readonly microseconds: number;
  readonly errors: number;
  /** Microseconds. */
  readonly p99: number;
}

/** Requests are formatted before the clock runs; bytes are escaped, since bodies are binary. */
function luaScript(requests: readonly LoadRequest[]): string {
  const items = requests.map(({ method, path, headers = {}, bodyBase64 }) => {
    const pairs = Object.entries(headers).map(([name, value]) => `[${lua(name)}]=${lua(value)}`);
    const body = bodyBase64 === undefined ? 'nil' : lua(Buffer.from(bodyBase64, 'base64').toString('latin1'));
    return `{${lua(method)},${lua(path)},{${pairs.join(',')}},${body}}`;
  });
  return `
local items = {${items.join(',\n')}}
local ready, position = {}, 0
function init(args)
  for i, item in ipairs(items) do ready[i] = wrk.format(item[1], item[2], item[3], item[4]) end
end
function request()
  position = position % #ready + 1
  return ready[position]
end
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('RESULT {"requests":%d,"bytes":%d,"microseconds":%d,"errors":%d,"p99":%f}\\n',
    summary.requests, summary.bytes, summary.duration,
    e.connect + e.read + e.write + e.status + e.timeout, latency:percentile(99)))
end
`;
}

/** Latin-1 text as a Lua string of its bytes. */
function lua(text: string): string {
  const escaped = [...Buffer.from(text, 'latin1')].map((byte) =>
    byte >= 32 && byte < 127 && byte !== 34 && byte !== 92
      ? String.fromCharCode(byte)
      : `\\${String(byte).padStart(3, '0')}`,
  );
  return `"${escaped.join('')}"`;
}
