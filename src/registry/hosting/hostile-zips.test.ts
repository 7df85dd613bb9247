/** Zip files that lie, byte by byte: what each of them is refused for. */
import { crc32, deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromBufferPromise } from 'yauzl';
import { defaultArchiveRules } from './archive-rules.ts';
import { bytesInMemory } from './byte-source.ts';
import { checkArchive } from './check-archive.ts';
import {
  extraField,
  file,
  goodEntries,
  type HandMadeEnd,
  type HandMadeEntry,
  makeZip,
  numbers,
  someDeflated,
  someText,
  streamed,
  withEntries,
} from './zip.fixture.ts';

const check = (zip: Uint8Array) => checkArchive(bytesInMemory(zip), defaultArchiveRules);
const codesOf = async (zip: Uint8Array) =>
  (await check(zip)).problems.map(({ code, severity }) => (severity === 'error' ? code : `(${code})`));

const withEnd = (end: HandMadeEnd) => makeZip(goodEntries, end);
/** A quine-like bomb: many entries of the list that share the bytes of one. */
function sharedBytes(): Buffer {
  const bytes = deflateRawSync(Buffer.alloc(1024 * 1024));
  const first = file('a', { content: Buffer.alloc(1024 * 1024), packed: bytes });
  const at = makeZip(goodEntries).length - 22 - 46 * 2 - 'moon.mod.json'.length - 'src/lib.mbt'.length;
  return withEntries(
    first,
    ...['b', 'c', 'd'].map((name) => file(name, { ...first, name, at, packed: bytes })),
  );
}

