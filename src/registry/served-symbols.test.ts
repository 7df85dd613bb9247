import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { createDiskShares } from '../archives/disk-share.ts';
import { found } from '../model/lookup.ts';
import type { OpenedBody, Source } from '../sources/source.ts';
import { silentLog } from '../support/log.ts';
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
