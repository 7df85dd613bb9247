import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { rootCertificates } from 'node:tls';
import { writeFileAtomic } from '../disk/atomic-file.ts';
import { makeFolder } from '../disk/make-folder.ts';
import type { Environment } from '../environment.ts';
import { errorCode } from '../error-code.ts';
import { readExtraAuthorities } from './tls-settings.ts';

/**
 * Node adds the authorities in `NODE_EXTRA_CA_CERTS` to its own; git cannot add, only replace. Writes all of them to
 * `target`, for programs that take one file of authorities: the extra ones, `own` (PEM), and those that the environment already
 * names for git (`GIT_SSL_CAINFO`, `SSL_CERT_FILE`) or else Node's own. Returns `target`, or `undefined` when there is
 * nothing to add.
 */
export async function writeCaBundle(
  target: string,
  environment: Environment,
  own?: string,
): Promise<string | undefined> {
  const added = [readExtraAuthorities(environment), own].filter((text) => text !== undefined);
  if (added.length === 0) return undefined;
  const base = environment.GIT_SSL_CAINFO || environment.SSL_CERT_FILE;
  const trusted = (base ? await readIfPresent(base) : undefined) ?? rootCertificates.join('\n');
  const parts = new Set([trusted, ...added]);
  if (parts.size === 1) return undefined;
  const bundle = `${[...parts].map((text) => text.trimEnd()).join('\n')}\n`;
  if ((await readIfPresent(target)) === bundle) return target;
  await makeFolder(dirname(target));
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