describe('an archive that is refused', () => {
  test.each<[string, Buffer, string[]]>([
    ['no zip file', Buffer.from('<!doctype html>'), ['not-a-zip']],
    ['nothing', Buffer.alloc(0), ['not-a-zip']],
    ['an end record alone', makeZip([]), ['no-manifest']],
    ['one cut off', makeZip(goodEntries).subarray(0, -30), ['not-a-zip']],
    ['one with bytes behind', Buffer.concat([makeZip(goodEntries), Buffer.from('x')]), ['trailing-data']],
    [
      'one with another behind',
      Buffer.concat([makeZip(goodEntries), makeZip(goodEntries)]),
      ['prepended-data'],
    ],
    [
      'one with a program before',
      Buffer.concat([Buffer.from('#!/bin/sh\n'), makeZip(goodEntries)]),
      ['prepended-data'],
    ],
    [
      'one with a program before, whose offsets count it',
      Buffer.concat([Buffer.from('12345'), shifted(5)]),
      ['prepended-data'],
    ],
    ['bytes before its end record', withEnd({ between: Buffer.from('hidden') }), ['prepended-data']],
    ['another zip file in its comment', withEnd({ comment: makeZip(goodEntries) }), ['prepended-data']],
    ['its end in its comment', withEnd({ comment: fakeEnd() }), ['hidden-data']],
    [
      'a comment that is too long',
      withEnd({ comment: Buffer.from('PK\x05\x06'.padEnd(30, '\xff'), 'latin1') }),
      ['trailing-data'],
    ],
    ['a list that ends behind the file', withEnd({ directoryBytes: 5000 }), ['directory-damaged']],
    ['a list that is shorter', withEnd({ directoryBytes: 40 }), ['prepended-data']],
    ['more entries than it lists', withEnd({ count: 3 }), ['directory-damaged']],
    ['fewer entries than it lists', withEnd({ count: 1 }), ['directory-damaged']],
    ['several disks', withEnd({ disk: 1 }), ['directory-damaged']],
    ['entries on other disks', withEnd({ countHere: 1 }), ['directory-damaged']],
    ['an entry on another disk', withEntries(file('x', { disk: 1 })), ['entry-damaged']],
    ['zip64 in its end', withEnd({ directoryAt: 0xffffffff }), ['zip64']],
    ['65535 entries', withEnd({ count: 0xffff }), ['zip64']],
    [
      'a zip64 locator',
      withEnd({ between: numbers([4, 0x07064b50], [4, 0], [4, 0], [4, 0], [4, 1]) }),
      ['zip64'],
    ],
    ['zip64 in an entry', withEntries(file('x', { extra: extraField(1, Buffer.alloc(16)) })), ['zip64']],
    [
      'zip64 in a local header',
      withEntries(file('x', { local: { extra: extraField(1, Buffer.alloc(16)) } })),
      ['zip64'],
    ],
    [
      'an entry of 4 GB',
      withEntries(file('x', { unpackedBytes: 0xffffffff })),
      ['zip64', 'compression-ratio', 'unpacks-too-large'],
    ],

    ['a way out', withEntries(file('../x')), ['unsafe-name']],
    ['a way out in the middle', withEntries(file('src/../../x')), ['unsafe-name']],
    ['a way out at the end', withEntries(file('src/..')), ['unsafe-name']],
    ['a way out by backslash', withEntries(file('..\\x')), ['unsafe-name']],
    ['a backslash', withEntries(file('src\\x')), ['unsafe-name']],
    ['an absolute path', withEntries(file('/etc/x')), ['unsafe-name']],
    ['a drive', withEntries(file('C:/x')), ['unsafe-name']],
    ['a drive without slash', withEntries(file('c:x')), ['unsafe-name']],
    ['a hidden stream', withEntries(file('x.mbt:evil')), ['unsafe-name']],
    ['a dot', withEntries(file('./x')), ['unsafe-name']],
    ['an empty part', withEntries(file('src//x')), ['unsafe-name']],
    ['an empty name', withEntries(file('')), ['unsafe-name']],
    ['a slash alone', withEntries(file('/')), ['unsafe-name']],
    ['a NUL', withEntries(file('x.mbt\0.txt')), ['unsafe-name']],
    ['a newline', withEntries(file('x\ny')), ['unsafe-name']],
    ['an escape of terminals', withEntries(file('\x1b[2Jx')), ['unsafe-name']],
    ['text turned around', withEntries(file('x\u202etbm.')), ['unsafe-name']],
    ['a long part', withEntries(file('x'.repeat(256))), ['unsafe-name']],
    ['a longer path', withEntries(file(`${'x'.repeat(200)}/`.repeat(6))), ['unsafe-name']],
    ['a deep path', withEntries(file('x/'.repeat(100))), ['unsafe-name']],
    ['a git repository', withEntries(file('.git/config')), ['unsafe-name']],
    ['a git repository, otherwise', withEntries(file('a/.GIT./hooks/x')), ['unsafe-name']],
    ['a git repository, on HFS+', withEntries(file('.g\u200cit/config')), ['unsafe-name']],
    ['a git repository, on NTFS', withEntries(file('git~1/config')), ['unsafe-name']],
    ['Latin-1', withEntries(file(Buffer.from('caf\xe9', 'latin1'))), ['unreadable-name']],
    ['UTF-8 without the mark', withEntries(file('café', { flags: 0 })), ['unreadable-name']],
    ['a surrogate', withEntries(file(Buffer.from([0x61, 0xed, 0xa0, 0x80]))), ['unreadable-name']],
    ['overlong UTF-8', withEntries(file(Buffer.from([0xc0, 0xae, 0xc0, 0xae, 0x2f]))), ['unreadable-name']],
    [
      'a name twice',
      withEntries(file('moon.pkg', { extra: extraField(0x7075, Buffer.alloc(9)) })),
      ['unreadable-name'],
    ],

    ['two of a name', withEntries(file('x'), file('x')), ['duplicate-name']],
    ['two manifests of a name', withEntries(file('moon.mod.json')), ['duplicate-name']],
    ['two in other case', withEntries(file('src/Lib.mbt')), ['duplicate-name']],
    ['two in other case of the folder', withEntries(file('SRC/other.mbt')), ['duplicate-name']],
    ['two Unicode forms', withEntries(file('é'), file('e\u0301')), ['duplicate-name']],
    ['ß and ss', withEntries(file('straße'), file('STRASSE')), ['duplicate-name']],
    ['K and the sign for kelvin', withEntries(file('k'), file('\u212a')), ['duplicate-name']],
    ['one with an invisible character', withEntries(file('x'), file('x\u200d')), ['duplicate-name']],
    ['a file where a folder is', withEntries(file('src')), ['duplicate-name']],
    ['a folder where a file is', withEntries(file('src/lib.mbt/x')), ['duplicate-name']],
    [
      'two of a folder',
      withEntries(file('d/', { content: '', mode: 0o040755 }), file('d/', { content: '', mode: 0o040755 })),
      ['duplicate-name'],
    ],
    [
      'a file and a folder of a name',
      withEntries(file('d'), file('d/', { content: '', mode: 0o040755 })),
      ['duplicate-name'],
    ],

    ['a symbolic link', withEntries(file('x', { mode: 0o120777, content: '/etc/passwd' })), ['special-file']],
    [
      'a symbolic link made elsewhere',
      withEntries(file('x', { mode: 0o120777, madeBy: 19 })),
      ['special-file'],
    ],
    [
      'a symbolic link by extra field',
      withEntries(file('x', { extra: extraField(0x756e, Buffer.alloc(14)) })),
      ['special-file'],
    ],
    [
      'a link only locally',
      withEntries(file('x', { local: { extra: extraField(0x756e, Buffer.alloc(14)) } })),
      ['special-file'],
    ],
    ['a device', withEntries(file('x', { mode: 0o020644 })), ['special-file']],
    ['a pipe', withEntries(file('x', { mode: 0o010644 })), ['special-file']],
    ['a socket', withEntries(file('x', { mode: 0o140644 })), ['special-file']],
    ['a folder that is a file', withEntries(file('x', { mode: 0o040755 })), ['special-file']],
    ['a file that is a folder', withEntries(file('x/', { content: '' })), ['special-file']],
    ['a set-user bit', withEntries(file('x', { mode: 0o104755 })), ['special-file']],
    ['a set-group bit', withEntries(file('x', { mode: 0o102755 })), ['special-file']],
    ['a file nobody may read', withEntries(file('x', { mode: 0o100000 })), ['special-file']],

    ['an encrypted file', withEntries(file('x', { flags: 1 })), ['encrypted']],
    ['strong encryption', withEntries(file('x', { flags: 0x41 })), ['encrypted']],
    [
      'AES',
      withEntries(file('x', { method: 99, extra: extraField(0x9901, Buffer.alloc(7)) })),
      ['compression-method', 'encrypted'],
    ],
    ['a masked list', withEntries(file('x', { flags: 0x2000 })), ['encrypted']],
    ['a patch', withEntries(file('x', { flags: 0x20 })), ['entry-damaged']],
    ...[1, 6, 9, 12, 14, 93, 95, 98].map((method): [string, Buffer, string[]] => [
      `method ${method}`,
      withEntries(file('x', { method })),
      ['compression-method'],
    ]),
    [
      'damaged extra fields',
      withEntries(file('x', { extra: Buffer.from([1, 2, 3]) })),
      ['entry-damaged', 'entry-damaged'],
    ],
    ['a folder with bytes', withEntries(file('x/', { mode: 0o040755 })), ['entry-damaged']],
  ])('for %s', async (_what, zip, codes) => {
    const found = (await codesOf(zip)).filter((code) => !code.startsWith('('));
    expect([...new Set(found)].sort()).toEqual([...new Set(codes)].sort());
  });

  test.each<[string, Buffer, string[], string]>([
    ['overlap', sharedBytes(), ['overlapping-entries'], 'overlap'],
    [
      'hold bytes of nobody',
      withEntries({
        ...file('x'),
        packed: Buffer.concat([deflateRawSync(Buffer.from('x')), someText]),
        packedBytes: 3,
      }),
      ['hidden-data'],
      'no entry holds',
    ],
    ['begin in another', withEntries(file('x', { at: 0 })), ['overlapping-entries'], 'overlap'],
    [
      'begin nowhere',
      withEntries(file('x', { local: { signature: 0x12345678 } })),
      ['entry-damaged'],
      'no entry begins',
    ],
    ['have two names', withEntries(file('x', { local: { name: 'y' } })), ['entry-damaged'], 'another name'],
    [
      'have two methods',
      withEntries(file('x', { local: { method: 0 } })),
      ['entry-damaged'],
      'another size, checksum, flag or method',
    ],
    [
      'have two sizes',
      withEntries(file('x', { local: { unpackedBytes: 9 } })),
      ['entry-damaged'],
      'another size',
    ],
    [
      'have two packed sizes',
      withEntries(file('x', { local: { packedBytes: 9 } })),
      ['entry-damaged'],
      'another size',
    ],
    [
      'have two checksums',
      withEntries(file('x', { local: { crc: 9 } })),
      ['entry-damaged'],
      'another size, checksum',
    ],
    ['have two flags', withEntries(file('x', { local: { flags: 8 } })), ['entry-damaged'], 'flag'],
    [
      'state no size, and no descriptor',
      withEntries(file('x', { local: { crc: 0, packedBytes: 0, unpackedBytes: 0 } })),
      ['entry-damaged'],
      'another size',
    ],
    [
      'have a descriptor that lies',
      withEntries(streamed({ descriptor: numbers([4, 1], [4, 2], [4, 3]) })),
      ['hidden-data'],
      '12 bytes',
    ],
    [
      'have half a descriptor',
      withEntries(streamed({ descriptor: Buffer.alloc(7) })),
      ['hidden-data'],
      '7 bytes',
    ],

    [
      'hold more than they state',
      withEntries(file('x', { content: someText, unpackedBytes: 5, crc: crc32(someText.subarray(0, 5)) })),
      ['entry-damaged'],
      'more than the 5 bytes',
    ],
    [
      'hold less than they state',
      withEntries(file('x', { content: someText, unpackedBytes: 500 })),
      ['entry-damaged'],
      '26 of the 500',
    ],
    ['hold other bytes', withEntries(file('x', { crc: 1 })), ['entry-damaged'], 'other bytes'],
    [
      'are stored, but state two sizes',
      withEntries(file('x', { content: someText, method: 0, unpackedBytes: 5 })),
      ['entry-damaged'],
      'two sizes',
    ],
    [
      'are no deflated bytes',
      withEntries(file('x', { packed: Buffer.from([0xff, 0xff, 0xff]) })),
      ['entry-damaged'],
      'deflating',
    ],
    [
      'are cut off',
      withEntries(file('x', { content: someText, packed: someDeflated.subarray(0, 10) })),
      ['entry-damaged'],
      'deflating',
    ],
    [
      'have bytes behind the end',
      withEntries(file('x', { content: someText, packed: Buffer.concat([someDeflated, someText]) })),
      ['entry-damaged'],
      'behind its end',
    ],
    [
      'have many bytes behind the end',
      withEntries(
        file('x', { content: someText, packed: Buffer.concat([someDeflated, Buffer.alloc(1_000_000)]) }),
      ),
      ['entry-damaged'],
      'behind its end',
    ],
    [
      'have no bytes at all',
      withEntries(file('x', { packed: Buffer.alloc(0) })),
      ['entry-damaged'],
      'deflating',
    ],
  ])('whose entries %s', async (_what, zip, codes, words) => {
    const { problems } = await check(zip);
    expect(problems.map(({ code }) => code)).toEqual(codes);
    expect(problems[0]?.text).toContain(words);
  });

  test('for more than one thing, said at once; errors stand first', async () => {
    const zip = makeZip([
      file('nul.txt'),
      file('a', { mode: 0o120777 }),
      file('B'),
      file('b'),
      file('c', { method: 12 }),
      file('sub/moon.mod'),
    ]);
    expect(await codesOf(zip)).toEqual([
      'duplicate-name',
      'special-file',
      'compression-method',
      'no-manifest',
      '(awkward-name)',
    ]);
  });

  test('three thousand times over is told in fifty lines', async () => {
    const { problems } = await check(
      makeZip(Array.from({ length: 3000 }, (_, n) => file(`../${n}`, { method: 0 }))),
    );
    expect(problems).toHaveLength(50);
    expect(problems.at(-1)?.text).toMatch(/\(and 295\d more\)$/);
  });
});

