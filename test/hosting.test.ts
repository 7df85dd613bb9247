/** Publishing over real HTTP into a real repository, and what others find of it. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startServer } from '../src/server/listen.ts';
import { serveRegistry } from './e2e/served-registry.ts';
import { git } from './support/git-client.ts';
import { archiveOf, createToken, publishTo } from './support/publisher.ts';
import { createRegistry, moduleName, readServed, version } from './support/registry-world.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';
import { sha256, startUpstream } from './support/worlds.ts';

const company = 'namespaces = ["company/*"]';

interface Hosting {
  /** Lines of `[hosting]`. */
  readonly hosting?: string;
  /** What the public registry has, which this one has read. */
  readonly published?: readonly string[];
}

/** A registry that hosts `company/…` beside a public one, served, with a token that may publish. */
async function serveHosting({ hosting = company, published = ['alice/json@1.0.0'] }: Hosting = {}) {
  const upstream = await startUpstream(published);
  const registry = await createRegistry({ sources: [{ name: 'public', upstream }], hosting });
  await registry.sync();
  const token = await createToken(registry, 'ci');
  const server = await startServer(registry, { host: '127.0.0.1', port: 0 });
  onTestFinished(() => server.close(0));
  const { url } = server;
  const publish = (id: string, facts: Parameters<typeof archiveOf>[1] = {}) =>
    publishTo(url, token, archiveOf(id, facts));
  return { registry, upstream, url, indexUrl: `${url}/git/index`, token, publish };
}

test('what is published is cloned, downloaded, and aggregated by a registry that has this one as a source', async () => {
  const { registry, url, indexUrl, token } = await serveHosting();
  const archive = archiveOf('company/tool@1.0.0', { fields: { deps: { 'alice/json': '1.0.0' } } });
  expect(await publishTo(url, token, archive)).toEqual({ status: 200, body: { status: 'ok' } });

  const clone = join(temporaryDirectory(), 'clone');
  await git(['clone', '-q', '--depth', '1', indexUrl, clone]);
  const line = await git(['-C', clone, 'show', 'HEAD:user/company/tool.index']);
  expect(line).toMatch(
    /^\{"name": "company\/tool", "version": "1\.0\.0", "license": "MIT", "deps": \{"alice\/json": "1\.0\.0"\}, "checksum": "[0-9a-f]{64}", "created_at": "[^"]*\+00:00", "yanked": false, "yanked_reason": null\}\n$/,
  );
  const answer = await fetch(`${url}/user/company%2Ftool%2F1.0.0.zip`);
  expect(Buffer.from(await answer.arrayBuffer()).equals(archive)).toBe(true);

  const second = await serveRegistry({
    sources: [{ name: 'first', upstream: { url, indexUrl } }],
  });
  expect(await readServed(second.registry)).toMatchObject({ 'company/tool@1.0.0': sha256(archive) });
  const again = await fetch(`${second.url}/user/company/tool/1.0.0.zip`);
  expect(
    createHash('sha256')
      .update(Buffer.from(await again.arrayBuffer()))
      .digest('hex'),
  ).toBe(sha256(archive));
  expect(await registry.explain(moduleName('company/tool'), version('1.0.0'))).toMatchObject({
    origin: 'hosted',
    isServed: true,
    rule: 'claimed',
  });
});
