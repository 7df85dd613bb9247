/** Many who publish at once, to the built program with two processes. */
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { archiveOf, createToken, publishTo } from '../support/publisher.ts';
import { createRegistry } from '../support/registry-world.ts';
import { startCli } from '../support/run-cli.ts';
import { sha256, startUpstream } from '../support/worlds.ts';
import { downloadFrom, readServedIndex } from './cli-registry.ts';

test('of 8 × 25 publishes to two processes, all but one to a module that they share, no line is lost', async () => {
  const upstream = await startUpstream(['alice/json@1.0.0']);
  const registry = await createRegistry({
    sources: [{ name: 'public', upstream }],
    hosting: 'namespaces = ["company/*"]',
  });
  const { directory } = registry.config;
  const token = await createToken(registry, 'ci');
  const server = await startCli(['serve', '--port', '0', '--workers', '2'], { cwd: directory });
  onTestFinished(async () => void (await server.stop()));

  const archives = new Map<string, Buffer>();
  const publishAll = async (client: number) => {
    for (let patch = 0; patch < 25; patch++) {
      const id = `company/${patch === 0 ? `own${client}` : 'shared'}@${client + 2}.0.${patch}`;
      const archive = archiveOf(id);
      archives.set(id, archive);
      expect(await publishTo(server.baseUrl, token, archive)).toEqual({
        status: 200,
        body: { status: 'ok' },
      });
    }
  };
  await Promise.all(Array.from({ length: 8 }, (_, client) => publishAll(client)));

  const served = await readServedIndex(join(directory, 'data', 'index'));
  const published = Object.fromEntries([...archives].map(([id, archive]) => [id, sha256(archive)]));
  expect(Object.keys(served).length).toBe(201);
  expect(served).toMatchObject(published);
  expect(await downloadFrom(server, 'company/shared@9.0.24')).toBe(published['company/shared@9.0.24']);
});