test('what is accepted, another reader reads the same: however fields lie', async () => {
  const lie = <T>(...values: readonly T[]) =>
    fc.option(fc.constantFrom(...values), { nil: undefined, freq: 3 });
  const some = (value: number) => lie(0, 1, value, value + 1, value - 1, 0xffff, 0xffffffff);
  const facts = {
    method: lie(0, 8, 12),
    flags: lie(0, 2, 8, 0x800, 0x808, 1),
    packedBytes: some(1),
    unpackedBytes: some(1),
    crc: lie(0, crc32('x')),
  };
  const extra = lie(
    Buffer.alloc(0),
    extraField(0x5455, Buffer.alloc(5)),
    extraField(1, Buffer.alloc(8)),
    Buffer.from([0]),
  );
  const entry = fc.record({
    ...{
      name: fc.constantFrom('a', 'b', 'c/', 'c/d', 'A', 'é', '../e', 'c'),
      content: fc.constantFrom('', 'x', 'xx'),
    },
    ...{ ...facts, extra, mode: lie(0, 0o100644, 0o040755, 0o120777), at: some(190) },
    ...{ disk: lie(0, 1), descriptor: lie(Buffer.alloc(12), Buffer.alloc(3)) },
    local: fc.option(fc.record({ ...facts, extra, name: lie('a', 'z') }), { nil: undefined, freq: 3 }),
  });
  const end = fc.record({
    comment: lie(Buffer.from('PK'), Buffer.alloc(3)),
    between: lie(Buffer.alloc(1)),
    count: lie(0, 1, 2, 3),
  });
  let accepted = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(entry, { maxLength: 3 }), end, async (entries, lyingEnd) => {
      const zip = makeZip(
        [...goodEntries, ...entries.map((one) => withoutAbsent(one) as HandMadeEntry)],
        withoutAbsent(lyingEnd),
      );
      const result = await check(zip);
      if (result.kind === 'refused') return;
      accepted += 1;
      expect(await readByYauzl(zip)).toEqual(result.archive.files);
    }),
    { numRuns: 600 },
  );
  expect(accepted).toBeGreaterThan(5);
});

