/** Zip files byte by byte, so that each field can lie. */
import { crc32, deflateRawSync } from 'node:zlib';

/** Each field is what it has to be, unless it is given. */
export interface HandMadeEntry {
  readonly name: string | Buffer;
  readonly content?: string | Buffer;
  readonly method?: number;
  readonly flags?: number;
  readonly mode?: number;
  readonly madeBy?: number;
  readonly crc?: number;
  /** What stands where its bytes should. */
  readonly packed?: Buffer;
  readonly packedBytes?: number;
  readonly unpackedBytes?: number;
  readonly extra?: Buffer;
  readonly at?: number;
  readonly disk?: number;
  /** What the local header says instead. */
  readonly local?: Partial<
    Pick<HandMadeEntry, 'name' | 'method' | 'flags' | 'crc' | 'packedBytes' | 'unpackedBytes' | 'extra'>
  > & { readonly signature?: number };
  /** Behind its bytes. */
  readonly descriptor?: Buffer;
}

export interface HandMadeEnd {
  readonly comment?: Buffer;
  readonly count?: number;
  readonly countHere?: number;
  readonly disk?: number;
  readonly directoryAt?: number;
  readonly directoryBytes?: number;
  /** Between the list of entries and the end record. */
  readonly between?: Buffer;
}

export const manifest = '{"name": "alice/json", "version": "1.2.3"}';
export const goodEntries: readonly HandMadeEntry[] = [
  { name: 'moon.mod.json', content: manifest },
  { name: 'src/lib.mbt', content: 'pub fn one() -> Int { 1 }\n'.repeat(20) },
];

export function makeZip(entries: readonly HandMadeEntry[], end: HandMadeEnd = {}): Buffer {
  const locals: Buffer[] = [];
  const centrals: Buffer[] = [];
  let at = 0;
  for (const entry of entries) {
    const { local, central } = makeEntry(entry, at);
    locals.push(local);
    centrals.push(central);
    at += local.length;
  }
  const directory = Buffer.concat(centrals);
  const between = end.between ?? Buffer.alloc(0);
  return Buffer.concat([...locals, directory, between, makeEnd(end, entries.length, at, directory.length)]);
}

function makeEntry(entry: HandMadeEntry, at: number): { local: Buffer; central: Buffer } {
  const content = Buffer.from(entry.content ?? '');
  const method = entry.method ?? 8;
  const packed = entry.packed ?? (method === 0 ? content : deflateRawSync(content));
  const facts = {
    name: entry.name,
    method,
    flags: entry.flags ?? (/^[ -~]*$/.test(entry.name.toString('latin1')) ? 0 : 0x0800),
    crc: entry.crc ?? crc32(content),
    packedBytes: entry.packedBytes ?? packed.length,
    unpackedBytes: entry.unpackedBytes ?? content.length,
    extra: entry.extra ?? Buffer.alloc(0),
  };
  const { signature = 0x04034b50, ...different } = entry.local ?? {};
  const local = { ...facts, ...different };
  const localName = Buffer.from(local.name);
  const name = Buffer.from(facts.name);
  return {
    local: Buffer.concat([
      numbers([4, signature], [2, 20], ...common(local), [2, localName.length], [2, local.extra.length]),
      ...[localName, local.extra, packed, entry.descriptor ?? Buffer.alloc(0)],
    ]),
    central: Buffer.concat([
      numbers(
        ...([[4, 0x02014b50], [2, ((entry.madeBy ?? 3) << 8) | 20], [2, 20], ...common(facts)] as const),
        ...([
          [2, name.length],
          [2, facts.extra.length],
          [2, 0],
          [2, entry.disk ?? 0],
          [2, 0],
        ] as const),
        ...([
          [2, 0],
          [2, entry.mode ?? 0o100644],
          [4, entry.at ?? at],
        ] as const),
      ),
      ...[name, facts.extra],
    ]),
  };
}

type Field = readonly [size: 2 | 4, value: number];

function common(facts: {
  readonly flags: number;
  readonly method: number;
  readonly crc: number;
  readonly packedBytes: number;
  readonly unpackedBytes: number;
}): Field[] {
  const { flags, method, crc, packedBytes, unpackedBytes } = facts;
  return [
    [2, flags],
    [2, method],
    [4, 0x00210000],
    [4, crc],
    [4, packedBytes],
    [4, unpackedBytes],
  ];
}

function makeEnd(end: HandMadeEnd, count: number, directoryAt: number, directoryBytes: number): Buffer {
  const comment = end.comment ?? Buffer.alloc(0);
  return Buffer.concat([
    numbers(
      ...([
        [4, 0x06054b50],
        [2, end.disk ?? 0],
        [2, 0],
      ] as const),
      ...([
        [2, end.countHere ?? end.count ?? count],
        [2, end.count ?? count],
      ] as const),
      ...([
        [4, end.directoryBytes ?? directoryBytes],
        [4, end.directoryAt ?? directoryAt],
      ] as const),
      [2, comment.length],
    ),
    comment,
  ]);
}

export function numbers(...fields: readonly Field[]): Buffer {
  return Buffer.concat(
    fields.map(([size, value]) => {
      const bytes = Buffer.alloc(size);
      if (size === 2) bytes.writeUInt16LE(value);
      else bytes.writeUInt32LE(value);
      return bytes;
    }),
  );
}

/** An extra field with this id. */
export function extraField(id: number, content: Buffer = Buffer.alloc(0)): Buffer {
  return Buffer.concat([numbers([2, id], [2, content.length]), content]);
}

/** Of the entry that the two below are about. */
export const someText = Buffer.from('some text that is not long');
export const someDeflated = deflateRawSync(someText);

export function file(name: string | Buffer, more: Partial<HandMadeEntry> = {}): HandMadeEntry {
  return { name, content: 'x', ...more };
}

/** An entry as a program writes it that learns its size only when it is done. */
export function streamed(more: Partial<HandMadeEntry>): HandMadeEntry {
  return file('s.txt', {
    content: someText,
    flags: 8,
    local: { crc: 0, packedBytes: 0, unpackedBytes: 0 },
    ...more,
  });
}

export function withEntries(...entries: readonly HandMadeEntry[]): Buffer {
  return makeZip([...goodEntries, ...entries]);
}
