import { StorageError } from '../../errors.ts';
import type { GitIndex } from '../../index/git-index.ts';
import {
  type IndexFile,
  type IndexFileLimits,
  parseIndexFile,
  unreadableFile,
} from '../../index/index-file.ts';
import { type Pin, parseLedgerFile } from '../../index/ledger-file.ts';
import type { LocatedFacts } from '../decide/decide-origin.ts';
import { type Policy, sourceNamed } from '../decide/policy.ts';

/** Whether a source may have so many more bytes of its index files read. */
export type MayRead = (source: string, sizeBytes: number) => boolean;

/** Reads an index file that a source has written, if it is no larger than allowed: its size is asked first. */
export async function readSourceFile(
  index: GitIndex,
  id: string,
  limits: IndexFileLimits,
  mayRead: (sizeBytes: number) => boolean = () => true,
): Promise<IndexFile> {
  const { maxBytes } = limits;
  const read = await index.readBounded(id, maxBytes);
  switch (read.kind) {
    case 'read':
      return mayRead(read.bytes.length)
        ? parseIndexFile(read.bytes, limits)
        : unreadableFile(
            read.bytes.length,
            'its source has more bytes of index files than may be read in one sync',
          );
    case 'too-large':
      return unreadableFile(
        read.sizeBytes,
        `it has ${read.sizeBytes.toLocaleString('en')} bytes, more than ${maxBytes.toLocaleString('en')}`,
      );
    case 'missing':
      throw missingObject(index, id);
  }
}

/** Of a source that the policy does not name, nothing may be read. */
const nothing: IndexFileLimits = { maxBytes: 0, maxLines: 0, maxMalformed: 0 };

/** Reads an index file of a source within the source's limits. */
export function readListed(
  index: GitIndex,
  policy: Policy,
  source: string,
  id: string,
  mayRead?: MayRead,
): Promise<IndexFile> {
  const limits = sourceNamed(policy, source)?.fileLimits ?? nothing;
  return readSourceFile(index, id, limits, mayRead && ((sizeBytes) => mayRead(source, sizeBytes)));
}

/** Reads a file that we have written ourselves. */
export async function readOwnFile(index: GitIndex, id: string): Promise<Buffer> {
  const content = await index.read(id);
  if (!content) throw missingObject(index, id);
  return content;
}

/** What is pinned of a module. */
export async function readPins(index: GitIndex, { ledger }: Pick<LocatedFacts, 'ledger'>): Promise<Pin[]> {
  return ledger === undefined ? [] : parseLedgerFile(await readOwnFile(index, ledger));
}

function missingObject(index: GitIndex, id: string): StorageError {
  return new StorageError(`object ${id} is missing from ${index.directory}`, {
    hint: 'run "git fsck" there; a copy of the repository can supply it',
  });
}

/** What reading these objects takes, as git says before they are read. */
export async function measureAll(index: GitIndex, ids: readonly (string | undefined)[]): Promise<number> {
  const sizes = await Promise.all(ids.map((id) => (id === undefined ? undefined : index.measure(id))));
  return sizes.reduce((sum, facts) => sum + (facts?.sizeBytes ?? 0), 0);
}
