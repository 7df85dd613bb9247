import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { rootCertificates } from 'node:tls';
import { writeFileAtomic } from './atomic-file.ts';
import { errorCode } from './error-code.ts';

/**
 * Node adds the authorities in `NODE_EXTRA_CA_CERTS` to its own; git cannot add, only replace. Writes both sets to
 * `target`, for programs that take one file of authorities. Returns `target`, or `undefined` when the variable is
 * not set, names no readable file (Node ignores that too), or the environment tells git about authorities itself.
 */
export async function writeCaBundle(
  target: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<string | undefined> {
  const extra = environment.NODE_EXTRA_CA_CERTS;
  if (!extra || environment.GIT_SSL_CAINFO || environment.SSL_CERT_FILE) return undefined;
  const certificates = await readIfPresent(extra);
  if (certificates === undefined) return undefined;
  const bundle = `${rootCertificates.join('\n')}\n${certificates}`;
  if ((await readIfPresent(target)) === bundle) return target;
  await mkdir(dirname(target), { recursive: true });
  await writeFileAtomic(target, bundle);
  return target;
}

async function readIfPresent(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (['ENOENT', 'EACCES', 'EISDIR', 'ENOTDIR'].includes(errorCode(error) ?? '')) return undefined;
    throw error;
  }
}
