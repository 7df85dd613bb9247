import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createModuleArchive } from '../../demo/module-archive.ts';
import { type ArchiveRules, defaultArchiveRules } from './archive-rules.ts';
import { type ByteSource, bytesInMemory, bytesOfFile } from './byte-source.ts';
import { checkArchive } from './check-archive.ts';
import {
  extraField,
  file,
  goodEntries,
  type HandMadeEnd,
  makeZip,
  manifest,
  numbers,
  someDeflated,
  someText,
  streamed,
  withEntries,
} from './zip.fixture.ts';

const check = (zip: Uint8Array, rules: Partial<ArchiveRules> = {}) =>
  checkArchive(bytesInMemory(zip), { ...defaultArchiveRules, ...rules });
const codesOf = async (zip: Uint8Array, rules: Partial<ArchiveRules> = {}) =>
  (await check(zip, rules)).problems.map(({ code, severity }) => (severity === 'error' ? code : `(${code})`));

const withEnd = (end: HandMadeEnd) => makeZip(goodEntries, end);
const descriptor = (sign = true) =>
  numbers(
    ...(sign ? ([[4, 0x08074b50]] as const) : []),
    [4, crc32(someText)],
    [4, someDeflated.length],
    [4, someText.length],
  );

describe('an archive that may be published', () => {
  test('is what the demo publishes, what other tools pack, and what has nothing but a manifest', async () => {
    expect(await check(createModuleArchive({ module: 'alice/json', version: '1.2.3' }))).toMatchObject({
      kind: 'accepted',
      problems: [],
      archive: { manifest: { name: 'alice/json', version: '1.2.3', dependencies: [] } },
    });
    expect(await check(makeZip(goodEntries))).toMatchObject({
      kind: 'accepted',
      problems: [],
      archive: {
        unpackedBytes: manifest.length + 520,
        files: [
          { path: 'moon.mod.json', sizeBytes: manifest.length },
          { path: 'src/lib.mbt', sizeBytes: 520 },
        ],
      },
    });
    expect(
      await codesOf(makeZip([{ name: 'moon.mod', content: 'name = "a/b"\nversion = "1.0.0"' }])),
    ).toEqual([]);
  });

  test.each<[string, Buffer]>([
    ['folders', withEntries(file('dir/', { content: '', method: 0, mode: 0o040755 }), file('dir/x'))],
    ['a folder that is deflated nothing', withEntries(file('dir/', { content: '', mode: 0o040755 }))],
    ['an executable', withEntries(file('run.sh', { mode: 0o100755 }))],
    ['no mode, made on DOS', withEntries(file('x', { mode: 0, madeBy: 0 }))],
    ['names in UTF-8', withEntries(file('src/包/🐫.mbt'))],
    ['an empty file', withEntries(file('empty', { content: '' }))],
    ['a stored file', withEntries(file('x', { method: 0 }))],
    [
      'a zip file in it, stored',
      withEntries(file('test/fixture.zip', { method: 0, content: makeZip(goodEntries) })),
    ],
    ['a comment', withEnd({ comment: Buffer.from('0123456789abcdef') })],
    ['time stamps', withEntries(file('x', { extra: extraField(0x5455, Buffer.alloc(5)) }))],
    ['a descriptor', withEntries(streamed({ descriptor: descriptor() }), file('y'))],
    [
      'a descriptor without its signature, at the end',
      withEntries(streamed({ descriptor: descriptor(false) })),
    ],
  ])('may have %s', async (_what, zip) => {
    expect(await codesOf(zip)).toEqual([]);
  });
});

