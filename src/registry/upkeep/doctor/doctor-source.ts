import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { connect, isIP } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { SourceConfig } from '../../../config/config.ts';
import type { HealthCheck } from '../../../model/health-check.ts';
import { createTlsReader } from '../../../sources/tls-files.ts';
import { userAgentOf } from '../../../sources/user-agent.ts';
import { errorCode } from '../../../support/error-code.ts';
import { anyDestination } from '../../../support/net/destination.ts';
import { createHttpClient } from '../../../support/net/fetch-http.ts';
import { proxyFor, type Route } from '../../../support/net/proxy.ts';
import { secureContextOf, type TlsSettings } from '../../../support/net/tls-settings.ts';
import { shellLine } from '../../../support/shell.ts';
import type { SourceCheck } from '../../sync/check-source.ts';
import { judgeNewestLines } from '../../sync/newer-format.ts';
import { containCheck } from './contain-check.ts';
import { checkCredentials, checkIdentity, inDays } from './doctor-credentials.ts';

/** How far this machine's clock is ahead of what one source's server says; negative: behind. */
export interface ClockReading {
  readonly source: string;
  readonly aheadMs: number;
}

export interface SourceLook {
  readonly checks: readonly HealthCheck[];
  readonly clocks: readonly ClockReading[];
}

/** As `Operating` has it. */
interface Checking {
  readonly checkSources: (name?: string) => Promise<readonly SourceCheck[]>;
}

interface Options {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly now: () => number;
  /** Absent: only the network is looked at. */
  readonly registry: Checking | undefined;
}

const connectTimeoutMs = 5000;
const slowMs = 2000;
const day = 24 * 60 * 60 * 1000;
const certificateWarningMs = 14 * day;
const clockToleranceMs = 60_000;

/** Name, connection, certificate, credentials, index and one archive of a source, as far as each makes sense. */
export async function lookAtSource(source: SourceConfig, options: Options): Promise<SourceLook> {
  const about = `source ${source.name}`;
  if (!source.enabled)
    return { checks: [{ name: about, result: 'ok', detail: 'disabled, not asked' }], clocks: [] };
  const read = await createTlsReader(source)();
  const tls = read.kind === 'ready' ? read.settings : undefined;
  const checks = await Promise.all([
    containCheck(`${about}: network`, async () =>
      (await Promise.all(hostsOf(source).map((host) => lookAtHost(about, host, tls, options)))).flat(),
    ),
    containCheck(`${about}: credentials`, () => checkCredentials(source, options.env)),
    containCheck(`${about}: client certificate`, () => checkIdentity(source, options.now())),
  ]).then((found) => found.flat());
  if (checks.some(({ result }) => result === 'failure')) return { checks, clocks: [] };
  const [content, clocks] = await Promise.all([
    containCheck(`${about}: index`, () => checkContent(source, options.registry)),
    // A time that cannot be had is compared with nothing.
    readClock(source, tls, options).catch(() => []),
  ]);
  return { checks: [...checks, ...content], clocks };
}

interface Host {
  readonly name: string;
  readonly port: number;
  readonly scheme: 'http' | 'https' | 'ssh';
}

function hostsOf({ url, indexUrl, downloadUrl }: SourceConfig): Host[] {
  const hosts = [indexUrl, downloadUrl, url].flatMap((address) => readHost(address) ?? []);
  return [...new Map(hosts.map((host) => [JSON.stringify(host), host])).values()];
}

function readHost(address: string): Host | undefined {
  const short = /^[^/@:]+@([^/:]+):/.exec(address)?.[1];
  if (short !== undefined && !URL.canParse(address)) return { name: short, port: 22, scheme: 'ssh' };
  const { protocol, hostname, port } = new URL(address);
  const name = hostname.replace(/^\[|\]$/g, '');
  switch (protocol) {
    case 'https:':
      return { name, port: Number(port || 443), scheme: 'https' };
    case 'http:':
      return { name, port: Number(port || 80), scheme: 'http' };
    case 'ssh:':
      return { name, port: Number(port || 22), scheme: 'ssh' };
    default:
      return undefined;
  }
}

