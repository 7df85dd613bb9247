import { foldName } from '../../model/fold-name.ts';
import { shortJson } from '../../model/short-json.ts';
import type { ProblemList } from './publish-problem.ts';
import { type ZipEntry, zipFlags } from './zip-entry.ts';

/** A path within an archive, of which every reader makes the same: `/` between its parts, none of them special. */
export interface NamedEntry {
  readonly entry: ZipEntry;
  /** Without the `/` at the end of a folder's name. */
  readonly path: string;
  readonly isFolder: boolean;
}

const longestPart = 255;
const longestPath = 1024;
const deepestPath = 32;
const controls = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffd]/u;
const dotGit = /^(\.git|git~[0-9]+)[. ]*$/i;
/** What Windows cannot store, or stores under another name. */
const awkward = /[<>"|?*]|[. ]$|^ |^(aux|con|nul|prn|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)[. ]*(\.|$)/i;
const buildFolders = /^(_build|target|\.mooncakes)\//;

/** The entries whose names are paths; what is wrong with the others, and with two of them together, is reported. */
export function readNames(entries: readonly ZipEntry[], problems: ProblemList): NamedEntry[] {
  const named = entries.flatMap((entry): NamedEntry[] => {
    const name = decodeName(entry);
    if (name === undefined) {
      const shown = shortJson(entry.rawName.toString('latin1'));
      problems.error(
        'unreadable-name',
        `the name of entry ${shown} is not UTF-8, or not marked as such, so that readers disagree about it: pack it with a program that marks it`,
      );
      return [];
    }
    const reason = unsafety(name);
    if (reason !== undefined) {
      problems.error('unsafe-name', `the name of entry ${shortJson(name)} ${reason}`);
      return [];
    }
    return [{ entry, path: name.replace(/\/$/, ''), isFolder: name.endsWith('/') }];
  });
  reportTwins(named, problems);
  reportRemarks(named, problems);
  return named;
}

function decodeName({ rawName, flags }: ZipEntry): string | undefined {
  const name = rawName.toString('utf8');
  if (!Buffer.from(name).equals(rawName)) return undefined;
  // Without the mark, anything but ASCII is in whatever code page the reader guesses.
  const isAscii = Buffer.byteLength(name) === name.length;
  return isAscii || (flags & zipFlags.utf8) !== 0 ? name : undefined;
}

/** Why a name is no path within a folder, as the end of a sentence. */
function unsafety(name: string): string | undefined {
  if (name === '' || name === '/') return 'is empty';
  if (name.includes('\\')) return 'contains a backslash';
  if (name.startsWith('/') || /^[A-Za-z]:/.test(name)) return 'is absolute';
  if (name.includes(':')) return 'contains a colon, which names a drive or a hidden stream on Windows';
  if (controls.test(name)) return 'contains a control character, or one that hides or turns text';
  if (Buffer.byteLength(name) > longestPath) return `is longer than ${longestPath} bytes`;
  const parts = name.replace(/\/$/, '').split('/');
  if (parts.length > deepestPath) return `is in more than ${deepestPath} folders`;
  if (parts.includes('..')) return 'leads out of the folder it is unpacked in';
  if (parts.includes('.') || parts.includes('')) return 'has a part that is empty or "."';
  if (parts.some((part) => Buffer.byteLength(part) > longestPart))
    return `has a part of more than ${longestPart} bytes`;
  if (parts.some((part) => dotGit.test(foldName(part)))) return 'makes a git repository of what is unpacked';
  return undefined;
}

/** A file or folder of what is unpacked: what `path` names up to `length`. */
interface Place {
  readonly id: number;
  readonly path: string;
  readonly length: number;
  readonly isFolder: boolean;
  /** Whether an entry names it, not only something below it. */
  isStated: boolean;
}

/** Names that are one on disks that fold letter case or Unicode form, and files that stand where a folder has to. */
function reportTwins(named: readonly NamedEntry[], problems: ProblemList): void {
  const places = new Map<string, Place>();
  for (const { path, isFolder } of named) {
    const parts = path.split('/');
    let parent = 0;
    let length = -1;
    for (const [depth, part] of parts.entries()) {
      length += part.length + 1;
      const isStated = depth === parts.length - 1;
      const here = { id: places.size + 1, path, length, isFolder: isFolder || !isStated, isStated };
      const key = `${parent}/${foldName(part)}`;
      const other = places.get(key);
      const reason = other && clash(other, here);
      if (reason !== undefined) {
        problems.error('duplicate-name', reason);
        break;
      }
      if (!other) places.set(key, here);
      else other.isStated ||= isStated;
      parent = (other ?? here).id;
    }
  }
}

/** Why two things of the same folder, which have one name on some disks, cannot both be there. */
function clash(other: Place, here: Place): string | undefined {
  const [first, second] = [other, here].map(({ path, length }) => path.slice(0, length));
  if (first !== second)
    return `${shortJson(first)} and ${shortJson(second)} are one name on disks that fold letter case or Unicode form`;
  if (other.isFolder !== here.isFolder) return `${shortJson(second)} is both a file and a folder`;
  return other.isStated && here.isStated ? `it has ${shortJson(second)} twice` : undefined;
}

function reportRemarks(named: readonly NamedEntry[], problems: ProblemList): void {
  for (const { path } of named.filter((one) => one.path.split('/').some((part) => awkward.test(part))))
    problems.remark('awkward-name', `${shortJson(path)} cannot be unpacked on Windows: rename it`);
  const built = named.find(({ path }) => buildFolders.test(`${path}/`));
  if (built)
    problems.remark(
      'build-output',
      `it holds what builds make, such as ${shortJson(built.path)}: leave it out`,
    );
}
