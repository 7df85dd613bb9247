import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Agent, EnvHttpProxyAgent, request } from 'undici';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createCertificateAuthority } from './certificates.ts';
import { startForwardProxy } from './forward-proxy.ts';
import { git, tryGit } from './git-client.ts';
import { runCli, startCli } from './run-cli.ts';
import { suiteDirectory, temporaryDirectory } from './temporary-directory.ts';
import { startUpstream } from './worlds.ts';

describe('a certificate authority for tests', () => {
  const directory = suiteDirectory();

  test('issues certificates that clients who trust it accept, for the hosts named and no others', async () => {
    const authority = await createCertificateAuthority(directory);
    const tls = await authority.issue(['partner.example.com', '127.0.0.1']);
    const certificate = new X509Certificate(tls.cert);
    expect(certificate.checkHost('partner.example.com')).toBe('partner.example.com');
    expect(certificate.checkHost('internal.company.com')).toBeUndefined();
    const upstream = await startUpstream(['alice/json@1.2.0'], { tls });
    const trusting = new Agent({ connect: { ca: readFileSync(authority.caFile) } });
    onTestFinished(() => trusting.close());
    const archive = `${upstream.url}/user/alice/json/1.2.0.zip`;
    const { statusCode, body } = await request(archive, { dispatcher: trusting });
    await body.dump();
    expect(statusCode).toBe(200);
    await expect(fetch(archive)).rejects.toThrow('fetch failed');
    expect(
      await git(['ls-remote', upstream.indexUrl], { env: { GIT_SSL_CAINFO: authority.caFile } }),
    ).toContain('refs/heads/main');
  });
});

describe('a forward proxy for tests', () => {
  test('leads chosen names to loopback by CONNECT, and refuses all others', async () => {
    const authority = await createCertificateAuthority(temporaryDirectory());
    const tls = await authority.issue(['partner.example.com']);
    const upstream = await startUpstream(['partner-org/sdk@1.0.0'], { tls, basePath: '/registry' });
    const proxy = await startForwardProxy({ 'partner.example.com:443': upstream.port });
    onTestFinished(() => proxy.close());
    const env = { https_proxy: proxy.url, no_proxy: '', NO_PROXY: '', GIT_SSL_CAINFO: authority.caFile };
    const listing = await git(['ls-remote', 'https://partner.example.com/registry/git/index'], { env });
    expect(listing).toContain('refs/heads/main');
    expect(
      (await tryGit(['ls-remote', 'https://elsewhere.example.com/git/index'], { env })).stderr,
    ).toContain('403');
    expect(new Set(proxy.asked)).toEqual(
      new Set(['CONNECT partner.example.com:443', 'CONNECT elsewhere.example.com:443']),
    );
  });

  test('takes requests in absolute form, and lets undici tunnel plain ones', async () => {
    const upstream = await startUpstream(['alice/json@1.2.0']);
    const proxy = await startForwardProxy({ 'mooncakes.example:80': upstream.port });
    onTestFinished(() => proxy.close());
    const env = { http_proxy: proxy.url, no_proxy: '', NO_PROXY: '' };
    expect(await git(['ls-remote', 'http://mooncakes.example/git/index'], { env })).toContain(
      'refs/heads/main',
    );
    expect((await tryGit(['ls-remote', 'http://other.example/git/index'], { env })).stderr).toContain('403');
    const agent = new EnvHttpProxyAgent({ httpProxy: proxy.url, noProxy: '' });
    onTestFinished(() => agent.close());
    const url = 'http://mooncakes.example/user/alice/json/1.2.0.zip';
    const { statusCode, body } = await request(url, { dispatcher: agent });
    await body.dump();
    expect(statusCode).toBe(200);
    expect(proxy.asked).toContain('GET http://other.example/git/index/info/refs?service=git-upload-pack');
  });
});

describe('the built command', () => {
  test('is run to its end with its streams and exit code', async () => {
    expect(await runCli(['--version'])).toMatchObject({ code: 0, stdout: '0.2.0\n', stderr: '' });
  });

  test('that ends without printing an address is a failure to start', async () => {
    await expect(startCli(['--version'], { cwd: join(temporaryDirectory()) })).rejects.toThrow(
      'it ended with 0',
    );
  });
});
