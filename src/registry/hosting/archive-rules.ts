/** What an archive may be that is published here. */
export interface ArchiveRules {
  readonly maxArchiveBytes: number;
  /** Of all its files together; nothing beyond is ever unpacked. */
  readonly maxUnpackedBytes: number;
  readonly maxEntries: number;
  /** Bytes out for one byte in, of each entry that unpacks to more than 1 MiB. */
  readonly maxRatio: number;
  /** Of modules that run code of theirs where they are installed (`postadd`, prebuild scripts): told, or refused. */
  readonly runsCode: 'remark' | 'refuse';
}

/** The official registry states no limits; no archive on it is known to come near these. */
export const defaultArchiveRules: ArchiveRules = {
  maxArchiveBytes: 32 * 1024 * 1024,
  maxUnpackedBytes: 256 * 1024 * 1024,
  maxEntries: 10_000,
  maxRatio: 200,
  runsCode: 'remark',
};
