import { shortJson } from '../../model/short-json.ts';
import type { ArchiveRules } from './archive-rules.ts';
import type { ProblemList } from './publish-problem.ts';
import { extraFieldIds, knownFlags, refusedExtras, zipFlags, zipMethods } from './zip-entry.ts';
import type { NamedEntry } from './zip-names.ts';

const fileTypes = { mask: 0o170000, none: 0, file: 0o100000, folder: 0o040000, link: 0o120000 };
const specialBits = 0o7000;
const ownerReads = 0o400;
/** Of what an entry unpacks to: below it, a high ratio is text that repeats itself. */
const ratioMatters = 1024 * 1024;

/** What the statements about each entry are, without a look at its bytes: kind, sizes, how it is packed. */
export function checkEntries(
  named: readonly NamedEntry[],
  { maxUnpackedBytes, maxRatio }: ArchiveRules,
  problems: ProblemList,
): void {
  for (const one of named) {
    checkReading(one, problems);
    checkKind(one, problems);
    const { packedBytes, unpackedBytes } = one.entry;
    if (unpackedBytes > ratioMatters && unpackedBytes > maxRatio * packedBytes)
      problems.error(
        'compression-ratio',
        `${shortJson(one.path)} unpacks to ${unpackedBytes} bytes of ${packedBytes}: more than ${maxRatio} to one`,
      );
  }
  const total = named.reduce((sum, { entry }) => sum + entry.unpackedBytes, 0);
  if (total > maxUnpackedBytes)
    problems.error(
      'unpacks-too-large',
      `it unpacks to ${total} bytes, and ${maxUnpackedBytes} may be published`,
    );
}

/** Whether all readers can read the entry, and read the same. */
function checkReading({ entry, path, isFolder }: NamedEntry, problems: ProblemList): void {
  const { flags, method, packedBytes, unpackedBytes } = entry;
  const shown = shortJson(path);
  if ((flags & zipFlags.encrypted) !== 0 || (flags & 0x2040) !== 0)
    problems.error('encrypted', `${shown} is encrypted`);
  else if ((flags & ~knownFlags) !== 0)
    problems.error('entry-damaged', `${shown} has flags that are not of a plain zip file`);
  if (method !== zipMethods.stored && method !== zipMethods.deflated)
    problems.error(
      'compression-method',
      `${shown} is compressed by method ${method}, and clients know only stored and deflated`,
    );
  if (method === zipMethods.stored && packedBytes !== unpackedBytes)
    problems.error('entry-damaged', `${shown} is stored, but states two sizes`);
  if (isFolder && unpackedBytes !== 0)
    problems.error('entry-damaged', `the folder ${shown} has bytes of its own`);
  if (packedBytes === 0xffffffff || unpackedBytes === 0xffffffff || entry.at === 0xffffffff)
    problems.error('zip64', `${shown} has its sizes in zip64 fields`);
  if (entry.disk !== 0) problems.error('entry-damaged', `${shown} begins on another disk`);
  checkExtras(entry.extra, shown, problems);
}

/** Of the central directory, or of a local header. */
export function checkExtras(extra: Buffer, shown: string, problems: ProblemList): void {
  const ids = extraFieldIds(extra);
  if (!ids) problems.error('entry-damaged', `the extra fields of ${shown} are damaged`);
  for (const id of ids ?? []) {
    const reason = refusedExtras.get(id);
    if (reason === undefined) continue;
    const code =
      reason === 'is encrypted'
        ? 'encrypted'
        : id === 0x0001
          ? 'zip64'
          : id === 0x7075
            ? 'unreadable-name'
            : 'special-file';
    problems.error(code, `${shown} ${reason}`);
  }
}

function checkKind({ entry: { mode }, path, isFolder }: NamedEntry, problems: ProblemList): void {
  const shown = shortJson(path);
  const type = mode & fileTypes.mask;
  if (type === fileTypes.link)
    problems.error('special-file', `${shown} is a symbolic link: put the file itself in its place`);
  else if (type !== fileTypes.none && type !== fileTypes.file && type !== fileTypes.folder)
    problems.error('special-file', `${shown} is a device, a pipe or a socket`);
  else if (type !== fileTypes.none && (type === fileTypes.folder) !== isFolder)
    problems.error('special-file', `${shown} is said to be both a file and a folder`);
  else if ((mode & specialBits) !== 0)
    problems.error(
      'special-file',
      `${shown} has a set-user, set-group or sticky bit, which clients would set`,
    );
  else if (mode !== 0 && (mode & ownerReads) === 0)
    problems.error('special-file', `${shown} has permissions by which nobody could read what is unpacked`);
}
