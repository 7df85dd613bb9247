import { stat } from 'node:fs/promises';
import type { SecretPart, SourceAuth, SourceConfig } from '../../../config/config.ts';
import type { HealthCheck } from '../../../model/health-check.ts';
import { createCredentialsReader, secretsOf } from '../../../sources/credentials.ts';
import { createTlsReader, readCertificates } from '../../../sources/tls-files.ts';
import type { Environment } from '../../../support/environment.ts';
import { shellLine } from '../../../support/shell.ts';

const day = 24 * 60 * 60 * 1000;
const warningMs = 14 * day;

/** Whether a source's credentials are at hand, and in files that nobody else can read. Nothing, if it has none. */
export async function checkCredentials(
  source: SourceConfig,
  env: Environment,
): Promise<readonly HealthCheck[]> {
  const { auth, tls } = source;
  if (auth === undefined && tls === undefined) return [];
  const name = `source ${source.name}: credentials`;
  const reading = await createCredentialsReader(source, env)();
  if (reading.kind === 'missing')
    return [{ name, result: 'failure', detail: `they cannot be sent: ${reading.problem}` }];
  const files = [...(auth === undefined ? [] : filesOf(auth)), ...(tls?.key === undefined ? [] : [tls.key])];
  return (await Promise.all(files.map((file) => checkSecretFile(name, file)))).flat();
}

/** How long the certificate by which we show who we are is good; nothing, if there is none. */
export async function checkIdentity(source: SourceConfig, now: number): Promise<readonly HealthCheck[]> {
  const file = source.tls?.certificate;
  const read = await createTlsReader(source)();
  if (file === undefined || read.kind === 'unusable') return [];
  const [own] = readCertificates(read.settings?.identity?.certificate ?? '');
  const left = Date.parse(own?.validTo ?? '') - now;
  const days = Math.floor(left / day);
  const detail = `the client certificate in ${file.written} ${left < 0 ? `ended ${inDays(-days)} ago` : `is good for ${inDays(days)}`}`;
  const name = `source ${source.name}: client certificate`;
  if (left >= warningMs) return [{ name, result: 'ok', detail }];
  const hint = `put a new one, and its key, into the files that registry.toml:${file.line} names`;
  return [{ name, result: left < 0 ? 'failure' : 'warning', detail, hint }];
}

export function inDays(number: number): string {
  return number === 1 ? '1 day' : `${number} days`;
}

type SecretFile = Pick<Extract<SecretPart, { kind: 'file' }>, 'path' | 'written'>;

function filesOf(auth: SourceAuth): SecretFile[] {
  return secretsOf(auth).flatMap(({ parts }) => parts.filter((part) => part.kind === 'file'));
}

async function checkSecretFile(name: string, { path, written }: SecretFile): Promise<HealthCheck[]> {
  const { mode } = await stat(path);
  if (process.platform === 'win32' || (mode & 0o006) === 0) return [];
  const what = (mode & 0o004) !== 0 ? 'read' : 'change';
  const detail = `everybody on this machine can ${what} the file ${written} (mode ${(mode & 0o777).toString(8)})`;
  return [{ name, result: 'warning', detail, hint: shellLine`chmod o= ${path}` }];
}