describe('limits', () => {
  const bomb = Buffer.alloc(8 * 1024 * 1024);

  test('hold for the file, its entries, what it unpacks to, and the ratio', async () => {
    const zip = makeZip(goodEntries);
    expect(await codesOf(zip, { maxArchiveBytes: zip.length })).toEqual([]);
    expect(await codesOf(zip, { maxArchiveBytes: zip.length - 1 })).toEqual(['archive-too-large']);
    expect(await codesOf(zip, { maxEntries: 2 })).toEqual([]);
    expect(await codesOf(zip, { maxEntries: 1 })).toEqual(['too-many-entries']);
    const unpacked = manifest.length + 520;
    expect(await codesOf(zip, { maxUnpackedBytes: unpacked })).toEqual([]);
    expect(await codesOf(zip, { maxUnpackedBytes: unpacked - 1 })).toEqual(['unpacks-too-large']);
    expect(await codesOf(withEntries(file('x', { content: bomb })))).toEqual(['compression-ratio']);
    expect(await codesOf(withEntries(file('x', { content: bomb })), { maxRatio: 2000 })).toEqual([]);
  });

  test('a bomb that states a small size is not unpacked beyond it', async () => {
    const before = process.memoryUsage.rss();
    const zip = withEntries(
      file('x', {
        packed: deflateRawSync(bomb),
        unpackedBytes: 900_000,
        crc: crc32(bomb.subarray(0, 900_000)),
      }),
    );
    expect(await codesOf(zip)).toEqual(['entry-damaged']);
    expect(process.memoryUsage.rss() - before).toBeLessThan(200 * 1024 * 1024);
  });

  test('what may not be published for its size is not read at all', async () => {
    const read: [number, number][] = [];
    const source: ByteSource = {
      sizeBytes: 10 * 1024 ** 3,
      read: async (at, length) => {
        read.push([at, length]);
        return Buffer.alloc(0);
      },
    };
    expect((await checkArchive(source, defaultArchiveRules)).problems[0]?.code).toBe('archive-too-large');
    expect(read).toEqual([]);
  });

  test('no piece that is read is larger than a mebibyte, whatever the archive', async () => {
    const zip = withEntries(file('x', { content: Buffer.alloc(5_000_000, 7), method: 0 }));
    const lengths: number[] = [];
    const inner = bytesInMemory(zip);
    const source = {
      ...inner,
      read(at: number, length: number) {
        lengths.push(length);
        return inner.read(at, length);
      },
    };
    expect((await checkArchive(source, defaultArchiveRules)).kind).toBe('accepted');
    expect(Math.max(...lengths)).toBeLessThan(1024 * 1024);
  });
});

describe('remarks', () => {
  test.each([
    ...[
      'aux',
      'src/AUX.mbt',
      'com1',
      'lpt9.txt',
      'nul',
      'conin$',
      'x.',
      'x ',
      ' x',
      'dir./x',
      'a<b',
      'what?',
      'a|b',
      'a"b',
      'a*',
    ],
  ])('a name that Windows cannot hold: %s', async (name) => {
    expect(await codesOf(withEntries(file(name)))).toEqual(['(awkward-name)']);
  });

  test.each(['auxiliary', 'com10', 'console.mbt', '.gitignore', 'a.b.c', 'x y'])(
    'no remark: %s',
    async (name) => {
      expect(await codesOf(withEntries(file(name)))).toEqual([]);
    },
  );

  test.each(['_build/x', 'target/wasm/x', '.mooncakes/a/b'])('what builds make: %s', async (name) => {
    expect(await codesOf(withEntries(file(name)))).toEqual(['(build-output)']);
  });
});