async function lookAtHost(
  about: string,
  host: Host,
  tls: TlsSettings | undefined,
  { env, now }: Options,
): Promise<HealthCheck[]> {
  const where = `${host.name}:${host.port}`;
  const route = routeTo(host, env);
  const name = `${about}: network`;
  if (route.kind === 'proxy') return [{ name, result: 'ok', detail: `${where} is reached through a proxy` }];
  if (route.kind === 'unusable')
    return [{ name, result: 'failure', detail: route.problem, hint: 'correct the variable, or unset it' }];
  const address = await checkName(about, host.name);
  if (address.result !== 'ok') return [address];
  const reached = await checkConnection(about, host);
  if (reached.result !== 'ok' || host.scheme !== 'https') return [address, reached];
  return [address, reached, await checkCertificate(about, host, tls, now())];
}

function routeTo({ name, port, scheme }: Host, env: Options['env']): Route {
  if (scheme === 'ssh') return { kind: 'direct' };
  return proxyFor(new URL(`${scheme}://${isIP(name) === 6 ? `[${name}]` : name}:${port}`), env);
}

async function checkName(about: string, name: string): Promise<HealthCheck> {
  try {
    const addresses = await lookup(name, { all: true });
    const detail = `${name} is ${addresses.map(({ address }) => address).join(', ')}`;
    return { name: `${about}: DNS`, result: 'ok', detail };
  } catch (error) {
    return {
      name: `${about}: DNS`,
      result: 'failure',
      detail: `${name} does not resolve (${errorCode(error) ?? 'unexpected failure'})`,
      hint: 'see whether the address in registry.toml is right, and which name servers this machine asks',
    };
  }
}

async function checkConnection(about: string, { name, port }: Host): Promise<HealthCheck> {
  const startedAt = performance.now();
  const signal = AbortSignal.timeout(connectTimeoutMs);
  const socket = connect({ host: name, port });
  try {
    await once(socket, 'connect', { signal });
    const detail = `${name}:${port} accepts connections (${Math.round(performance.now() - startedAt)} ms)`;
    return { name: `${about}: TCP`, result: 'ok', detail };
  } catch (error) {
    const reason = signal.aborted ? `nothing within ${connectTimeoutMs} ms` : errorCode(error);
    return {
      name: `${about}: TCP`,
      result: 'failure',
      detail: `${name}:${port} cannot be connected to (${reason ?? 'unexpected failure'})`,
      hint: 'see whether a firewall stands between, or a proxy is needed (HTTPS_PROXY)',
    };
  } finally {
    socket.destroy();
  }
}

async function checkCertificate(
  about: string,
  { name, port }: Host,
  tls: TlsSettings | undefined,
  now: number,
): Promise<HealthCheck> {
  const signal = AbortSignal.timeout(connectTimeoutMs);
  // Looked at even where it is not valid, to say why; nothing is sent.
  const servername = isIP(name) === 0 ? { servername: name } : {};
  const secured = tls === undefined ? {} : { secureContext: secureContextOf(tls) };
  const socket = connectTls({ host: name, port, rejectUnauthorized: false, ...servername, ...secured });
  try {
    await once(socket, 'secureConnect', { signal });
    const refusal = socket.authorized ? undefined : String(socket.authorizationError);
    return judgeCertificate(about, name, socket.getPeerCertificate().valid_to, refusal, now);
  } catch (error) {
    const reason = signal.aborted ? `nothing within ${connectTimeoutMs} ms` : errorCode(error);
    const detail = `${name} does not speak TLS (${reason ?? 'unexpected failure'})`;
    return { name: `${about}: TLS`, result: 'failure', detail };
  } finally {
    socket.destroy();
  }
}

