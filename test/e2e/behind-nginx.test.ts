/** The nginx example of docs/operations.md, as it stands there but for addresses and paths, in front of a server. */
import { readFile, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { createCertificateAuthority } from '../support/certificates.ts';
import { readBlocks } from '../support/documented-page.ts';
import { freePort } from '../support/free-port.ts';
import { clone, pull, shallowClone } from '../support/git-client.ts';
import { hasNginx, startNginx } from '../support/nginx.ts';
import { serveStandIn } from '../support/stand-in-server.ts';
import { suiteDirectory, temporaryDirectory } from '../support/temporary-directory.ts';
import { sha256 } from '../support/worlds.ts';

const host = 'packages.company.example';
const folder = suiteDirectory();
const [keyFile, certFile] = [join(folder, 'host.key'), join(folder, 'host.pem')];
let caFile = '';
let example = '';

beforeAll(async () => {
  const page = await readFile(join(import.meta.dirname, '../../docs/operations.md'), 'utf8');
  const [block = '', ...others] = readBlocks(page, 'nginx');
  expect(others).toEqual([]);
  example = block;
  const authority = await createCertificateAuthority(join(folder, 'authority'));
  caFile = authority.caFile;
  const { key, cert } = await authority.issue(['127.0.0.1']);
  await Promise.all([writeFile(keyFile, key), writeFile(certFile, cert)]);
});

interface Asking {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  /** The address that asks: all of 127.0.0.0/8 are this machine. */
  readonly from?: string;
}

/** A server as the page configures it, and the page's nginx in front, with whatever is put into its `location` besides, and above all of it. */
async function createScene(besides = '', above = '') {
  // nginx caches nothing of what it does not keep for itself first.
  const page = above === '' ? example : example.replace('proxy_buffering off;', 'proxy_buffering on;');
  const port = await freePort();
  const base = `https://127.0.0.1:${port}/moonbit`;
  const { registry, server, log } = await serveStandIn({ accessLog: true, baseUrl: base });
  registry.editServer({ trustedProxies: ['127.0.0.1'] });
  const replaced = [
    ['127.0.0.1:8080', `127.0.0.1:${server.port}`],
    ['listen 443 ssl', `listen 127.0.0.1:${port} ssl`],
    [host, '127.0.0.1'],
    ['/etc/ssl/packages.pem', certFile],
    ['/etc/ssl/packages.key', keyFile],
    ['location /moonbit/ {', `location /moonbit/ {\n${besides}`],
  ] as const;
  await startNginx(
    replaced.reduce((text, [from, to]) => {
      expect(text).toContain(from);
      return text.replaceAll(from, to);
    }, `${above}${page}`),
    port,
  );
  const ca = await readFile(caFile);
  /** Asks for exactly this target. */
  async function ask(path: string, { method = 'GET', headers = {}, body, from = '127.0.0.1' }: Asking = {}) {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const options = {
        host: '127.0.0.1',
        port,
        path,
        method,
        headers,
        ca,
        localAddress: from,
        agent: false,
      };
      httpsRequest(options, resolve).on('error', reject).end(body);
    });
    return { status: answer.statusCode, headers: answer.headers, bytes: await buffer(answer) };
  }
  const tls = { env: { GIT_SSL_CAINFO: caFile } };
  const requests = () => log.filter(({ message }) => message === 'request').map(({ fields }) => fields);
  return { registry, base, ask, tls, requests };
}

