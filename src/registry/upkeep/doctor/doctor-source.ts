import type { SourceConfig } from '../../../config/config.ts';
import type { HealthCheck } from '../../../model/health-check.ts';
import { createTlsReader } from '../../../sources/tls-files.ts';
import type { Environment } from '../../../support/environment.ts';
import { shellLine } from '../../../support/shell.ts';
import type { SourceCheck } from '../../sync/check-source.ts';
import { judgeNewestLines } from '../../sync/newer-format.ts';
import { type ClockReading, readClock } from './doctor-clock.ts';
import { checkCredentials, checkIdentity } from './doctor-credentials.ts';
import { checkHost, hostsOf } from './doctor-network.ts';
import { failure, ok, runProbes, type Verdict, warning } from './probe.ts';

export interface SourceExamination {
  readonly checks: readonly HealthCheck[];
  /** Empty where the source told no time. */
  readonly clocks: readonly ClockReading[];
}

/** As `Operating` has it. */
interface Checking {
  readonly checkSources: (name?: string) => Promise<readonly SourceCheck[]>;
}

interface Options {
  readonly env: Environment;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Without it, only the network is looked at. */
  readonly registry: Checking | undefined;
}

const slowMs = 2000;

/** Name, connection, certificate, credentials, index and one archive of a source, as far as each makes sense. */
export async function examineSource(source: SourceConfig, options: Options): Promise<SourceExamination> {
  const about = `source ${source.name}`;
  if (!source.enabled) return { checks: [{ name: about, ...ok('disabled, not asked') }], clocks: [] };
  const { env, now, registry } = options;
  const read = await createTlsReader(source)();
  const tls = read.kind === 'ready' ? read.settings : undefined;
  const checks = await runProbes([
    {
      name: `${about}: network`,
      ask: async () =>
        (await Promise.all(hostsOf(source).map((host) => checkHost(about, host, tls, { env, now })))).flat(),
    },
    { name: `${about}: credentials`, ask: () => checkCredentials(source, env) },
    { name: `${about}: client certificate`, ask: () => checkIdentity(source, now()) },
  ]);
  if (checks.some(({ result }) => result === 'failure')) return { checks, clocks: [] };
  const [content, clocks] = await Promise.all([
    runProbes([{ name: `${about}: index`, ask: () => checkContent(source, registry) }]),
    // A time that cannot be had is compared with nothing.
    readClock(source, tls, { env, now }).catch(() => []),
  ]);
  return { checks: [...checks, ...content], clocks };
}

/** The steps of `source check`, and what else they tell. */
async function checkContent({ name }: SourceConfig, registry: Checking | undefined): Promise<Verdict[]> {
  const [check] = (await registry?.checkSources(name)) ?? [];
  if (!check) return [];
  const { steps, newest, latencyMs = 0 } = check;
  const look = shellLine`moonbit-registry source check ${name}`;
  const verdicts = steps.map(({ step, ok: isWell, detail }) => ({
    name: `source ${name}: ${step}`,
    // What was refused says itself which credentials to set.
    ...(isWell ? ok(detail) : failure(detail, step === 'authenticate' ? undefined : look)),
  }));
  const slowness = {
    name: `source ${name}: latency`,
    ...warning(
      `it takes ${Math.round(latencyMs)} ms to answer`,
      'mirror what clients need, so that they do not wait for it',
    ),
  };
  return [
    ...verdicts,
    ...(newest ? judgeNewestLines(name, newest) : []),
    ...(latencyMs > slowMs ? [slowness] : []),
  ];
}
