import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { HealthCheck } from '../../../model/health-check.ts';
import { hintFor } from '../../../support/disk/disk-hints.ts';
import { errorCode } from '../../../support/error-code.ts';
import { showUrl } from '../../../support/redact.ts';

/** How `moon` on this machine is set up, and how it should be. */
export interface ClientSide {
  /** `config.json` in moon's home; `undefined` for a user without one. */
  readonly configFile: string | undefined;
  /** This registry's address for clients. */
  readonly url: string;
  /** What `config.json` should say to use it. */
  readonly wantedConfig: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export async function checkClient(client: ClientSide): Promise<HealthCheck[]> {
  return [await checkClientConfig(client), await checkClientVersion(client.env)];
}

async function checkClientConfig(client: ClientSide): Promise<HealthCheck> {
  try {
    const { configFile } = client;
    if (configFile === undefined) return withoutConfig(client);
    return judgeClientConfig(await readFile(configFile, 'utf8'), { ...client, configFile });
  } catch (error) {
    const code = errorCode(error);
    if (code === undefined) throw error;
    if (['ENOENT', 'ENOTDIR'].includes(code)) return withoutConfig(client);
    const detail = `${client.configFile} cannot be read (${code}), so nobody can tell which registry moon uses here`;
    return { name: 'moon: config.json', result: 'warning', detail, hint: hintFor(code) };
  }
}

function withoutConfig({ url, env }: ClientSide): HealthCheck {
  const { MOONCAKES_REGISTRY: variable } = env;
  const detail =
    variable === undefined
      ? `there is no config.json: MOONCAKES_REGISTRY=${url} points moon here`
      : `there is no config.json: MOONCAKES_REGISTRY counts, and is ${showUrl(variable)}`;
  return { name: 'moon: config.json', result: 'ok', detail };
}

/** moon reads `config.json` before the environment, in one of two forms, and panics on any other (moon-protocol §1). */
export function judgeClientConfig(
  text: string,
  { configFile, url, wantedConfig }: Omit<ClientSide, 'env' | 'configFile'> & { readonly configFile: string },
): HealthCheck {
  const say = (result: HealthCheck['result'], what: string): HealthCheck => ({
    name: 'moon: config.json',
    result,
    detail: `${configFile} exists, so moon ignores MOONCAKES_REGISTRY: ${what}`,
    ...(result === 'ok' ? {} : { hint: `put this into it:\n${wantedConfig}` }),
  });
  const value = parseLeniently(text);
  if (value === undefined) return say('failure', 'it is not a JSON object, and moon panics');
  const has = (...keys: string[]) => keys.every((key) => typeof value[key] === 'string');
  const isLegacy = has('registry', 'index');
  const isSplit = has('api', 'index', 'download');
  if (!isLegacy && !isSplit)
    return say(
      'failure',
      'it has neither "registry" and "index" nor "api", "index" and "download", and moon panics',
    );
  const bases = [value.registry, value.api, value.download].filter((base) => typeof base === 'string');
  const other = bases.find((base) => base.replace(/\/+$/, '') !== url);
  if (other !== undefined) return say('warning', `it names ${showUrl(other)}, and not this registry, ${url}`);
  if (!isLegacy) return say('warning', 'it lacks "registry", and clients built before 28 August 2026 panic');
  if (!has('symbols'))
    return say('warning', 'it lacks "symbols", and older clients ask mooncakes.io for symbols.zip');
  if (!isSplit) return say('ok', 'it names this registry in the older form, which every client reads');
  return say('ok', 'it names this registry, for clients of every date');
}

/** Comments and commas before a closing bracket are allowed there. */
function parseLeniently(text: string): Record<string, unknown> | undefined {
  const withoutComments = text.replace(
    /("(?:\\.|[^"\\])*")|\/\/[^\n]*|\/\*[\s\S]*?\*\//g,
    (_, string?: string) => string ?? ' ',
  );
  const strict = withoutComments.replace(
    /("(?:\\.|[^"\\])*")|,(?=\s*[}\]])/g,
    (_, string?: string) => string ?? '',
  );
  try {
    const value: unknown = JSON.parse(strict);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

async function checkClientVersion(env: ClientSide['env']): Promise<HealthCheck> {
  try {
    const { stdout } = await promisify(execFile)('moon', ['version'], { env: { ...env }, timeout: 5000 });
    return judgeClientVersion(stdout);
  } catch (error) {
    if (errorCode(error) === 'ENOENT')
      return { name: 'moon: version', result: 'ok', detail: 'moon is not in PATH here' };
    return {
      name: 'moon: version',
      result: 'warning',
      detail: '"moon version" failed',
      hint: 'run it, and see',
    };
  }
}

/** What a client built before a day cannot do (moon-protocol §0), the gravest first. */
const limits = [
  { before: '20260717', what: 'fetches archives from mooncakes.io, whatever registry it is given' },
  { before: '20260805', what: 'does not verify the archives it downloads' },
  { before: '20260813', what: 'asks mooncakes.io for symbols.zip' },
] as const;

/** `answer` is what `moon version` prints; the third number is the day the client was built. */
export function judgeClientVersion(answer: string): HealthCheck {
  const name = 'moon: version';
  const built = /\b\d+\.\d+\.(20\d{6})\b/.exec(answer);
  const day = built?.[1];
  if (!built || day === undefined)
    return { name, result: 'warning', detail: '"moon version" says nothing that looks like one' };
  const applying = limits.filter(({ before }) => day < before);
  if (applying.length === 0) return { name, result: 'ok', detail: built[0] };
  return {
    name,
    result: 'warning',
    detail: `moon ${built[0]} ${applying.map(({ what }) => what).join(', and ')}`,
    hint: 'moon upgrade',
  };
}
