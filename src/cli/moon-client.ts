/** How the stock `moon` client is pointed at a registry. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { clientConfigFor, judgeClientConfig } from '../model/moon-client.ts';
import { isFileFailure } from '../support/disk/disk-errors.ts';
import { errorCode } from '../support/error-code.ts';
import type { CommandIo } from './io.ts';

/** Where moon looks first, `undefined` for a user without a home: if this file exists, it never reads `MOONCAKES_REGISTRY` (moon-protocol §1). */
export function clientConfigFile(io: CommandIo): string | undefined {
  return moonFile(io, 'config.json');
}

/** A file in the folder where moon keeps what is its user's. */
export function moonFile(io: CommandIo, name: 'config.json' | 'credentials.json'): string | undefined {
  const home = io.env.MOON_HOME ? undefined : io.homeDirectory();
  const folder = io.env.MOON_HOME || (home && join(home, '.moon'));
  return folder && join(folder, name);
}

/** What moon's `config.json` says about a registry. */
export interface ClientConfig {
  readonly file: string;
  /** `other`: it names another registry, or not all that clients of every date need. */
  readonly verdict: 'absent' | 'this-registry' | 'other';
}

/** Reads what decides over `MOONCAKES_REGISTRY`: whether clients that do as it says use the registry at `url`. */
export function readClientConfig(io: CommandIo, url: string): ClientConfig {
  const file = clientConfigFile(io);
  if (file === undefined) return { file: 'config.json', verdict: 'absent' };
  try {
    const judged = judgeClientConfig(readFileSync(file, 'utf8'), url);
    return { file, verdict: judged.result === 'ok' ? 'this-registry' : 'other' };
  } catch (error) {
    if (!isFileFailure(error)) throw error;
    return { file, verdict: ['ENOENT', 'ENOTDIR'].includes(errorCode(error) ?? '') ? 'absent' : 'other' };
  }
}

/** The content of `config.json` that points every generation of moon at a registry. */
export function formatClientConfig(url: string): string {
  return JSON.stringify(clientConfigFor(url), null, 2);
}

/** An address of this machine, as `os.networkInterfaces` tells of it. */
export interface MachineAddress {
  readonly address: string;
  readonly family: string;
  readonly internal: boolean;
}

/** What listens on every address has none that says so. */
const everyAddress = new Set(['0.0.0.0', '::', '[::]', '']);

/** Whether a server that listens at `host` is reached by other machines, at whatever address they have for this one. */
function listensEverywhere(host: string): boolean {
  return everyAddress.has(host);
}

/**
 * An address at which other machines may reach a server that listens on every address: of the first network, IPv4 before
 * IPv6; `undefined` where this machine is in none. A server that listens at one address is reached there.
 */
export function sharedUrl(
  host: string,
  port: number,
  addresses: readonly MachineAddress[],
): string | undefined {
  if (!listensEverywhere(host)) return localUrl(host, port);
  const usable = addresses.filter(
    ({ address, internal }) => !internal && !/^(?:fe80:|169\.254\.)/i.test(address),
  );
  const isOld = ({ family }: MachineAddress) => family === 'IPv4';
  const best = usable.find(isOld) ?? (host === '0.0.0.0' ? undefined : usable[0]);
  return best && localUrl(best.address, port);
}

/** The address that clients are to use, as the settings have it. */
export function clientUrl({
  baseUrl,
  host,
  port,
}: Pick<Config['server'], 'baseUrl' | 'host' | 'port'>): string {
  return baseUrl ?? localUrl(host, port);
}

const thisMachine = new Set(['localhost', '127.0.0.1', '0.0.0.0', '::', '::1']);

/**
 * The address for clients of a server on this machine: `localhost` whatever it listens on, since moon clones anew
 * whenever the address changes by a letter (moon-protocol §2.1).
 */
export function localUrl(host: string, port: number): string {
  const name = thisMachine.has(host) ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  return `http://${name}:${port}`;
}
