import { indexUrlProblem } from '../../../config/addresses.ts';
import type { SourceConfig } from '../../../config/config.ts';
import { RegistryError } from '../../../errors.ts';
import { transportOf } from '../../../sources/git-context.ts';
import type { Environment } from '../../../support/environment.ts';
import { GitError, runGit } from '../../../support/git/git.ts';
import { proxyFor } from '../../../support/net/proxy.ts';
import { showUrl } from '../../../support/redact.ts';
import { shellLine } from '../../../support/shell.ts';
import { type Verdict, warning } from './probe.ts';

/**
 * What the git configuration of whoever runs this says about the indexes of sources: other programs heed it, this one does not.
 * `refused`: sources that let nobody in, for which a credential helper may hold the key.
 */
export async function checkGitConfig(
  sources: readonly SourceConfig[],
  env: Environment,
  refused: ReadonlySet<string>,
): Promise<Verdict[]> {
  try {
    if (!concernsUs.test(await ask(['config', '--list', '--name-only', '-z'], env))) return [];
    const checks = sources
      .filter(({ enabled }) => enabled)
      .map(async (source) => judgeGitSettings(source, await readSettings(source, env), env, refused));
    return (await Promise.all(checks)).flat();
  } catch (error) {
    // Without git, or with a configuration that git cannot read, there is nothing to compare.
    if (error instanceof GitError || error instanceof RegistryError) return [];
    throw error;
  }
}

const concernsUs = /(?:^|\0)(?:url\..*\.insteadof|http\..*|credential\..*|core\.sshcommand)(?=\0)/i;

/** What git, left alone, would do for one address. */
interface GitSettings {
  /** The address after `url.*.insteadOf`. */
  readonly address: string;
  /** What counts for it of `http.*`, `credential.*` and `core.sshcommand`, by names in lower case. */
  readonly values: ReadonlyMap<string, string>;
}

/** git itself says what of its configuration counts for an address. */
async function readSettings({ indexUrl }: SourceConfig, env: Environment): Promise<GitSettings> {
  const queries =
    transportOf(indexUrl) === 'http'
      ? ['http', 'credential'].map((section) => ['--get-urlmatch', section, indexUrl])
      : [['--get-regexp', '^core\\.sshcommand$']];
  const [address, ...found] = await Promise.all([
    ask(['ls-remote', '--get-url', '--', indexUrl], env),
    // It ends with 1 where there is nothing.
    ...queries.map((query) => ask(['config', '-z', ...query], env).catch(emptyIfNone)),
  ]);
  const pairs = found.flatMap((text) => text.split('\0')).filter((pair) => pair !== '');
  return { address: address.trim(), values: new Map(pairs.map(splitPair)) };
}

function splitPair(pair: string): [string, string] {
  const end = pair.indexOf('\n');
  return end < 0 ? [pair.toLowerCase(), 'true'] : [pair.slice(0, end).toLowerCase(), pair.slice(end + 1)];
}

function emptyIfNone(error: unknown): string {
  if (error instanceof GitError && error.status === 1) return '';
  throw error;
}

/** As the user's own git sees it, outside of any repository. */
async function ask(args: readonly string[], env: Environment): Promise<string> {
  const names = ['HOME', 'XDG_CONFIG_HOME', 'GIT_CONFIG_GLOBAL', 'GIT_CONFIG_SYSTEM', 'GIT_CONFIG_NOSYSTEM'];
  const own = Object.fromEntries(names.map((name) => [name, env[name]]));
  const alone = { ...own, GIT_CONFIG_COUNT: undefined, GIT_DIR: '/dev/null/none' };
  return (await runGit(args, { env: alone, timeoutMs: 10_000 })).toString();
}

/** What of it would matter to a source, each with the setting of ours that says the same. Values may be secrets, and are not told. */
function judgeGitSettings(
  source: SourceConfig,
  { address, values }: GitSettings,
  env: Environment,
  refused: ReadonlySet<string>,
): Verdict[] {
  const warn = (detail: string, hint: string): Verdict => ({
    name: `source ${source.name}: git configuration`,
    ...warning(`${detail}, and this registry does not: it reads no git configuration but its own`, hint),
  });
  const heeded = findSettings(source, env, refused)
    .filter(({ key, counts = isOn }) => counts(values.get(key)))
    .map(({ key, hint }) => warn(`your git heeds ${key} for this address`, hint));
  if (address === source.indexUrl) return heeded;
  const shown = showUrl(address);
  const detail = `your git reads ${shown} instead of ${showUrl(source.indexUrl)} (url.*.insteadOf)`;
  return [warn(detail, adviseAddress(source, shown)), ...heeded];
}

function adviseAddress({ name }: SourceConfig, address: string): string {
  return indexUrlProblem(address) === undefined
    ? `if that is meant: ${shellLine`moonbit-registry config sources.${name}.index_url ${address}`}`
    : 'write the address that is meant into registry.toml, as index_url';
}

interface Heeded {
  readonly key: string;
  readonly hint: string;
  /** Whether a value matters; any that is set and not empty, unless told otherwise. */
  readonly counts?: (value: string | undefined) => boolean;
}

const isOn = (value: string | undefined) => value !== undefined && value !== '';
const isOff = (value: string | undefined) => /^(?:false|no|off|0)$/i.test(value ?? '');

/** Settings of git that would matter, where none of ours says the same already. */
function findSettings(source: SourceConfig, env: Environment, refused: ReadonlySet<string>): Heeded[] {
  const { name, indexUrl, auth, tls, userAgent } = source;
  const transport = transportOf(indexUrl);
  if (transport === 'ssh' && env.GIT_SSH_COMMAND === undefined)
    return [{ key: 'core.sshcommand', hint: 'set GIT_SSH_COMMAND in the environment of this program to it' }];
  if (transport !== 'http') return [];
  const setting = (key: string, value: string) =>
    shellLine`moonbit-registry config ${`sources.${name}.${key}`} ${value}`;
  const variable = /^https:/i.test(indexUrl) ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  const login = shellLine`moonbit-registry source login ${name} --bearer-env VARIABLE`;
  const authority = `for an authority of your own: ${setting('tls.ca', 'FILE')}`;
  const identity = shellLine`moonbit-registry config ${`sources.${name}.tls.certificate`} FILE ${`sources.${name}.tls.key`} FILE`;
  return [
    ...(hasProxy(indexUrl, env)
      ? []
      : [{ key: 'http.proxy', hint: `set ${variable} in the environment of this program` }]),
    ...(auth ? [] : [{ key: 'http.extraheader', hint: `if it is a token: ${login}` }]),
    ...(auth || !refused.has(name) ? [] : [{ key: 'credential.helper', hint: login }]),
    ...(tls?.ca
      ? []
      : [
          { key: 'http.sslcainfo', hint: authority },
          { key: 'http.sslcapath', hint: authority },
          { key: 'http.sslverify', hint: authority, counts: isOff },
        ]),
    ...(tls?.certificate ? [] : [{ key: 'http.sslcert', hint: identity }]),
    ...(userAgent === undefined ? [{ key: 'http.useragent', hint: setting('user_agent', 'TEXT') }] : []),
  ];
}

function hasProxy(address: string, env: Environment): boolean {
  return proxyFor(new URL(address), { ...env, no_proxy: undefined, NO_PROXY: undefined }).kind !== 'direct';
}
