/** The command at the boundary: where sources lead, and what credentials and proxies that cannot be used cost. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startUpstream } from '../support/worlds.ts';
import { createCliRegistry, downloadFrom } from './cli-registry.ts';

const auth = `type = "bearer"\ntoken = "\${PARTNER_TOKEN}"`;

/** A service that only this machine should reach; counts who asks. */
async function startInside() {
  let asked = 0;
  const server = createServer((_, response) => {
    asked++;
    response.end('{"password":"hush"}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, asked: () => asked };
}

describe('a source that redirects to a service inside', () => {
  test('is refused with the command that allows it; even then nothing but a zip file is kept', async () => {
    const upstream = await startUpstream(['alice/json@1.0.0']);
    const inside = await startInside();
    const registry = await createCliRegistry({ sources: [{ name: 'partner', upstream }] });
    Object.assign(upstream.faults, { only: 'archives', redirectTo: `http://${inside.host}` });
    const check = await registry.run('source', 'check', 'partner');
    expect(check.code).toBe(1);
    const command = /moonbit-registry (config sources\.partner\.allowed_redirects "([^"]+)")/.exec(
      check.stdout,
    );
    expect(command?.[2]).toBe(inside.host);
    const mirror = await registry.run('mirror', '--full');
    expect(mirror.code).toBe(3);
    expect(mirror.stdout).toContain('which is not on the public internet');
    const server = await registry.serve();
    expect(await downloadFrom(server, 'alice/json@1.0.0')).toBe('HTTP 502');
    expect(inside.asked()).toBe(0);

    const words = command?.[1]?.replaceAll('"', '').split(' ') ?? [];
    expect((await registry.run(...words)).code).toBe(0);
    const again = await registry.run('mirror', '--full');
    expect(inside.asked()).toBeGreaterThan(0);
    expect(again.stdout).toContain('it does not begin as a zip file does');
    expect(again.stdout).not.toMatch(/[0-9a-f]{64}|hush|\b19\b/);
  });
});

describe('credentials that cannot be sent', () => {
  test.each([
    ['\ufefftoken', 'a byte-order mark'],
    ['tok€n', 'a character outside ASCII'],
    ['token\n', 'a line break'],
    ['tok\u0001en', 'a control character'],
  ])('%j is the trouble of their source alone', async (token, flaw) => {
    const guarded = await startUpstream(['alice/json@1.0.0'], { auth: { type: 'bearer', token: 'token' } });
    const open = await startUpstream(['bob/x@1.0.0']);
    const registry = await createCliRegistry({
      sources: [
        { name: 'open', upstream: open, priority: 10 },
        { name: 'guarded', upstream: guarded, auth },
      ],
    });
    const env = { PARTNER_TOKEN: token };
    const sync = await registry.runWith({ env }, 'sync');
    expect(sync.code).toBe(3);
    expect(sync.stdout).toContain(`the environment variable PARTNER_TOKEN holds ${flaw}`);
    expect(Object.keys(await registry.served())).toEqual(['bob/x@1.0.0']);
    const check = await registry.runWith({ env }, 'source', 'check', 'guarded');
    expect(check.code).toBe(1);
    expect(check.stdout).toContain(`PARTNER_TOKEN holds ${flaw}`);
    const doctor = await registry.runWith({ env }, 'doctor');
    expect(doctor.stdout + doctor.stderr).toContain(`PARTNER_TOKEN holds ${flaw}`);
    expect(doctor.code).toBe(1);
    expect(guarded.requests).toEqual([]);
  });
});

describe('a proxy that cannot be used', () => {
  test.each([
    ['ALL_PROXY', 'socks5h://me:hush@proxy.example:1080', 'names a socks5h proxy that is not supported'],
    ['http_proxy', 'proxy:3128:x', 'does not hold the address of a proxy'],
  ])('in %s=%s is named as what keeps sources from being read', async (variable, value, problem) => {
    const upstream = await startUpstream(['alice/json@1.0.0']);
    const registry = await createCliRegistry({ sources: [{ name: 'partner', upstream }] });
    const none = { http_proxy: '', HTTP_PROXY: '', all_proxy: '', ALL_PROXY: '', no_proxy: '', NO_PROXY: '' };
    const env = { ...none, [variable]: value };
    for (const words of [['sync'], ['source', 'check'], ['doctor']]) {
      const { code, stdout, stderr } = await registry.runWith({ env }, ...words);
      expect([1, 3]).toContain(code);
      expect(stdout + stderr).toContain(`the environment variable ${variable} ${problem}`);
      expect(stdout + stderr).not.toContain('hush');
    }
    expect((await registry.runWith({ env: { ...env, no_proxy: '127.0.0.1' } }, 'sync')).code).toBe(0);
  });
});
