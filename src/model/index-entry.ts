import { isRecord } from '../support/is-record.ts';
import { type Checksum, isChecksum } from './checksum.ts';
import { readClientLine, statedVersion } from './client-line.ts';
import { readBinDeps, requirementsDigest } from './requirements.ts';
import { shortJson } from './short-json.ts';
import { isSemanticVersion, isVersion, type Version } from './version.ts';

/** One dependency as an entry states it. `requirement` is absent where no client could select a version. */
export interface Dependency {
  readonly module: string;
  readonly requirement: Version | undefined;
  /** The value for messages, cut when it is long: `"*"`, `{"path":"../x"}`. */
  readonly written: string;
}

/** What the registry reads of one line of an index file; the line itself is passed on untouched (rule 9). */
export interface IndexEntry {
  readonly version: Version;
  readonly checksum: Checksum;
  readonly dependencies: readonly Dependency[];
  readonly binDependencies: readonly Dependency[];
  /** `requirementsDigest` of "deps" and "bin-deps": 64 hexadecimal digits, or `none`. */
  readonly requirements: string;
}

/** `version` of a malformed line: the one it stated, where that could be read all the same. */
export type ParsedLine =
  | { readonly kind: 'entry'; readonly entry: IndexEntry }
  | { readonly kind: 'malformed'; readonly reason: string; readonly version: Version | undefined };

/**
 * Reads one line (without its newline). A line is malformed
 * - when the newest client cannot parse it (`readClientLine`): it would be an error for every older version too;
 * - when it lists no version: none, which no client lists, or one that is no semantic version, which makes the
 *   client give up the whole module (moon-protocol §2.5 (1));
 * - when no client could ever download what it lists, from any registry: its checksum is not what a client computes,
 *   or its version does not fit into a file name (§2.5 (2), rule 6).
 *
 * Everything else passes, however odd. Never throws, and takes time linear in the length of the line.
 */
export function parseIndexLine(line: string): ParsedLine {
  if (line.trim() === '') return malformed('it is blank');
  const read = readClientLine(line);
  if (read.kind === 'refused') {
    const stated = statedVersion(line);
    return malformed(read.reason, isVersion(stated) ? stated : undefined);
  }
  const { version, checksum, deps, binDeps } = read.line;
  if (version === null) return malformed('it has no "version"');
  if (!isVersion(version)) return malformed(`its version ${shortJson(version)} ${badVersion(version)}`);
  if (checksum === null) return malformed(`version ${version} has no "checksum"`, version);
  if (!isChecksum(checksum))
    return malformed(`the checksum of version ${version} is not 64 lowercase hexadecimal digits`, version);
  return {
    kind: 'entry',
    entry: {
      version,
      checksum,
      dependencies: [...deps].map(([module, stated]) => dependencyOn(module, shortForm(stated))),
      binDependencies: binDeps.flatMap((text) => parseDependencies(readBinDeps(text))),
      requirements: requirementsDigest({ deps, binDeps }),
    },
  };
}

/**
 * Reads an object name → requirement from a value that `JSON.parse` gave, in any form: a version, or an object with
 * a `version` (moon's dependency.rs). Never throws.
 */
export function parseDependencies(value: unknown): Dependency[] {
  if (!isRecord(value)) return [];
  return Object.entries(value).map(([module, written]) => dependencyOn(module, written));
}

function dependencyOn(module: string, written: unknown): Dependency {
  const stated = isRecord(written) ? written.version : written;
  return { module, requirement: isVersion(stated) ? stated : undefined, written: shortJson(written) };
}

function shortForm(stated: Readonly<Record<string, string>>): unknown {
  const { version, ...others } = stated;
  return version !== undefined && Object.keys(others).length === 0 ? version : stated;
}

function badVersion(version: string): string {
  return isSemanticVersion(version) ? 'is too long for the name of an archive' : 'is not a semantic version';
}

function malformed(reason: string, version?: Version): ParsedLine {
  return { kind: 'malformed', reason, version };
}
