import { stat } from 'node:fs/promises';
import type { SecretPart, SourceAuth, SourceConfig } from '../config/config.ts';
import { createCredentialsReader, secretsOf } from '../sources/credentials.ts';
import type { Environment } from '../support/proxy.ts';
import type { HealthCheck } from './reports.ts';

/** Whether a source's credentials are at hand, and in files that nobody else can read. Nothing, if it has none. */
export async function checkCredentials(
  source: SourceConfig,
  env: Environment,
): Promise<readonly HealthCheck[]> {
  if (source.auth === undefined) return [];
  const name = `source ${source.name}: credentials`;
  const reading = await createCredentialsReader(source, env)();
  if (reading.kind === 'missing')
    return [{ name, result: 'failure', detail: `they cannot be sent: ${reading.problem}` }];
  const open = await Promise.all(filesOf(source.auth).map((file) => checkSecretFile(name, file)));
  return open.flat();
}

type SecretFile = Extract<SecretPart, { kind: 'file' }>;

function filesOf(auth: SourceAuth): SecretFile[] {
  return secretsOf(auth).flatMap(({ parts }) => parts.filter((part) => part.kind === 'file'));
}

async function checkSecretFile(name: string, { path, written }: SecretFile): Promise<HealthCheck[]> {
  const { mode } = await stat(path);
  if (process.platform === 'win32' || (mode & 0o006) === 0) return [];
  const what = (mode & 0o004) !== 0 ? 'read' : 'change';
  const detail = `everybody on this machine can ${what} the file ${written} (mode ${(mode & 0o777).toString(8)})`;
  return [{ name, result: 'warning', detail, hint: `chmod o= ${path}` }];
}
