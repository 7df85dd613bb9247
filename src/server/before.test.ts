import { describe, expect, test } from 'vitest';
import { tryGit } from '../../test/support/git-client.ts';
import { sendRaw, serveStandIn } from '../../test/support/stand-in-server.ts';

function get(target: string, host: string, headers = ''): string {
  return `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n${headers}Connection: close\r\n\r\n`;
}

describe('a request for a host that is not ours', () => {
  test('is 421 with the name of the setting, whatever it asks for, answers from memory included', async () => {
    const { registry, server, url } = await serveStandIn({ now: () => 0 });
    await registry.publish('alice/json@1.0.0');
    const archive = '/user/alice/json/1.0.0.zip';
    for (let i = 0; i < 3; i++) expect((await fetch(url + archive)).status).toBe(200);
    const asked = registry.calls.openArchive;
    for (const target of [
      archive,
      '/',
      '/health',
      '/nothing',
      '/git/index/HEAD',
      `http://localhost${archive}`,
    ]) {
      const answer = await sendRaw(server.port, get(target, 'evil.example:80'));
      expect(answer).toMatch(/^HTTP\/1\.1 421 Misdirected Request\r\n/);
      expect(answer).toContain('Cache-Control: no-store\r\n');
      expect(answer).toContain('server.allowed_hosts');
      expect(answer).toContain('host \\"evil.example\\"');
      expect(answer).not.toMatch(/archive of|alice/);
    }
    expect(registry.calls.openArchive).toBe(asked);
    expect(await sendRaw(server.port, get(`http://evil.example${archive}`, 'localhost'))).toMatch(
      /^HTTP\/1\.1 421/,
    );
  });

  test('is in the log once in ten seconds, with the setting, however often it comes', async () => {
    let clock = 0;
    const { server, log } = await serveStandIn({ now: () => clock, baseUrl: 'https://registry.example' });
    const refusals = () => log.filter(({ message }) => message.includes('server.allowed_hosts'));
    for (let i = 0; i < 3; i++) await sendRaw(server.port, get('/', 'evil.example'));
    expect(refusals()).toMatchObject([
      { level: 'warn', fields: { host: 'evil.example', allowed: ['registry.example', '127.0.0.1'] } },
    ]);
    for (let i = 0; i < 30; i++) await sendRaw(server.port, get('/', `x${i}.example`));
    expect(refusals()).toHaveLength(20);
    clock = 10_000;
    await sendRaw(server.port, get('/', 'evil.example'));
    expect(refusals()).toHaveLength(21);
    expect(log.find(({ message }) => message.includes('still other hosts'))?.fields).toEqual({
      requests: 11,
    });
  });

  test('is told to people by git', async () => {
    const { url } = await serveStandIn();
    const cloned = await tryGit([
      '-c',
      'http.extraHeader=Host: evil.example',
      'ls-remote',
      `${url}/git/index`,
    ]);
    expect(cloned.code).not.toBe(0);
    expect(cloned.stderr).toContain('This registry does not answer for the host "evil.example".');
    expect(cloned.stderr).toContain('server.allowed_hosts');
  });

  test('is served as soon as the settings name it', async () => {
    const { registry, server } = await serveStandIn();
    const status = async () => (await sendRaw(server.port, get('/health', 'new.example'))).slice(9, 12);
    expect(await status()).toBe('421');
    registry.editServer({ allowedHosts: ['new.example'] });
    expect(await status()).toBe('200');
  });
});

test.each(['a"b', 'a b', '[::1', '', 'a@localhost'])('the host %j is 400', async (host) => {
  const { server } = await serveStandIn();
  expect(await sendRaw(server.port, get('/', host))).toMatch(/^HTTP\/1\.1 400 /);
});

test('two Host headers are 400', async () => {
  const { server } = await serveStandIn();
  expect(await sendRaw(server.port, get('/', 'localhost', 'Host: evil.example\r\n'))).toMatch(
    /^HTTP\/1\.1 400 /,
  );
});
