import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import type { SourceConfig, SourceTls, TlsFile } from '../config/config.ts';
import { readSmallFile } from '../support/disk/read-small-file.ts';
import type { TlsSettings } from '../support/net/tls-settings.ts';
import { shellLine } from '../support/shell.ts';

/** What `[sources.tls]` names, as it is now. */
export type TlsReading =
  | { readonly kind: 'ready'; readonly settings: TlsSettings | undefined }
  /** `problem` names the file and the line of `registry.toml`; `reason` is what that means for the source. */
  | { readonly kind: 'unusable'; readonly reason: 'no-credentials' | 'tls'; readonly problem: string };

/** Bundles of authorities have some 220 KiB. */
const maxFileBytes = 1024 * 1024;

/** Reads the files anew each time, so that a certificate that was renewed counts at once; the same texts are the same settings. */
export function createTlsReader({ tls }: Pick<SourceConfig, 'tls'>): () => Promise<TlsReading> {
  let last: { readonly texts: string; readonly settings: TlsSettings } | undefined;
  return async () => {
    if (tls === undefined) return { kind: 'ready', settings: undefined };
    const read = await readTexts(tls);
    if ('problem' in read) return unusable(read);
    const texts = JSON.stringify(read.texts);
    if (last?.texts === texts) return { kind: 'ready', settings: last.settings };
    const { certificate, key, ca } = read.texts;
    const flaw = findFlaw(tls, read.texts);
    if (flaw !== undefined) return unusable(flaw);
    const identity = certificate === undefined || key === undefined ? undefined : { certificate, key };
    last = { texts, settings: { identity, ca } };
    return { kind: 'ready', settings: last.settings };
  };
}

interface Texts {
  readonly certificate?: string;
  readonly key?: string;
  readonly ca?: string;
}

interface Flaw {
  readonly file: TlsFile;
  /** What is wrong, in words that go after the file's name. */
  readonly problem: string;
}

async function readTexts(tls: SourceTls): Promise<{ readonly texts: Texts } | Flaw> {
  const texts: { -readonly [K in keyof Texts]: string } = {};
  for (const file of [tls.certificate, tls.key, tls.ca]) {
    if (file === undefined) continue;
    const read = await readSmallFile(file.path, maxFileBytes);
    if (read.kind === 'unreadable') return { file, problem: read.problem };
    texts[file.setting] = read.text;
  }
  return { texts };
}

function findFlaw({ certificate, key, ca }: SourceTls, texts: Texts): Flaw | undefined {
  if (ca !== undefined && readCertificates(texts.ca ?? '').length === 0)
    return { file: ca, problem: 'holds no certificate in PEM' };
  if (certificate === undefined || key === undefined) return undefined;
  const [own] = readCertificates(texts.certificate ?? '');
  if (own === undefined) return { file: certificate, problem: 'holds no certificate in PEM' };
  const text = texts.key ?? '';
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(text))
    return {
      file: key,
      problem: `is encrypted, and nobody is here to type its passphrase: ${shellLine`openssl pkey -in ${key.path} -out ${`${key.path}.plain`}`}`,
    };
  const read = readKey(text);
  if (read === undefined) return { file: key, problem: 'holds no private key in PEM' };
  return own.checkPrivateKey(read)
    ? undefined
    : { file: key, problem: `does not belong to the certificate in ${certificate.written}` };
}

/** The day on which the certificate by which we show who we are ended; a server that refuses such a one often just hangs up. */
export function endOfIdentity(settings: TlsSettings | undefined, now: number): string | undefined {
  const [own] = readCertificates(settings?.identity?.certificate ?? '');
  const end = Date.parse(own?.validTo ?? '');
  return end < now ? new Date(end).toISOString().slice(0, 10) : undefined;
}

/** Those of a PEM file; none if one of them cannot be read. */
export function readCertificates(text: string): X509Certificate[] {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch {
    return [];
  }
}

function readKey(text: string): KeyObject | undefined {
  try {
    return createPrivateKey(text);
  } catch {
    return undefined;
  }
}

function unusable({ file, problem }: Flaw): TlsReading {
  return {
    kind: 'unusable',
    reason: file.setting === 'ca' ? 'tls' : 'no-credentials',
    problem: `the file ${file.written} (tls.${file.setting}) ${problem} (registry.toml:${file.line})`,
  };
}
