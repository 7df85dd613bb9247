import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { writeCaBundle } from './ca-bundle.ts';

let directory = '';
let target = '';
let extra = '';

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ca-'));
  target = join(directory, 'deep', 'bundle.pem');
  extra = join(directory, 'extra.pem');
  writeFileSync(extra, 'EXTRA\n');
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('writeCaBundle', () => {
  test('adds the extra authorities to the well-known ones', async () => {
    expect(await writeCaBundle(target, { NODE_EXTRA_CA_CERTS: extra })).toBe(target);
    const bundle = readFileSync(target, 'utf8');
    expect(bundle.startsWith(rootCertificates[0] ?? 'none')).toBe(true);
    expect(bundle.endsWith('-----END CERTIFICATE-----\nEXTRA\n')).toBe(true);
  });

  test.each(['GIT_SSL_CAINFO', 'SSL_CERT_FILE'])(
    'adds them to those of %s where that is set',
    async (name) => {
      const own = join(directory, 'own.pem');
      writeFileSync(own, 'OWN\n');
      await writeCaBundle(target, { NODE_EXTRA_CA_CERTS: extra, [name]: own });
      expect(readFileSync(target, 'utf8')).toBe('OWN\nEXTRA\n');
    },
  );

  test('adds those of one source, with extra ones or without', async () => {
    const own = join(directory, 'own.pem');
    writeFileSync(own, 'OWN\n');
    await writeCaBundle(target, { GIT_SSL_CAINFO: own }, 'SOURCE');
    expect(readFileSync(target, 'utf8')).toBe('OWN\nSOURCE\n');
    await writeCaBundle(target, { GIT_SSL_CAINFO: own, NODE_EXTRA_CA_CERTS: extra }, 'SOURCE\n');
    expect(readFileSync(target, 'utf8')).toBe('OWN\nEXTRA\nSOURCE\n');
  });

  test('writes a file that is right already no second time', async () => {
    await writeCaBundle(target, { NODE_EXTRA_CA_CERTS: extra });
    const { ino } = statSync(target);
    expect(await writeCaBundle(target, { NODE_EXTRA_CA_CERTS: extra })).toBe(target);
    expect(statSync(target).ino).toBe(ino);
  });

  test('has nothing to do without extra authorities', async () => {
    expect(await writeCaBundle(target, {})).toBeUndefined();
    expect(await writeCaBundle(target, { NODE_EXTRA_CA_CERTS: join(directory, 'none') })).toBeUndefined();
    expect(await writeCaBundle(target, { NODE_EXTRA_CA_CERTS: extra, SSL_CERT_FILE: extra })).toBeUndefined();
  });
});
