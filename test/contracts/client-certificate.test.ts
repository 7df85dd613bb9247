/** A source that wants to know who we are, by a certificate: from git and from our own requests, and nobody else is shown it. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request as sendRequest } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { TLSSocket } from 'node:tls';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import type { ModuleName } from '../../src/model/module-name.ts';
import type { Version } from '../../src/model/version.ts';
import { examineSource } from '../../src/registry/upkeep/doctor/doctor-source.ts';
import { connectSources } from '../../src/sources/connect.ts';
import { type CertificateAuthority, createCertificateAuthority } from '../support/certificates.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { commitFiles, type Handler, startUpstream, type Upstream } from './git-upstream.ts';

let directory = '';
let upstream: Upstream;
let authority: CertificateAuthority;

beforeEach(async () => {
  directory = temporaryDirectory();
  mkdirSync(join(directory, 'upstream', 'user', 'alice', 'json'), { recursive: true });
  writeFileSync(join(directory, 'upstream', 'user', 'alice', 'json', '1.2.0.zip'), 'zip');
  execFileSync('git', ['init', '-q', '--bare', join(directory, 'registry.git')]);
  commitFiles(join(directory, 'upstream', 'index'), { 'user/alice/json.index': '{"version":"1.2.0"}\n' });
  upstream = await startUpstream(join(directory, 'upstream'));
  onTestFinished(() => upstream.close());
  authority = await createCertificateAuthority(join(directory, 'authority'));
  await issueClient('ci');
});

async function issueClient(name: string): Promise<void> {
  const { key, cert } = await authority.issue([name]);
  writeFileSync(join(directory, 'client.key'), key, { mode: 0o600 });
  writeFileSync(join(directory, 'client.pem'), cert);
}

/** TLS before the upstream; `shown` is who asked, by the name in the certificate. */
async function startTls(isWanted: boolean, handler?: Handler) {
  const shown: (string | undefined)[] = [];
  const options = { requestCert: true, rejectUnauthorized: isWanted, ca: readCa() };
  const server = createServer(
    { ...(await authority.issue(['localhost'])), ...options },
    (request, response) => {
      const { subject } = (request.socket as TLSSocket).getPeerCertificate();
      shown.push(subject?.CN as string | undefined);
      if (handler?.(request, response)) return;
      const { method, headers, url } = request;
      const onward = sendRequest(`${upstream.url}${url}`, { method, headers }, (answer: IncomingMessage) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      });
      request.pipe(onward);
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `https://localhost:${(server.address() as AddressInfo).port}`, shown };
}

const readCa = () => readFileSync(authority.caFile);
const identity = 'certificate = "client.pem", key = "client.key"';

function configOf(url: string, tls: string, more = '') {
  const lines = `name = "partner"\nurl = "${url}"\nindex_url = "${url}/git/index"\ntls = { ${tls} }\n${more}`;
  const [source] = parseConfig(`[[sources]]\n${lines}`, { directory }).sources;
  if (!source) throw new Error('there is none');
  return source;
}

async function connect(url: string, tls: string, more?: string) {
  const connected = connectSources([configOf(url, tls, more)], {
    env: {},
    objectDirectory: join(directory, 'registry.git', 'objects'),
    treeOf: async () => undefined,
    workDirectory: join(directory, 'work'),
    http: { retry: { retries: 0 } },
  });
  onTestFinished(() => connected.close());
  const source = connected.sources.get('partner');
  if (!source) throw new Error('it was not connected');
  const readArchive = async () => {
    const opened = await source.openArchive('alice/json' as ModuleName, '1.2.0' as Version);
    return opened.kind === 'found' ? text(opened.value.body) : opened;
  };
  return { source, readArchive };
}

const caLine = () => `ca = "${authority.caFile}"`;

describe('a source with [sources.tls]', () => {
  test('is shown the certificate by git and in our own requests, and is believed by its own authority', async () => {
    const server = await startTls(true);
    const { source, readArchive } = await connect(server.url, `${identity}, ${caLine()}`);
    expect(await source.readSnapshot(undefined)).toMatchObject({ kind: 'found' });
    expect(await readArchive()).toBe('zip');
    expect(server.shown).toEqual(['ci', 'ci', 'ci', 'ci', 'ci']);
  });

  test('is not believed without it, nor answered without a certificate', async () => {
    const server = await startTls(true);
    const strange = await connect(server.url, identity);
    expect(await strange.readArchive()).toMatchObject({
      cause: {
        reason: 'tls',
        detail: expect.stringMatching(
          /if its authority is one of yours: moonbit-registry config sources\.partner\.tls\.ca FILE$/,
        ),
      },
    });
    const anonymous = await connect(server.url, caLine());
    const wants = {
      reason: 'unauthorized',
      detail: expect.stringMatching(
        /the server wants a client certificate; name one: moonbit-registry config sources.partner.tls.certificate FILE sources.partner.tls.key FILE$/,
      ),
    };
    expect(await anonymous.readArchive()).toMatchObject({ kind: 'unavailable' });
    expect(await anonymous.source.probe()).toMatchObject({ cause: wants });
    expect(server.shown).toEqual([]);
  });

  test('is shown a renewed one at once', async () => {
    const server = await startTls(true);
    const { source, readArchive } = await connect(server.url, `${identity}, ${caLine()}`);
    await readArchive();
    await issueClient('ci-renewed');
    await readArchive();
    await source.probe();
    expect(server.shown).toEqual(['ci', 'ci-renewed', 'ci-renewed']);
  });

  test('may redirect, but nobody else is shown the certificate', async () => {
    const elsewhere = await startTls(false);
    const server = await startTls(true, (request, response) => {
      response.writeHead(302, { location: elsewhere.url + request.url }).end();
      return true;
    });
    const allowed = `allowed_redirects = ["${new URL(elsewhere.url).host}"]`;
    const { source, readArchive } = await connect(server.url, `${identity}, ${caLine()}`, allowed);
    expect(await source.readSnapshot(undefined)).toMatchObject({ kind: 'found' });
    expect(await readArchive()).toBe('zip');
    expect(server.shown).toEqual(['ci', 'ci']);
    expect(new Set(elsewhere.shown)).toEqual(new Set([undefined]));
  });

  test('is looked at by doctor as it is asked', async () => {
    const server = await startTls(true);
    chmodSync(join(directory, 'client.key'), 0o644);
    const options = { env: {}, now: Date.now, registry: undefined };
    const { checks, clocks } = await examineSource(configOf(server.url, `${identity}, ${caLine()}`), options);
    const results = checks.map(({ name, result, detail }) => `${result}: ${name}: ${detail}`);
    expect(results).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^(ok|warning): source partner: TLS: the certificate of localhost is good for/),
        expect.stringMatching(
          /^warning: source partner: credentials: everybody .* can read the file client.key/,
        ),
        expect.stringMatching(
          /^warning: source partner: client certificate: .* client.pem is good for 1 day$/,
        ),
      ]),
    );
    expect(clocks).toHaveLength(1);
  });
});