describe.skipIf(!hasNginx)(`behind nginx${hasNginx ? '' : ' (skipped: there is no nginx here)'}`, () => {
  test('git clones, shallow too and with two slashes, and pulls', async () => {
    const { registry, base, tls } = await createScene();
    await registry.publishMany('alice/module', 300);
    const [whole, shallow] = [join(temporaryDirectory(), 'a'), join(temporaryDirectory(), 'b')];
    await clone(`${base}/git/index`, whole, tls);
    await shallowClone(`${base}//git/index`, shallow, tls);
    await registry.publish('bob/new@1.0.0');
    await pull(whole, tls);
    expect(await readFile(join(whole, 'user/bob/new.index'), 'utf8')).toContain('"version":"1.0.0"');
    expect(await readFile(join(shallow, 'user/alice/module299.index'), 'utf8')).toContain('alice/module299');
  });

  test('archives keep their addresses, validators and ranges', async () => {
    const { registry, ask, requests } = await createScene();
    const archive = Buffer.alloc(8 * 1024 * 1024, 'large');
    const checksum = await registry.publish('alice/json/sub@1.0.0+b1', {}, archive);
    const targets = [
      '/moonbit/user/alice%2Fjson%2Fsub%2F1.0.0%2Bb1.zip',
      '/moonbit/user/alice%2fjson/sub/1.0.0+b1.zip',
      '/moonbit//user/alice/json/sub/1.0.0%2Bb1.zip',
    ];
    for (const target of targets) {
      const { status, headers, bytes } = await ask(target, { headers: { 'Accept-Encoding': 'gzip' } });
      expect([status, sha256(bytes), headers.etag]).toEqual([200, checksum, `"${checksum}"`]);
      expect(headers['content-encoding']).toBeUndefined();
    }
    expect(requests().map((fields) => fields?.target)).toEqual(targets);
    const [target = ''] = targets;
    const head = await ask(target, { method: 'HEAD' });
    expect([head.status, head.headers['content-length']]).toEqual([200, String(archive.length)]);
    const part = await ask(target, { headers: { Range: 'bytes=10-19' } });
    expect([part.status, part.bytes]).toEqual([206, archive.subarray(10, 20)]);
    const same = await ask(target, { headers: { 'If-None-Match': `"${checksum}"` } });
    expect([same.status, same.bytes.length]).toEqual([304, 0]);
  });

  test.each(['on', 'off'])('bodies come through, with proxy_request_buffering %s', async (buffering) => {
    const { ask } = await createScene(`proxy_request_buffering ${buffering};`);
    const body = Buffer.from('0014command=ls-refs\n00010000');
    const headers = {
      'Content-Type': 'application/x-git-upload-pack-request',
      'Git-Protocol': 'version=2',
      'Transfer-Encoding': 'chunked',
    };
    const path = '/moonbit/git/index/git-upload-pack';
    const packed = { ...headers, 'Content-Encoding': 'gzip' };
    for (const asking of [
      { headers, body },
      { headers: packed, body: gzipSync(body) },
    ]) {
      const { status, bytes } = await ask(path, { method: 'POST', ...asking });
      expect([status, bytes.toString()]).toEqual([200, expect.stringContaining('refs/heads/main')]);
    }
  });

  test('what one client was given for its token, a cache gives to no other', async () => {
    const zone = `proxy_cache_path ${temporaryDirectory()} keys_zone=archives:1m;\n`;
    const { registry, ask, requests } = await createScene(
      'proxy_cache archives; proxy_cache_valid 200 1h;',
      zone,
    );
    await registry.publish('alice/json@1.0.0');
    const path = '/moonbit/user/alice/json/1.0.0.zip';
    // It is a cache that works: what anyone may read is given out without asking us again.
    for (let i = 0; i < 3; i++) expect((await ask(path)).status).toBe(200);
    expect(requests()).toHaveLength(1);
    await registry.publish('alice/json@1.1.0');
    Object.assign(registry, {
      config: { ...registry.config, access: { ...registry.config.access, read: 'token' } },
    });
    const issued = await registry.tokens.create({
      ...{ name: 'ci', owner: 'ada', grants: { read: ['*'] }, lifetimeMs: undefined },
    });
    const headers = { Authorization: `Bearer ${issued.text}` };
    const secret = '/moonbit/user/alice/json/1.1.0.zip';
    for (let i = 0; i < 3; i++) expect((await ask(secret, { headers })).status).toBe(200);
    expect((await ask(secret)).status).toBe(401);
    expect((await ask('/moonbit/api/v0/modules', { headers })).status).toBe(200);
    expect((await ask('/moonbit/api/v0/modules')).status).toBe(401);
  });

  test('who asked is in the log, by which address stands on the page, and redirects stay below the path', async () => {
    const { registry, base, ask, requests } = await createScene();
    const forged = { 'X-Forwarded-For': '192.0.2.66', 'X-Forwarded-Proto': 'http' };
    const index = async () => {
      const { bytes } = await ask('/moonbit/', { headers: forged, from: '127.0.0.9' });
      return (JSON.parse(bytes.toString()) as { index: string }).index;
    };
    expect(await index()).toBe(`${base}/git/index`);
    expect(requests().map((fields) => fields?.client)).toEqual(['127.0.0.9']);

    registry.refusals.set('alice/json@1.0.0', {
      kind: 'blocked',
      block: { reason: 'CVE-2026-1', at: '2026-01-01T00:00:00.000Z', version: undefined },
    });
    const headers = { 'User-Agent': 'mooncake/0.1.0' };
    const sent = await ask('/moonbit/user/alice/json/1.0.0.zip', { headers });
    expect([sent.status, sent.headers.location]).toEqual([302, '/moonbit/why/blocked/alice/json@1.0.0']);
    expect((await ask(sent.headers.location ?? '', { headers })).status).toBe(403);
  });
});