/** As if each field that is not given were not there at all. */
function withoutAbsent(record: object): object {
  const stated = Object.entries(record).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    stated.map(([key, value]) => [key, isRecord(value) ? withoutAbsent(value) : value]),
  );
}

function isRecord(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Buffer.isBuffer(value);
}

async function readByYauzl(zip: Buffer): Promise<{ path: string; sizeBytes: number }[]> {
  const file = await fromBufferPromise(zip);
  const files = [];
  for await (const entry of file.eachEntry()) {
    let sizeBytes = 0;
    for await (const piece of await file.openReadStreamPromise(entry)) sizeBytes += piece.length;
    if (!entry.fileName.endsWith('/')) files.push({ path: entry.fileName, sizeBytes });
  }
  return files;
}

/** A good archive whose offsets count `by` bytes that stand before it. */
function shifted(by: number): Buffer {
  const zip = makeZip(goodEntries);
  const listAt = zip.readUInt32LE(zip.length - 6);
  zip.writeUInt32LE(listAt + by, zip.length - 6);
  for (let at = listAt; zip.readUInt32LE(at) === 0x02014b50; at += 46 + zip.readUInt16LE(at + 28))
    zip.writeUInt32LE(zip.readUInt32LE(at + 42) + by, at + 42);
  return zip;
}

/** A list of entries and an end record which, as a comment of a good archive, would be the ones that are read. */
function fakeEnd(): Buffer {
  const zip = makeZip(goodEntries);
  const listAt = zip.readUInt32LE(zip.length - 6);
  const fake = Buffer.from(zip.subarray(listAt));
  fake.writeUInt32LE(zip.length, fake.length - 6);
  return fake;
}
