/** One entry of a zip file, as its central directory states it (APPNOTE.TXT 4.3.12). */
export interface ZipEntry {
  /** The bytes of the name. */
  readonly rawName: Buffer;
  readonly flags: number;
  readonly method: number;
  readonly crc: number;
  readonly packedBytes: number;
  readonly unpackedBytes: number;
  /** File type and permissions as on Unix, `0` where none are stated. */
  readonly mode: number;
  /** The disk it begins on: 0, of one file. */
  readonly disk: number;
  /** Where its local header begins. */
  readonly at: number;
  /** The fields behind the name, unparsed. */
  readonly extra: Buffer;
}

export const zipFlags = {
  encrypted: 0x0001,
  /** Checksum and sizes stand behind the bytes, in a descriptor. */
  descriptor: 0x0008,
  utf8: 0x0800,
} as const;

/** Compression hints and the three above; whatever else a flag says, some reader does not know it. */
export const knownFlags = 0x0006 | zipFlags.encrypted | zipFlags.descriptor | zipFlags.utf8;

export const zipMethods = { stored: 0, deflated: 8 } as const;

/** Ids of extra fields by which readers would disagree: about sizes, names, what a file is, or whether it can be read. */
export const refusedExtras: ReadonlyMap<number, string> = new Map([
  [0x0001, 'has zip64 fields'],
  [0x7075, 'states its name a second time, in an extra field'],
  [0x756e, 'states in an extra field that it is a link or a device'],
  [0x000d, 'states in an extra field that it is a link or a device'],
  [0x9901, 'is encrypted'],
  [0x0017, 'is encrypted'],
]);

/** Ids of the extra fields, `undefined` where they do not fill their place exactly. */
export function extraFieldIds(extra: Buffer): number[] | undefined {
  const ids = [];
  let at = 0;
  while (at + 4 <= extra.length) {
    ids.push(extra.readUInt16LE(at));
    at += 4 + extra.readUInt16LE(at + 2);
  }
  return at === extra.length ? ids : undefined;
}
