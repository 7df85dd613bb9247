import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  createRegistry,
  download,
  moduleName,
  readServed,
  version,
  writeSettings,
} from '../../../test/support/registry-world.ts';
import { startUpstream } from '../../../test/support/worlds.ts';
import type { UpstreamRegistry } from '../../../test/worlds/upstream-registry.ts';
import { createManualClock } from '../../support/flow/monotonic-clock.fixture.ts';
import type { Registry } from '../registry.ts';

const id = 'alice/json@1.0.0';

function archivesAsked(upstream: UpstreamRegistry): number {
  return upstream.count('/user/');
}

/** Where archives can be asked for that come as slowly as the test says; the index is elsewhere. */
async function startSlowHost() {
  const answers: ServerResponse[] = [];
  const server = createServer(({ url }, response) => {
    if (url?.startsWith('/user/')) answers.push(response);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  );
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, answers };
}

async function filesOf(registry: Registry): Promise<string[]> {
  const names = await readdir(join(registry.config.registry.dataDir, 'packages'), { recursive: true });
  return names.filter((name) => /\.zip|\.tmp/.test(name) || name.includes('/.'));
}

describe('an archive that is not here is asked', () => {
  test('of the sources that list these bytes, the most trusted first, whoever decided what the name means', async () => {
    const [origin, better, stranger] = [
      await startUpstream([id]),
      await startUpstream(),
      await startUpstream(['bob/x@1.0.0']),
    ];
    const main = { name: 'main', upstream: origin, priority: 50 };
    const registry = await createRegistry({ sources: [main] });
    await registry.sync();
    const { [id]: checksum } = await readServed(registry);
    // It lists other bytes for a version that was served, so that the module stays where it is.
    await better.publish('alice/json@0.9.0');
    await better.publish(id);
    await origin.publish('alice/json@0.9.0', { sizeBytes: 4000 });
    await registry.sync();
    const sources = [
      { name: 'stranger', upstream: stranger, priority: 10 },
      { name: 'better', upstream: better, priority: 20 },
      main,
    ];
    await writeSettings(registry.config.directory, { sources });
    await registry.reload();
    await registry.sync();
    expect(await registry.originOf(moduleName('alice/json'))).toBe('main');
    for (const upstream of [origin, better, stranger]) upstream.resetCounts();
    expect(await download(registry, id)).toBe(checksum);
    expect([origin, better, stranger].map(archivesAsked)).toEqual([0, 1, 0]);
  });

  test('of the source that claims the name first', async () => {
    const [claiming, trusted] = [await startUpstream([id]), await startUpstream([id])];
    const registry = await createRegistry({
      sources: [
        { name: 'trusted', upstream: trusted, priority: 10 },
        { name: 'claiming', upstream: claiming, priority: 90, namespaces: ['alice/*'] },
      ],
    });
    await registry.sync();
    const { [id]: checksum } = await readServed(registry);
    expect(await download(registry, id)).toBe(checksum);
    expect([archivesAsked(claiming), archivesAsked(trusted)]).toEqual([1, 0]);
  });

  test('of others where a claim decides what the name means, and the claimant cannot give it', async () => {
    const [claiming, other] = [await startUpstream([id]), await startUpstream([id])];
    const registry = await createRegistry({
      sources: [
        { name: 'claiming', upstream: claiming, priority: 10, namespaces: ['alice/*'] },
        { name: 'other', upstream: other, priority: 90 },
      ],
    });
    await registry.sync();
    const { [id]: checksum } = await readServed(registry);
    claiming.faults.status = 500;
    expect(await download(registry, id)).toBe(checksum);
  });

  test('of none that must not supply the name, lists other bytes by now, or is disabled', async () => {
    const [origin, excluded, disabled] = [
      await startUpstream([id]),
      await startUpstream([id]),
      await startUpstream([id]),
    ];
    const registry = await createRegistry({
      sources: [
        { name: 'origin', upstream: origin, priority: 10 },
        { name: 'excluded', upstream: excluded, priority: 20, exclude: ['alice/*'] },
        { name: 'disabled', upstream: disabled, priority: 30, enabled: false },
      ],
    });
    await registry.sync();
    const [line = ''] = origin.index.read('user/alice/json.index')?.toString().split('\n') ?? [];
    const other = line.replace(/"checksum": ?"[0-9a-f]{64}"/, `"checksum":"${'0'.repeat(64)}"`);
    expect(other).not.toBe(line);
    await origin.writeIndexFile('user/alice/json.index', `${other}\n`);
    await registry.sync();
    expect(Object.keys(await readServed(registry))).toEqual([id]);
    expect(await registry.openArchive(moduleName('alice/json'), version('1.0.0'))).toEqual({
      kind: 'unavailable',
      cause: { reason: 'disabled', detail: expect.stringContaining('no enabled source lists it') },
    });
    expect([origin, excluded, disabled].map(archivesAsked)).toEqual([0, 0, 0]);
  });
});

