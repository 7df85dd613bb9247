/** Whether the hosts of a source are reached: name, connection, certificate. */
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { SourceConfig } from '../../../config/config.ts';
import type { Environment } from '../../../support/environment.ts';
import { errorCode } from '../../../support/error-code.ts';
import { proxyFor } from '../../../support/net/proxy.ts';
import { secureContextOf, type TlsSettings } from '../../../support/net/tls-settings.ts';
import { judgeEnd } from './doctor-credentials.ts';
import { failure, ok, type Verdict } from './probe.ts';

interface Host {
  /** An IPv6 address without its brackets. */
  readonly name: string;
  readonly port: number;
  readonly scheme: keyof typeof usualPorts;
}

const usualPorts = { 'https:': 443, 'http:': 80, 'ssh:': 22 };
const connectTimeoutMs = 5000;

export function hostsOf({ url, indexUrl, downloadUrl }: SourceConfig): Host[] {
  const hosts = [indexUrl, downloadUrl, url].flatMap(readHost);
  return [...new Map(hosts.map((host) => [JSON.stringify(host), host])).values()];
}

function readHost(address: string): Host[] {
  const short = URL.canParse(address) ? undefined : /^[^/@:]+@([^/:]+):/.exec(address)?.[1];
  if (short !== undefined) return [{ name: short, port: usualPorts['ssh:'], scheme: 'ssh:' }];
  const { protocol, hostname, port } = new URL(address);
  if (!Object.hasOwn(usualPorts, protocol)) return [];
  const scheme = protocol as Host['scheme'];
  return [{ name: hostname.replace(/^\[|\]$/g, ''), port: Number(port || usualPorts[scheme]), scheme }];
}

/** Ends with the first verdict that is bad, as nothing beyond it can be told. `about` begins the names of the verdicts. */
export async function checkHost(
  about: string,
  host: Host,
  tls: TlsSettings | undefined,
  { env, now }: { readonly env: Environment; readonly now: () => number },
): Promise<Verdict[]> {
  const { name, port, scheme } = host;
  const route = scheme === 'ssh:' ? { kind: 'direct' as const } : proxyFor(addressOf(host), env);
  if (route.kind === 'proxy') return [ok(`${name}:${port} is reached through a proxy`)];
  if (route.kind === 'unusable') return [failure(route.problem, 'correct the variable, or unset it')];
  const steps = {
    DNS: checkName,
    TCP: checkConnection,
    ...(scheme === 'https:' ? { TLS: (one: Host) => checkCertificate(one, tls, now()) } : {}),
  };
  const verdicts: Verdict[] = [];
  for (const [step, check] of Object.entries(steps)) {
    const verdict = await check(host);
    verdicts.push({ ...verdict, name: `${about}: ${step}` });
    if (verdict.result !== 'ok') break;
  }
  return verdicts;
}

function addressOf({ name, port, scheme }: Host): URL {
  return new URL(`${scheme}//${isIP(name) === 6 ? `[${name}]` : name}:${port}`);
}

async function checkName({ name }: Host): Promise<Verdict> {
  try {
    const addresses = await lookup(name, { all: true });
    return ok(`${name} is ${addresses.map(({ address }) => address).join(', ')}`);
  } catch (error) {
    return failure(
      `${name} does not resolve (${errorCode(error) ?? 'unexpected failure'})`,
      'see whether the address in registry.toml is right, and which name servers this machine asks',
    );
  }
}

async function checkConnection({ name, port }: Host): Promise<Verdict> {
  const startedAt = performance.now();
  const socket = connect({ host: name, port });
  const problem = await problemOf(socket, 'connect');
  socket.destroy();
  if (problem === undefined)
    return ok(`${name}:${port} accepts connections (${Math.round(performance.now() - startedAt)} ms)`);
  return failure(
    `${name}:${port} cannot be connected to (${problem})`,
    'see whether a firewall stands between, or a proxy is needed (HTTPS_PROXY)',
  );
}

async function checkCertificate(
  { name, port }: Host,
  tls: TlsSettings | undefined,
  now: number,
): Promise<Verdict> {
  // Looked at even where it is not valid, to say why; nothing is sent.
  const servername = isIP(name) === 0 ? { servername: name } : {};
  const secured = tls === undefined ? {} : { secureContext: secureContextOf(tls) };
  const socket = connectTls({ host: name, port, rejectUnauthorized: false, ...servername, ...secured });
  try {
    const problem = await problemOf(socket, 'secureConnect');
    if (problem !== undefined) return failure(`${name} does not speak TLS (${problem})`);
    const refusal = socket.authorized ? undefined : String(socket.authorizationError);
    return judgeCertificate(name, socket.getPeerCertificate().valid_to, refusal, now);
  } finally {
    socket.destroy();
  }
}

/** Why a connection is not there in time; `undefined` if it is. */
async function problemOf(socket: Socket, event: 'connect' | 'secureConnect'): Promise<string | undefined> {
  const signal = AbortSignal.timeout(connectTimeoutMs);
  try {
    await once(socket, event, { signal });
    return undefined;
  } catch (error) {
    if (signal.aborted) return `nothing within ${connectTimeoutMs} ms`;
    return errorCode(error) ?? 'unexpected failure';
  }
}

/** `validTo` as in the certificate; `refusal` is why it was not accepted. */
export function judgeCertificate(
  host: string,
  validTo: string,
  refusal: string | undefined,
  now: number,
): Verdict {
  const subject = `the certificate of ${host}`;
  const ended = judgeEnd(subject, validTo, 'its operator has to renew it', now);
  if (ended.result === 'failure' || refusal === undefined) return ended;
  return failure(
    `${subject} is not trusted (${refusal})`,
    'for a private authority, name its certificate in NODE_EXTRA_CA_CERTS, or for this source in [sources.tls] as ca',
  );
}
