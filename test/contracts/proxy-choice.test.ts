/** Our own requests and git's go the same way, whatever the environment says of proxies. */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { found } from '../../src/model/lookup.ts';
import { connectSources } from '../../src/sources/connect.ts';
import type { ReadingSteps } from '../../src/sources/read-snapshot.ts';
import { noProxyVariables } from '../../src/support/net/proxy.ts';
import { createCertificateAuthority } from '../support/certificates.ts';
import { type ForwardProxy, startForwardProxy } from '../support/forward-proxy.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { commitFiles, startUpstream, type Upstream } from './git-upstream.ts';

const host = 'partner.corp.test';
let directory = '';
let upstream: Upstream;
let port = '';

beforeEach(async () => {
  directory = temporaryDirectory();
  mkdirSync(join(directory, 'upstream'));
  execFileSync('git', ['init', '-q', '--bare', join(directory, 'registry.git')]);
  commitFiles(join(directory, 'upstream', 'index'), { 'user/alice/json.index': '{"version":"1.2.0"}\n' });
  upstream = await startUpstream(join(directory, 'upstream'));
  onTestFinished(() => upstream.close());
  port = new URL(upstream.url).port;
  for (const name of Object.keys(noProxyVariables)) vi.stubEnv(name, undefined);
});

afterEach(() => {
  vi.unstubAllEnvs();
});

async function startProxy(tls?: { readonly key: string; readonly cert: string }): Promise<ForwardProxy> {
  const there = Number(port);
  const proxy = await startForwardProxy({ [`${host}:80`]: there, [`127.0.0.1:${port}`]: there }, tls);
  onTestFinished(() => proxy.close());
  return proxy;
}

/** Reads the index at an address: one request of ours, then git's. */
async function readIndex(address: string, steps: Partial<ReadingSteps> = {}) {
  const settings = `[[sources]]\nname = "partner"\nurl = "${address}"\nindex_url = "${address}/git/index"\n`;
  const { sources, close } = connectSources(parseConfig(settings, { directory }).sources, {
    env: process.env,
    objectDirectory: join(directory, 'registry.git', 'objects'),
    treeOf: async () => undefined,
    workDirectory: join(directory, 'work'),
    http: { retry: { retries: 0 } },
    steps: () => steps,
  });
  try {
    return await sources.get('partner')?.readSnapshot(undefined);
  } finally {
    await close();
  }
}

const viaProxy = (address: string) => [
  `GET ${address}/git/index/info/refs?service=git-upload-pack`,
  `GET ${address}/git/index/info/refs?service=git-upload-pack`,
  `POST ${address}/git/index/git-upload-pack`,
  `POST ${address}/git/index/git-upload-pack`,
];

describe('both halves of reading an index go', () => {
  test.each([
    ['through HTTP_PROXY in capitals', { HTTP_PROXY: 'PROXY' }],
    ['through the one in lower case', { http_proxy: 'PROXY', HTTP_PROXY: 'http://127.0.0.1:1' }],
    ['through ALL_PROXY', { ALL_PROXY: 'PROXY' }],
    ['through one without a scheme', { all_proxy: 'HOST' }],
    ['through it where NO_PROXY has another port', { http_proxy: 'PROXY', NO_PROXY: `${host}:81` }],
    ['through it where lists contradict', { http_proxy: 'PROXY', no_proxy: 'a.test', NO_PROXY: '*' }],
  ])('%s', async (_, environment) => {
    const proxy = await startProxy();
    for (const [name, value] of Object.entries(environment))
      vi.stubEnv(name, value.replace('PROXY', proxy.url).replace('HOST', new URL(proxy.url).host));
    expect(await readIndex(`http://${host}`)).toMatchObject({ kind: 'found' });
    expect(proxy.asked).toEqual(viaProxy(`http://${host}`));
  });

  test.each([
    ['a range', { NO_PROXY: '127.0.0.0/8' }],
    ['a port', { NO_PROXY: 'x.test 127.0.0.1:PORT' }],
    ['everything', { no_proxy: '*' }],
    ['nothing, under CGI', { REQUEST_METHOD: 'GET' }],
  ])('straight where %s is exempt', async (_, environment) => {
    const proxy = await startProxy();
    vi.stubEnv('HTTP_PROXY', proxy.url);
    for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value.replace('PORT', port));
    expect(await readIndex(upstream.url)).toMatchObject({ kind: 'found' });
    expect(proxy.asked).toEqual([]);
    expect(upstream.seen).toHaveLength(4);
  });

  test.each([
    ['me:p%40ss', 'me:p@ss'],
    ['me', 'me:'],
    [':pass', ':pass'],
  ])('through a proxy with the credentials %s', async (written, sent) => {
    const proxy = await startProxy();
    vi.stubEnv('http_proxy', proxy.url.replace('//', `//${written}@`));
    expect(await readIndex(`http://${host}`)).toMatchObject({ kind: 'found' });
    const basic = `Basic ${Buffer.from(sent).toString('base64')}`;
    expect(proxy.authorizations).toEqual([basic, basic, basic, basic]);
  });

  test('nowhere where the proxy cannot be used, and nothing of its address is told', async () => {
    vi.stubEnv('ALL_PROXY', 'socks5h://me:hushhush@127.0.0.1:1080');
    const result = await readIndex(upstream.url);
    const detail = expect.stringContaining('the environment variable ALL_PROXY names a socks5h proxy');
    expect(result).toMatchObject({ kind: 'unavailable', cause: { reason: 'connection', detail } });
    expect(JSON.stringify(result)).not.toContain('hush');
    expect(upstream.seen).toEqual([]);
  });

  test('without telling the password of a proxy that a source repeats', async () => {
    const proxy = await startProxy();
    vi.stubEnv('http_proxy', proxy.url.replace('//', '//me:hush%2Fhush@'));
    upstream.handler = (_, response) => {
      response.setHeader('content-type', 'application/x-git-upload-pack-advertisement');
      response.end('0029ERR the proxy said hush/hush, or so0000');
      return true;
    };
    const result = JSON.stringify(await readIndex(`http://${host}`));
    expect(result).toContain('the proxy said ***');
  });
});

describe('a proxy that speaks TLS', () => {
  test('is asked by our half only where its certificate is trusted', async () => {
    const authority = await createCertificateAuthority(join(directory, 'authority'));
    const proxy = await startProxy(await authority.issue(['localhost']));
    vi.stubEnv('http_proxy', proxy.url.replace('127.0.0.1', 'localhost'));
    expect(await readIndex(`http://${host}`)).toMatchObject({ cause: { reason: 'tls' } });
    expect(proxy.asked).toEqual([]);
  });

  test('is trusted by git for what NODE_EXTRA_CA_CERTS names, which Node reads when it starts', async () => {
    const authority = await createCertificateAuthority(join(directory, 'authority'));
    const proxy = await startProxy(await authority.issue(['localhost']));
    vi.stubEnv('http_proxy', proxy.url.replace('127.0.0.1', 'localhost'));
    const commit = commitFiles(join(directory, 'upstream', 'index'), { 'user/a/b.index': '{}\n' });
    const url = `http://${host}/git/index`;
    const head = { ref: 'refs/heads/main', commit, transport: 'smart-http', url } as const;
    const readHead = async () => found({ ...head, supportsShallow: true, isStale: false });
    expect(await readIndex(`http://${host}`, { readHead })).toMatchObject({ kind: 'unavailable' });
    vi.stubEnv('NODE_EXTRA_CA_CERTS', authority.caFile);
    expect(await readIndex(`http://${host}`, { readHead })).toMatchObject({ kind: 'found' });
  });
});