describe('an archive that comes slowly', () => {
  async function createScene(ids = [id]) {
    const [slow, twin] = [await startUpstream(ids), await startUpstream(ids)];
    const host = await startSlowHost();
    const clock = createManualClock();
    const registry = await createRegistry({
      sources: [
        { name: 'slow', upstream: slow, priority: 10, lines: `download_url = "${host.url}"` },
        { name: 'twin', upstream: twin, priority: 20 },
      ],
      connections: { clock, http: { retry: { sleep: async () => {} } } },
    });
    await registry.sync();
    return { registry, host, twin, clock, checksum: (await readServed(registry))[ids[0] ?? ''] };
  }

  test('drop by drop comes from the next source after seconds, and the slow one is left', async () => {
    const { registry, host, twin, clock, checksum } = await createScene();
    const downloading = download(registry, id);
    await expect.poll(() => host.answers.length).toBe(1);
    const [drip] = host.answers;
    drip?.writeHead(200, { 'content-length': 5000 }).write('P');
    let hasLeft = false;
    drip?.on('close', () => {
      hasLeft = true;
    });
    // Real bytes are on their way while the clock stands still, so it goes on until they have come.
    while (twin.count('/user/') === 0) {
      await clock.advance(1000);
      drip?.write('K');
    }
    expect(await downloading).toBe(checksum);
    await expect.poll(() => hasLeft).toBe(true);
    await registry.close();
    expect(await filesOf(registry)).toEqual([`${checksum?.slice(0, 2)}/${checksum}.zip`]);
  });

  test('not at all comes from the next source after three seconds', async () => {
    const { registry, host, twin, clock, checksum } = await createScene();
    const downloading = download(registry, id);
    await expect.poll(() => host.answers.length).toBe(1);
    await clock.advance(2999);
    expect(twin.count('/user/')).toBe(0);
    await clock.advance(1);
    expect(await downloading).toBe(checksum);
  });

  test('is taken from whoever has it whole first, also from the slow one', async () => {
    const { registry, host, twin, clock, checksum } = await createScene();
    const bytes = Buffer.from(await (await fetch(`${twin.url}/user/alice/json/1.0.0.zip`)).arrayBuffer());
    twin.resetCounts();
    twin.faults.blackHole = true;
    const downloading = download(registry, id);
    await expect.poll(() => host.answers.length).toBe(1);
    await clock.advance(3000);
    await expect.poll(() => twin.count('/user/')).toBe(1);
    host.answers[0]?.end(bytes);
    expect(await downloading).toBe(checksum);
  });

  test('where nobody else has it goes on', async () => {
    const upstream = await startUpstream([id]);
    const host = await startSlowHost();
    const clock = createManualClock();
    const registry = await createRegistry({
      sources: [{ name: 'main', upstream, lines: `download_url = "${host.url}"` }],
      connections: { clock },
    });
    await registry.sync();
    const bytes = Buffer.from(await (await fetch(`${upstream.url}/user/alice/json/1.0.0.zip`)).arrayBuffer());
    const downloading = download(registry, id);
    await expect.poll(() => host.answers.length).toBe(1);
    const [answer] = host.answers;
    answer?.writeHead(200, { 'content-length': bytes.length }).write(bytes.subarray(0, 100));
    await clock.advance(30_000);
    answer?.end(bytes.subarray(100));
    expect(await downloading).toBe((await readServed(registry))[id]);
    expect(host.answers).toHaveLength(1);
  });

  test('and breaks off goes on where it was, also while it is mirrored', async () => {
    const upstream = await startUpstream();
    await upstream.publish(id, { archive: asZip(randomBytes(300_000)) });
    const registry = await createRegistry({ sources: [{ name: 'main', upstream }] });
    await registry.sync();
    Object.assign(upstream.faults, { only: 'archives', truncate: true, times: 1 });
    const report = await registry.mirror({ patterns: ['*'] });
    expect(report).toMatchObject({ failed: [], sources: [{ downloaded: 1 }] });
    const ranges = upstream.requests
      .filter(({ url }) => url.startsWith('/user/'))
      .map(({ headers }) => headers.range);
    expect(ranges).toEqual([undefined, expect.stringMatching(/^bytes=1\d{5}-$/)]);
  });

  test('whole but larger than its source may send is not read', async () => {
    const upstream = await startUpstream();
    await upstream.publish(id, { archive: asZip(randomBytes(300_000)) });
    const lines = '[sources.limits]\narchive = "200KiB"';
    const registry = await createRegistry({ sources: [{ name: 'main', upstream, lines }] });
    await registry.sync();
    expect(await registry.openArchive(moduleName('alice/json'), version('1.0.0'))).toMatchObject({
      cause: { reason: 'bad-answer', detail: expect.stringContaining('larger than the 204800 bytes') },
    });
  });
});

/** Begins as every zip does. */
function asZip(content: Buffer): Buffer {
  return Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), content]);
}
