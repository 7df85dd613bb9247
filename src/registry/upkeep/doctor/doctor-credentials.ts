import { stat } from 'node:fs/promises';
import type { SecretPart, SourceConfig } from '../../../config/config.ts';
import { createCredentialsReader, secretsOf } from '../../../sources/credentials.ts';
import { createTlsReader, readCertificates } from '../../../sources/tls-files.ts';
import type { Environment } from '../../../support/environment.ts';
import { shellLine } from '../../../support/shell.ts';
import { failure, ok, type Verdict, warning } from './probe.ts';

const dayMs = 24 * 60 * 60 * 1000;
const renewBeforeMs = 14 * dayMs;

/** Whether a source's credentials are at hand, and in files that nobody else can read. Nothing, if it has none. */
export async function checkCredentials(source: SourceConfig, env: Environment): Promise<Verdict[]> {
  const { auth, tls } = source;
  if (auth === undefined && tls === undefined) return [];
  const reading = await createCredentialsReader(source, env)();
  if (reading.kind === 'missing') return [failure(`they cannot be sent: ${reading.problem}`)];
  const parts = auth === undefined ? [] : secretsOf(auth).flatMap((secret) => secret.parts);
  const files = parts.filter((part) => part.kind === 'file');
  return (await Promise.all([...files, ...(tls?.key ? [tls.key] : [])].map(checkSecretFile))).flat();
}

type SecretFile = Pick<Extract<SecretPart, { kind: 'file' }>, 'path' | 'written'>;

async function checkSecretFile({ path, written }: SecretFile): Promise<Verdict[]> {
  const { mode } = await stat(path);
  if (process.platform === 'win32' || (mode & 0o006) === 0) return [];
  const what = (mode & 0o004) !== 0 ? 'read' : 'change';
  const detail = `everybody on this machine can ${what} the file ${written} (mode ${(mode & 0o777).toString(8)})`;
  return [warning(detail, shellLine`chmod o= ${path}`)];
}

/** How long the certificate by which we show who we are is good; nothing, if there is none. */
export async function checkIdentity(source: SourceConfig, now: number): Promise<Verdict[]> {
  const file = source.tls?.certificate;
  const read = await createTlsReader(source)();
  if (file === undefined || read.kind === 'unusable') return [];
  const [own] = readCertificates(read.settings?.identity?.certificate ?? '');
  const subject = `the client certificate in ${file.written}`;
  const renewal = `put a new one, and its key, into the files that registry.toml:${file.line} names`;
  return [judgeEnd(subject, own?.validTo ?? '', renewal, now)];
}

/** Whether a certificate is good for long enough; `validTo` as in the certificate. */
export function judgeEnd(subject: string, validTo: string, renewal: string, now: number): Verdict {
  const leftMs = Date.parse(validTo) - now;
  const days = Math.abs(Math.floor(leftMs / dayMs));
  const span = days === 1 ? '1 day' : `${days} days`;
  if (leftMs < 0) return failure(`${subject} ended ${span} ago`, renewal);
  const detail = `${subject} is good for ${span}`;
  return leftMs >= renewBeforeMs ? ok(detail) : warning(detail, renewal);
}