describe('the manifest', () => {
  const statements = 'name = "alice/json"\nversion = "1.2.3"\n';

  test('has to be at the root', async () => {
    const { problems } = await check(makeZip([file('json-1.2.3/moon.mod', { content: statements })]));
    expect(problems).toMatchObject([
      { code: 'no-manifest', text: expect.stringContaining('json-1.2.3/moon.mod') },
    ]);
    expect(await codesOf(makeZip([file('moon.mod/', { content: '', mode: 0o040755 })]))).toEqual([
      'no-manifest',
    ]);
    const besides = withEntries(file('moon.mod/', { content: '', mode: 0o040755 }), file('moon.mod/x'));
    expect(await codesOf(besides)).toEqual([]);
  });

  test('of both kinds has to say the same', async () => {
    const both = (content: string) => makeZip([...goodEntries, file('moon.mod', { content })]);
    expect(await codesOf(both(statements))).toEqual(['(two-manifests)']);
    expect(await codesOf(both(statements.replace('1.2.3', '1.2.4')))).toEqual(['two-manifests']);
    expect(await codesOf(both(statements.replace('alice', 'bob')))).toEqual(['two-manifests']);
    expect(await codesOf(both('name = '))).toEqual(['manifest-damaged']);
  });

  test('is read in a file that is refused for something else, so that all is heard at once', async () => {
    const link = file('x', { mode: 0o120777 });
    const wrong = file('moon.mod', { content: 'name = "alice"' });
    expect(await codesOf(makeZip([wrong, link]))).toEqual(['special-file', 'module-name', 'module-version']);
    expect(await codesOf(makeZip([wrong, file('y', { crc: 1 })]))).toEqual([
      'entry-damaged',
      'module-name',
      'module-version',
    ]);
    expect(await codesOf(makeZip([{ ...wrong, flags: 1 }]))).toEqual(['encrypted']);
    expect(await codesOf(makeZip([{ ...wrong, method: 12 }]))).toEqual(['compression-method']);
    expect(await codesOf(makeZip([wrong, wrong]))).toEqual(['duplicate-name']);
  });

  test('that is too long to be one is not read', async () => {
    const content = `${manifest}${' '.repeat(300_000)}`;
    expect(await codesOf(makeZip([file('moon.mod.json', { content })]))).toEqual(['manifest-damaged']);
  });

  test('has to say what whoever publishes it says', async () => {
    const asked = async (expected: object) =>
      (await checkArchive(bytesInMemory(makeZip(goodEntries)), defaultArchiveRules, expected)).problems.map(
        ({ text }) => text,
      );
    expect(await asked({ module: 'alice/json', version: '1.2.3' })).toEqual([]);
    expect(await asked({ module: 'alice/other', version: '1.2.4' })).toEqual([
      'its manifest says it is "alice/json", not "alice/other"',
      'its manifest says it is version 1.2.3, not 1.2.4',
    ]);
  });
});

test('a file on the disk is read as bytes in memory are', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'check-archive-'));
  const path = join(folder, 'module.zip');
  await writeFile(path, makeZip(goodEntries));
  const handle = await open(path);
  try {
    expect(await checkArchive(await bytesOfFile(handle), defaultArchiveRules)).toEqual(
      await check(makeZip(goodEntries)),
    );
  } finally {
    await handle.close();
    await rm(folder, { recursive: true });
  }
});

test('whatever bytes of a good archive change, it is accepted or refused in printable words, and never fails', async () => {
  const good = makeZip([
    ...goodEntries,
    file('dir/', { content: '', method: 0, mode: 0o040755 }),
    file('x', { method: 0 }),
  ]);
  const change = fc.record({ at: fc.nat(good.length - 1), value: fc.integer({ min: 0, max: 255 }) });
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
      const zip = Buffer.from(good);
      for (const { at, value } of changes) zip[at] = value;
      const result = await check(zip);
      expect(result.problems.every(({ text }) => /^[ -~…]+$/.test(text))).toBe(true);
      expect(result.problems.some(({ severity }) => severity === 'error')).toBe(result.kind === 'refused');
    }),
    { numRuns: 400 },
  );
});

test('any single byte that is taken out of a good archive, or put in, has it refused', async () => {
  const good = makeZip(goodEntries);
  for (let at = 0; at < good.length; at++) {
    const without = Buffer.concat([good.subarray(0, at), good.subarray(at + 1)]);
    const more = Buffer.concat([good.subarray(0, at), Buffer.from('z'), good.subarray(at)]);
    expect([(await check(without)).kind, (await check(more)).kind], `at ${at}`).toEqual([
      'refused',
      'refused',
    ]);
  }
});
