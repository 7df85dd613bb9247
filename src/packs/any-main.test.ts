import { expect, onTestFinished, test } from 'vitest';
import { createRegistryStandIn } from '../../test/support/registry-stand-in.ts';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { formatPackets } from '../support/git/pkt-line.ts';
import { silentLog } from '../support/log.ts';
import { nameCommit, servingAnyMain } from './any-main.ts';
import { createUploadPack } from './upload-pack.ts';
import { readUploadRequest } from './upload-request.ts';

const commit = 'c'.repeat(40);

test('every id of a list is that commit, and nothing else changes', () => {
  const id = '1'.repeat(40);
  const listing = [`${id} HEAD\0symref=HEAD:refs/heads/main ${id}`, `${id} refs/heads/main`, 'version 2'];
  const packets = [...listing.map((text) => ({ kind: 'data', text }) as const), { kind: 'flush' } as const];
  const named = nameCommit(formatPackets(packets), commit).toString('latin1');
  expect(named).toBe(
    formatPackets(packets)
      .toString('latin1')
      .replace(`${id} HEAD`, `${commit} HEAD`)
      .replace(`${id} refs`, `${commit} refs`),
  );
  expect(nameCommit(Buffer.from('no packets'), commit).toString()).toBe('no packets');
});

test('git is asked once for the list, whatever commits are asked about, in each protocol', async () => {
  const registry = await createRegistryStandIn();
  onTestFinished(() => registry.close());
  const uploadPack = createUploadPack({
    ...{
      gitDir: registry.indexDirectory,
      processes: 2,
      queue: 10,
      memoryBytes: 1_000_000,
      smallBytes: 100_000,
    },
    ...{ folder: temporaryDirectory(), diskBytes: 1_000_000, timeoutMs: 60_000, log: silentLog },
    readCommit: undefined,
  });
  onTestFinished(() => uploadPack.close());
  const main = servingAnyMain(uploadPack);
  const caller = { client: { address: '192.0.2.1' }, signal: () => new AbortController().signal };
  const list = readUploadRequest(
    2,
    formatPackets([
      { kind: 'data', text: 'command=ls-refs' },
      { kind: 'delimiter' },
      { kind: 'data', text: 'symrefs' },
      { kind: 'flush' },
    ]),
  );
  const input = list.kind === 'accepted' ? list.within(new Set()) : undefined;
  for (let i = 0; i < 20; i++) {
    const asked = i.toString(16).repeat(40).slice(0, 40);
    const all = await Promise.all([
      main.packFor({ commit: asked, protocol: 0, input: undefined }, caller),
      main.packFor({ commit: asked, protocol: 2, input }, caller),
    ]);
    for (const pack of all) {
      const text = pack.kind === 'bytes' ? pack.bytes.toString('latin1') : pack.kind;
      expect(text).toMatch(new RegExp(`${asked} HEAD[^]*${asked} refs/heads/main\n`));
    }
  }
  expect(uploadPack.stats()).toMatchObject({ started: 2 });
});