/** `validTo` as in the certificate; `refusal` is why it was not accepted. */
export function judgeCertificate(
  about: string,
  host: string,
  validTo: string,
  refusal: string | undefined,
  now: number,
): HealthCheck {
  const name = `${about}: TLS`;
  const left = Date.parse(validTo) - now;
  const days = Math.floor(left / day);
  if (left < 0)
    return {
      name,
      result: 'failure',
      detail: `the certificate of ${host} ended ${inDays(-days)} ago`,
      hint: 'its operator has to renew it',
    };
  if (refusal !== undefined)
    return {
      name,
      result: 'failure',
      detail: `the certificate of ${host} is not trusted (${refusal})`,
      hint: 'for a private authority, name its certificate in NODE_EXTRA_CA_CERTS, or for this source in [sources.tls] as ca',
    };
  const detail = `the certificate of ${host} is good for ${inDays(days)}`;
  if (left >= certificateWarningMs) return { name, result: 'ok', detail };
  return { name, result: 'warning', detail, hint: 'its operator has to renew it' };
}

async function checkContent(source: SourceConfig, registry: Checking | undefined): Promise<HealthCheck[]> {
  if (!registry) return [];
  const [check] = await registry.checkSources(source.name);
  if (!check) return [];
  const checks = check.steps.map(
    ({ step, ok, detail }): HealthCheck => ({
      name: `source ${source.name}: ${step}`,
      result: ok ? 'ok' : 'failure',
      detail,
      // What was refused says itself which credentials to set.
      ...(ok || step === 'authenticate'
        ? {}
        : { hint: shellLine`moonbit-registry source check ${source.name}` }),
    }),
  );
  if (check.newest) checks.push(...judgeNewestLines(source.name, check.newest));
  const { latencyMs = 0 } = check;
  if (latencyMs <= slowMs) return checks;
  return [
    ...checks,
    {
      name: `source ${source.name}: latency`,
      result: 'warning',
      detail: `it takes ${Math.round(latencyMs)} ms to answer`,
      hint: 'mirror what clients need, so that they do not wait for it',
    },
  ];
}

/** Any answer has a `Date`, so nothing but a `HEAD` without credentials is needed. */
async function readClock(
  source: SourceConfig,
  tls: TlsSettings | undefined,
  { env, now }: Options,
): Promise<ClockReading[]> {
  if (!/^https?:/i.test(source.url)) return [];
  const timeouts = { connectMs: connectTimeoutMs, firstByteMs: 10_000, totalMs: 15_000 };
  const http = createHttpClient({
    userAgent: userAgentOf(source),
    timeouts,
    environment: env,
    destinations: anyDestination,
  });
  try {
    const sentAt = now();
    const request = { url: source.url, method: 'HEAD', tls, retries: 0, maxRedirects: 0 } as const;
    const result = await http.request(request);
    if (result.kind !== 'response') return [];
    const arrivedAt = now();
    result.response.discard();
    const stated = Date.parse(result.response.headers.date ?? '');
    if (Number.isNaN(stated)) return [];
    // Half a second, as the header counts whole ones.
    return [{ source: source.name, aheadMs: (sentAt + arrivedAt) / 2 - (stated + 500) }];
  } finally {
    await http.close();
  }
}

/** A wrong clock of one server is that server's; when most say the same, it is ours. */
export function checkClock(readings: readonly ClockReading[]): HealthCheck {
  const name = 'clock';
  const sorted = [...readings].sort((a, b) => a.aheadMs - b.aheadMs);
  const middle = sorted[Math.floor((sorted.length - 1) / 2)];
  if (!middle) return { name, result: 'ok', detail: 'no source told the time, so it was not compared' };
  const seconds = Math.round(Math.abs(middle.aheadMs) / 1000);
  if (Math.abs(middle.aheadMs) <= clockToleranceMs)
    return { name, result: 'ok', detail: `within ${Math.max(seconds, 1)} s of what sources say` };
  const direction = middle.aheadMs > 0 ? 'ahead of' : 'behind';
  return {
    name,
    result: 'warning',
    detail: `${seconds} s ${direction} what "${middle.source}" says`,
    hint: 'let this machine follow a time server (NTP): certificates and recorded times depend on it',
  };
}
