import { createHash } from 'node:crypto';
import { IntegrityError } from '../../errors.ts';
import { readTar, type TarEntry } from '../../support/disk/read-tar.ts';
import { readAtMost } from '../../support/read-at-most.ts';
import { type BackupFacts, notOurs, parseBackupFacts } from './backup-facts.ts';
import { checksumLine } from './compose-backup.ts';
import { type Member, parseMember } from './members.ts';

/** A file of a backup as it is read. */
export interface BackupEntry {
  readonly member: Exclude<Member, { kind: 'manifest' | 'checksums' }>;
  readonly sizeBytes: number;
  /** Its bytes, once; to be trusted only when the whole backup has been read. */
  readonly body: AsyncIterable<Buffer>;
}

export interface BackupReader {
  readonly manifest: BackupFacts;
  /**
   * What else is in it, as it comes; each is dealt with before the next. Ends only where all was there and each file had
   * the checksum that stands at the end: throws `IntegrityError` otherwise.
   */
  readonly entries: AsyncIterable<BackupEntry>;
}

const maxManifestBytes = 64 * 1024;

/** Reads the beginning of a backup. Throws `IntegrityError` for what is none, or is of a later format. */
export async function openBackup(pieces: AsyncIterable<Buffer>): Promise<BackupReader> {
  const files = readTar(pieces)[Symbol.asyncIterator]();
  const first = await files.next().catch((error: unknown) => {
    // What is not even a tar file is not a damaged backup.
    throw error instanceof IntegrityError ? notOurs() : error;
  });
  if (first.done || parseMember(first.value.name)?.kind !== 'manifest') throw notOurs();
  const lines: string[] = [];
  const manifest = parseBackupFacts(await readAll(hashed(first.value, lines), maxManifestBytes));
  return { manifest, entries: readEntries(files, lines) };
}

async function* readEntries(
  files: AsyncIterator<TarEntry>,
  lines: string[],
): AsyncGenerator<BackupEntry, void, undefined> {
  const seen = new Set<string>();
  let isWhole = false;
  for (let next = await files.next(); !next.done; next = await files.next()) {
    const { name, sizeBytes } = next.value;
    const member = parseMember(name);
    if (member === undefined || member.kind === 'manifest' || isWhole || seen.has(name))
      throw new IntegrityError(`${JSON.stringify(name)} stands in it, where no backup has such a file`);
    seen.add(name);
    if (member.kind === 'checksums') {
      await compareChecksums(next.value, lines);
      isWhole = true;
      continue;
    }
    const before = lines.length;
    const body = hashed(next.value, lines);
    yield { member, sizeBytes, body };
    // What nobody wanted is looked at all the same.
    if (lines.length === before) for await (const piece of body) void piece;
  }
  if (!isWhole) throw new IntegrityError('its end is missing');
}

async function* hashed({ name, body }: TarEntry, lines: string[]): AsyncGenerator<Buffer, void, undefined> {
  const hash = createHash('sha256');
  for await (const piece of body) {
    hash.update(piece);
    yield piece;
  }
  lines.push(checksumLine(hash.digest('hex'), name));
}

async function compareChecksums(entry: TarEntry, lines: readonly string[]): Promise<void> {
  const expected = Buffer.from(lines.join(''));
  if (entry.sizeBytes !== expected.length)
    throw new IntegrityError('its checksums are not those of what is in it');
  const stated = (await readAll(entry.body, expected.length)).toString('latin1').split('\n');
  for (const [position, line] of lines.entries())
    if (`${stated[position]}\n` !== line)
      throw new IntegrityError(
        `${line.slice(66, -1)} in it is damaged: its checksum is not the one at the end`,
      );
}

/** A file that is small. Throws `IntegrityError` for one that is not. */
export async function readAll(body: AsyncIterable<Buffer>, maxBytes: number): Promise<Buffer> {
  const bytes = await readAtMost(body, maxBytes);
  if (bytes === undefined) throw new IntegrityError('a file in it is larger than such a file can be');
  return bytes;
}
