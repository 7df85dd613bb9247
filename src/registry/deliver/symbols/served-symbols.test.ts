import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { strToU8, unzipSync, zipSync } from 'fflate';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../../../test/support/temporary-directory.ts';
import { createDiskShares } from '../../../archives/disk-share.ts';
import { found } from '../../../model/lookup.ts';
import type { OpenedBody, Source } from '../../../sources/source.ts';
import { silentLog } from '../../../support/log.ts';
import { createSymbols } from './served-symbols.ts';

const shares = createDiskShares(async () => Number.POSITIVE_INFINITY);

function sourceWith(chunks: Iterable<Buffer>, sizeBytes?: number): { source: Source; body: Readable } {
  const body = Readable.from(chunks, { objectMode: false });
  const opened: OpenedBody = { body, sizeBytes, etag: undefined, url: 'http://127.0.0.1:9/symbols.zip' };
  return {
    source: {
      config: { name: 'main', limits: { diskShare: 1 } },
      openSymbols: async () => found(opened),
    } as unknown as Source,
    body,
  };
}

test('a symbols.zip without an end is given up, and leaves nothing', async () => {
  const directory = temporaryDirectory();
  let sent = 0;
  const { source, body } = sourceWith(
    (function* () {
      for (; sent < 1000; sent++) yield Buffer.alloc(1024 * 1024);
    })(),
  );
  await createSymbols({ directory, shares, log: silentLog }).refresh([source]);
  expect(sent).toBeLessThan(200);
  expect(body.destroyed).toBe(true);
  expect(await readdir(directory)).toEqual([]);
});

test('a symbols.zip that breaks off does not replace the last one', async () => {
  const directory = temporaryDirectory();
  const symbols = createSymbols({ directory, shares, log: silentLog });
  await symbols.refresh([sourceWith([Buffer.from('whole')], 5).source]);
  await symbols.refresh([sourceWith([Buffer.from('ha')], 5).source]);
  expect(await readFile(join(directory, 'main.zip'), 'utf8')).toBe('whole');
});

test('however many ask at once, it is merged once for each state', async () => {
  const directory = temporaryDirectory();
  const symbols = createSymbols({ directory, shares, log: silentLog });
  await writeFile(join(directory, 'main.zip'), zipSync({ 'alice/json.symbols': strToU8('{}') }));
  let merges = 0;
  const loadOrigins = async () => {
    merges++;
    return () => 'main';
  };
  const ask = (state: string) =>
    Promise.all(Array.from({ length: 40 }, () => symbols.serve(state, ['main'], loadOrigins)));
  const first = await ask('one');
  expect(new Set(first).size).toBe(1);
  expect(Object.keys(unzipSync(first[0]?.content as Buffer))).toEqual(['alice/json.symbols']);
  await symbols.refresh([]);
  await ask('two');
  expect(merges).toBe(2);
});

test('a merge that fails is tried again by whoever asks next', async () => {
  const symbols = createSymbols({ directory: temporaryDirectory(), shares, log: silentLog });
  const fails = () => Promise.reject(new Error('no origins'));
  await expect(symbols.serve('one', ['main'], fails)).rejects.toThrow('no origins');
  expect((await symbols.serve('one', ['main'], async () => () => 'main')).sizeBytes).toBeGreaterThan(0);
});
