import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface CertificateAuthority {
  /** The authority's own certificate in PEM: what a client has to trust. */
  readonly caFile: string;
  /** A certificate for these host names and IP addresses, with its key, both in PEM. */
  issue(hosts: readonly [string, ...string[]]): Promise<{ readonly key: string; readonly cert: string }>;
}

/** A throw-away certificate authority, valid for two days. Needs the `openssl` command. */
export async function createCertificateAuthority(directory: string): Promise<CertificateAuthority> {
  await mkdir(directory, { recursive: true });
  const caFile = join(directory, 'ca.pem');
  const caKey = join(directory, 'ca.key');
  const subject = ['-subj', '/CN=Test authority', '-days', '2'];
  await run('openssl', ['req', '-x509', ...newKey(caKey), ...subject, '-out', caFile]);
  let issued = 0;
  return {
    caFile,
    async issue(hosts) {
      const stem = join(directory, `host-${++issued}`);
      const [key, request, cert] = [`${stem}.key`, `${stem}.csr`, `${stem}.pem`];
      await writeFile(`${stem}.ext`, `subjectAltName=${hosts.map(alternativeName).join(',')}\n`);
      await run('openssl', ['req', ...newKey(key), '-subj', `/CN=${hosts[0]}`, '-out', request]);
      const authority = ['-CA', caFile, '-CAkey', caKey, '-set_serial', String(issued), '-days', '2'];
      const extensions = ['-extfile', `${stem}.ext`];
      await run('openssl', ['x509', '-req', '-in', request, ...authority, ...extensions, '-out', cert]);
      return { key: await readFile(key, 'utf8'), cert: await readFile(cert, 'utf8') };
    },
  };
}

function newKey(file: string): string[] {
  return ['-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', file];
}

function alternativeName(host: string): string {
  return /^[\d.]+$|:/.test(host) ? `IP:${host}` : `DNS:${host}`;
}
