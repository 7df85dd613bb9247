import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config, SourceConfig } from '../../../config/config.ts';
import { sourceKinds } from '../../../sources/kinds.ts';
import { errorCode } from '../../../support/error-code.ts';
import { shellLine } from '../../../support/shell.ts';
import { failure, ok, type Probe, type Verdict, warning } from './probe.ts';

/** Settings that load but will hurt, and secrets where others can read them. `config` is absent if it does not load. */
export function configProbes(directory: string, config: Config | undefined): readonly Probe[] {
  return [
    {
      name: 'registry.toml',
      async ask() {
        const verdicts = [
          ...(await findSecrets(join(directory, 'registry.toml'))),
          ...(config ? findTraps(config) : []),
        ];
        return config && verdicts.length === 0 ? ok('it loads, and no trap was found') : verdicts;
      },
    },
  ];
}

/** The traps of a file that loads. */
export function findTraps(config: Config): Verdict[] {
  return [
    ...config.warnings.map((detail) => warning(detail, 'edit registry.toml as it says')),
    ...disabledDefault(config),
    ...unreachableServer(config),
    ...config.sources
      .filter(({ enabled }) => enabled)
      .flatMap((source) => [...plainCredentials(source), ...unclaimedNames(source, config)]),
  ];
}

function disabledDefault({ sources, defaultSource }: Config): Verdict[] {
  if (sources.find(({ name }) => name === defaultSource)?.enabled !== false) return [];
  const enable = shellLine`moonbit-registry source enable ${defaultSource}`;
  const other = sources.find(({ enabled }) => enabled);
  return [
    warning(
      `the default source "${defaultSource}" is disabled: "mirror" without -s has nothing to read`,
      other ? `${enable}, or ${shellLine`moonbit-registry source default ${other.name}`}` : enable,
    ),
  ];
}

function unreachableServer({ server }: Config): Verdict[] {
  if (isLoopback(server.host) || server.baseUrl !== undefined) return [];
  return [
    warning(
      `server.host is ${server.host}, but server.base_url is not set: what the server says of itself names localhost${server.allowedHosts.length > 0 ? '' : ', and it answers requests for whatever host'}`,
      'moonbit-registry config server.base_url https://registry.example.com',
    ),
  ];
}

function plainCredentials({ name, auth, url, indexUrl, downloadUrl }: SourceConfig): Verdict[] {
  if (!auth) return [];
  const open = [url, indexUrl, downloadUrl].find(
    (address) => /^http:/i.test(address) && !isLoopback(new URL(address).hostname),
  );
  if (open === undefined) return [];
  return [
    warning(
      `source "${name}": its credentials travel unencrypted to ${open}`,
      'use https:// in its addresses',
    ),
  ];
}

function unclaimedNames(source: SourceConfig, { sources }: Config): Verdict[] {
  const others = sources.filter(({ name, enabled }) => enabled && name !== source.name);
  if (source.namespaces.length > 0 || others.length === 0 || !looksPrivate(source)) return [];
  return [
    warning(
      `source "${source.name}" looks private but claims no names: others could supply a name of yours first`,
      shellLine`moonbit-registry config sources.${source.name}.namespaces "<owner>/*"`,
    ),
  ];
}

const privateEndings = /\.(internal|intranet|local|lan|corp|private|home\.arpa)$/i;
const privateAddress = /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|\[f[cd])/i;
const privateWord = /(^|[.-])(internal|intranet|private|corp)([.-]|$)/i;

function looksPrivate({ type, auth, url, name }: SourceConfig): boolean {
  if (sourceKinds[type].isPublic) return false;
  if (auth || privateWord.test(name)) return true;
  const { protocol, hostname } = new URL(url);
  if (protocol === 'file:' || isLoopback(hostname)) return false;
  const isBare = !hostname.includes('.') && !hostname.startsWith('[');
  return isBare || [privateEndings, privateAddress, privateWord].some((pattern) => pattern.test(hostname));
}

function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[?::1\]?)$|\.localhost$/i.test(host);
}

/** What should stand in the environment, told from the text, since such a file may not load. */
async function findSecrets(file: string): Promise<Verdict[]> {
  try {
    const [text, { mode }] = await Promise.all([readFile(file, 'utf8'), stat(file)]);
    if (!holdsSecrets(text)) return [];
    const isReadable = process.platform !== 'win32' && (mode & 0o004) !== 0;
    const where = isReadable
      ? `, and everybody on this machine can read it (mode ${(mode & 0o777).toString(8)})`
      : '';
    const detail = `registry.toml holds a secret in clear text${where}`;
    const hint = `write \${NAME} there, set NAME in the environment${isReadable ? `, chmod o-r ${file}` : ''}, and change the secret`;
    return [{ ...failure(detail, hint), name: 'secrets' }];
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES', 'EISDIR'].includes(errorCode(error) ?? '')) return [];
    throw error;
  }
}

export function holdsSecrets(text: string): boolean {
  const code = text.replace(/^\s*#.*$/gm, '');
  const literal = /(^|[\s,{.])["']?(token|password)["']?\s*=\s*("""|'''|["'])(?!["'])(?![^"'\n]*\$\{)/m;
  const userinfo = /[a-z][a-z0-9+.-]*:\/\/[^\s/"'?#:@]*:[^\s/"'?#@$]+@/i;
  return literal.test(code) || userinfo.test(code);
}
