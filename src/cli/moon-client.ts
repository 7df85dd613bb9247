/** How the stock `moon` client is pointed at a registry. */
import { join } from 'node:path';
import type { CommandIo } from './io.ts';

/** Where moon looks first: if this file exists, it never reads `MOONCAKES_REGISTRY` (moon-protocol §1). */
export function clientConfigFile(io: CommandIo): string {
  return join(io.env.MOON_HOME || join(io.homeDirectory, '.moon'), 'config.json');
}

/**
 * The content of `config.json` that every generation of moon understands: the older read `registry`, `index` and
 * `symbols`, the newer `api`, `index` and `download` (moon-protocol §1, trap 20).
 */
export function formatClientConfig(url: string): string {
  const keys = {
    registry: url,
    index: `${url}/git/index`,
    symbols: `${url}/symbols.zip`,
    api: url,
    download: url,
  };
  return JSON.stringify(keys, null, 2);
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
