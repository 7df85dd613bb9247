import { type Checksum, isChecksum } from './checksum.ts';
import { isVersion, type Version } from './version.ts';

/** One dependency as an entry states it. `requirement` is absent where no client could select a version. */
export interface Dependency {
  readonly module: string;
  readonly requirement: Version | undefined;
  /** The value as written, for messages: `"*"`, `{"path":"../x"}`. */
  readonly written: string;
}

/** What the registry reads of one line of an index file; the line itself is passed on untouched (rule 9). */
export interface IndexEntry {
  readonly version: Version;
  readonly checksum: Checksum;
  readonly dependencies: readonly Dependency[];
  readonly binDependencies: readonly Dependency[];
}

export type ParsedLine =
  | { readonly kind: 'entry'; readonly entry: IndexEntry }
  | { readonly kind: 'malformed'; readonly reason: string };

/**
 * Reads one line (without its newline). A line is malformed when some client would fail on it or could never
 * download it: moon-protocol §2.5 (1), (2) and traps 7 and 12.
 */
export function parseIndexLine(line: string): ParsedLine {
  if (line.trim() === '') return malformed('it is blank');
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return malformed('it is not JSON');
  }
  if (!isRecord(value)) return malformed('it is not a JSON object');
  const repeated = repeatedKey(line);
  if (repeated !== undefined) return malformed(`it states "${repeated}" more than once`);
  const { version, checksum, deps } = value;
  if (typeof version !== 'string') return malformed('it has no "version"');
  if (!isVersion(version)) return malformed(`its version ${quote(version)} is not a semantic version`);
  if (checksum === undefined || checksum === null) return malformed(`version ${version} has no "checksum"`);
  if (!isChecksum(checksum))
    return malformed(`the checksum of version ${version} is not 64 lowercase hexadecimal digits`);
  if (deps !== undefined && deps !== null && !isRecord(deps))
    return malformed(`the "deps" of version ${version} is not an object`);
  return {
    kind: 'entry',
    entry: {
      version,
      checksum,
      dependencies: parseDependencies(deps),
      binDependencies: parseDependencies(value['bin-deps']),
    },
  };
}

/** The keys a client's parser knows; a repeated one is an error to it (serde), while `JSON.parse` takes the last. */
const clientKeys = ['version', 'checksum', 'deps', 'yanked', 'yanked_reason'];

function repeatedKey(line: string): string | undefined {
  const isSuspect = line.includes('\\u00') || clientKeys.some((key) => line.split(`"${key}"`).length > 2);
  if (!isSuspect) return undefined;
  const keys = topLevelKeys(line);
  return clientKeys.find((key) => keys.indexOf(key) !== keys.lastIndexOf(key));
}

/** The keys of a valid JSON object's outermost level, repeated ones included. */
function topLevelKeys(json: string): string[] {
  const keys: string[] = [];
  let depth = 0;
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"(?:\s*:)?|[{}[\]]/g)) {
    if (token === '{' || token === '[') depth += 1;
    else if (token === '}' || token === ']') depth -= 1;
    else if (depth === 1 && token.endsWith(':'))
      keys.push(JSON.parse(token.slice(0, -1).trimEnd()) as string);
  }
  return keys;
}

/** Reads an object name → requirement: a version string, or an object with a `version` (moon's dependency.rs). */
export function parseDependencies(value: unknown): Dependency[] {
  if (!isRecord(value)) return [];
  return Object.entries(value).map(([module, written]) => {
    const stated = isRecord(written) ? written.version : written;
    return { module, requirement: isVersion(stated) ? stated : undefined, written: JSON.stringify(written) };
  });
}

function malformed(reason: string): ParsedLine {
  return { kind: 'malformed', reason };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

// Upstream text in messages: bounded, and with controls escaped.
function quote(text: string): string {
  const shown = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  return JSON.stringify(shown);
}
