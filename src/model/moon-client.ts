/** What the stock `moon` client reads to know its registry (moon-protocol §1): one variable, and a file that goes before it. */
import { parseJson } from '../support/parse-json.ts';
import { showUrl } from '../support/redact.ts';

/** The environment variable; without effect where `config.json` is there. */
export const registryVariable = 'MOONCAKES_REGISTRY';

/**
 * What `config.json` says to use the registry at `url`, for every generation of moon: the older read `registry`, `index` and
 * `symbols`, the newer `api`, `index` and `download` (moon-protocol, trap 20).
 */
export function clientConfigFor(url: string) {
  return {
    registry: url,
    index: `${url}/git/index`,
    symbols: `${url}/symbols.zip`,
    api: url,
    download: url,
  };
}

type Key = keyof ReturnType<typeof clientConfigFor>;

/** Where a `config.json` has clients publish: `undefined` where it does not say. */
export function publishAddressIn(text: string): string | undefined {
  const value = parseLeniently(text);
  const named = [value?.api, value?.registry].find((one) => typeof one === 'string');
  return named as string | undefined;
}

/** The token that a `credentials.json` holds. */
export function tokenIn(text: string): string | undefined {
  const value = parseLeniently(text) as { readonly token?: unknown } | undefined;
  return typeof value?.token === 'string' ? value.token : undefined;
}

export interface ClientConfigVerdict {
  readonly result: 'ok' | 'warning' | 'failure';
  /** What the file is, in words that follow a colon; holds no secret. */
  readonly what: string;
}

/** What a `config.json` makes of clients that are to use the registry at `url`. moon reads one of two forms, and panics on any other. */
export function judgeClientConfig(text: string, url: string): ClientConfigVerdict {
  const say = (result: ClientConfigVerdict['result'], what: string) => ({ result, what });
  const value = parseLeniently(text);
  if (value === undefined) return say('failure', 'it is not a JSON object, and moon panics');
  const has = (...keys: Key[]) => keys.every((key) => typeof value[key] === 'string');
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
function parseLeniently(text: string): Readonly<Partial<Record<Key, unknown>>> | undefined {
  const string = '("(?:\\\\.|[^"\\\\])*")';
  const comment = new RegExp(`${string}|//[^\\n]*|/\\*[\\s\\S]*?\\*/`, 'g');
  const lastComma = new RegExp(`${string}|,(?=\\s*[}\\]])`, 'g');
  const strict = text.replace(comment, (_, kept = ' ') => kept).replace(lastComma, (_, kept = '') => kept);
  const value = parseJson(strict);
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
}
