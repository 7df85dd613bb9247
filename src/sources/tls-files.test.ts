import { createPrivateKey } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { createCertificateAuthority } from '../../test/support/certificates.ts';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { parseConfig } from '../config/load.ts';
import { createTlsReader } from './tls-files.ts';

let directory = '';
let one: { readonly key: string; readonly cert: string };
let other: typeof one;

beforeEach(async () => {
  directory = temporaryDirectory();
  const authority = await createCertificateAuthority(join(directory, 'authority'));
  [one, other] = [await authority.issue(['one']), await authority.issue(['other'])];
  put('client.pem', one.cert);
  put('client.key', one.key);
});

const put = (name: string, content: string | Buffer) => writeFileSync(join(directory, name), content);

async function read(tls: string) {
  const text = `[[sources]]\nname = "a"\nurl = "https://h"\nindex_url = "https://h/i"\ntls = { ${tls} }`;
  const [source] = parseConfig(text, { directory }).sources;
  return source && createTlsReader(source)();
}

const both = 'certificate = "client.pem", key = "client.key"';
const unusable = (problem: string, reason = 'no-credentials') => ({ kind: 'unusable', reason, problem });

test('what the files hold secures connections; one file may hold a certificate and its key', async () => {
  const identity = { certificate: one.cert, key: one.key };
  expect(await read(both)).toEqual({ kind: 'ready', settings: { identity, ca: undefined } });
  put('both.pem', one.key + one.cert);
  expect(await read('certificate = "both.pem", key = "both.pem"')).toMatchObject({ kind: 'ready' });
});

test.each([
  ['is not there', undefined],
  ['holds no private key in PEM', 'hello'],
  ['does not belong to the certificate in client.pem', 'other'],
  ['is larger than 1024 KiB', Buffer.alloc(1024 * 1024 + 1, 'x')],
  ['is not UTF-8 text', Buffer.from([0x30, 0x82, 0xff])],
])('a key that %s is told with its file and line', async (problem, content) => {
  if (content === undefined) rmSync(join(directory, 'client.key'));
  else put('client.key', content === 'other' ? other.key : content);
  expect(await read(both)).toEqual(unusable(`the file client.key (tls.key) ${problem} (registry.toml:5)`));
});

test('an encrypted key is told with the command that gives one that is not', async () => {
  const path = join(directory, 'client.key');
  const sealed = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'hush' } as const;
  put('client.key', createPrivateKey(one.key).export(sealed));
  expect(await read(both)).toEqual(
    unusable(
      'the file client.key (tls.key) is encrypted, and nobody is here to type its passphrase: ' +
        `openssl pkey -in ${path} -out ${path}.plain (registry.toml:5)`,
    ),
  );
});

test('authorities that cannot be read are no matter of credentials', async () => {
  put('ca.pem', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
  const problem = 'the file ca.pem (tls.ca) holds no certificate in PEM (registry.toml:5)';
  expect(await read('ca = "ca.pem"')).toEqual(unusable(problem, 'tls'));
});
