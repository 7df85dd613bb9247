import { isUtf8 } from 'node:buffer';
import { type IndexEntry, type ParsedLine, parseIndexLine } from '../model/index-entry.ts';
import type { Version } from '../model/version.ts';

/** One line of an index file. `bytes` has no newline and is never reformatted (rule 9). */
export interface IndexLine {
  /** From 1. */
  readonly number: number;
  readonly bytes: Buffer;
  readonly entry: IndexEntry;
}

/** A line no client may see, or a run of blank ones. */
interface MalformedLine {
  /** From 1; of a run, the first. */
  readonly number: number;
  /** The end of a sentence: `it is not JSON`, `lines 3 to 125,003 are blank`. */
  readonly reason: string;
  /** The version the line states, where that could be read all the same. */
  readonly version: Version | undefined;
}

export interface IndexFile {
  /** Of the whole file. */
  readonly sizeBytes: number;
  readonly lines: readonly IndexLine[];
  /** The first of the malformed lines, at most `maxMalformed`. */
  readonly malformed: readonly MalformedLine[];
  /** How many malformed lines there are; a run of blank ones counts once. */
  readonly malformedCount: number;
  /** All versions that malformed lines state: a version that is here and in no line has become unreadable. */
  readonly malformedVersions: ReadonlySet<string>;
  /** How many malformed lines, apart from blank ones, state no version that could be read: each might be any. */
  readonly unidentifiedCount: number;
  /** Why nothing can be read of the whole file, as the end of a sentence; there are no `lines` then. */
  readonly unreadable: string | undefined;
}

export interface IndexFileLimits {
  readonly maxBytes: number;
  /** Blank lines do not count. */
  readonly maxLines: number;
  /** How many malformed lines are described. */
  readonly maxMalformed: number;
}

/** What we have written ourselves was bounded, line by line, when it was taken from a source. */
const noLimits: IndexFileLimits = {
  maxBytes: Number.POSITIVE_INFINITY,
  maxLines: Number.POSITIVE_INFINITY,
  maxMalformed: 20,
};

const newline = 10;
const count = new Intl.NumberFormat('en-US');

/**
 * Never throws. Work and memory are linear in the size of the file; a blank line costs next to nothing. Of a file
 * that is too large as a whole the first line counts as malformed, and says so. A source's file takes its limits.
 */
export function parseIndexFile(bytes: Buffer, limits: IndexFileLimits = noLimits): IndexFile {
  if (bytes.length > limits.maxBytes)
    return unreadableFile(bytes.length, `it is larger than ${count.format(limits.maxBytes)} bytes`);
  const pieces = splitLines(bytes, limits.maxLines);
  if (pieces === undefined)
    return unreadableFile(bytes.length, `it has more than ${count.format(limits.maxLines)} lines`);
  const lines: IndexLine[] = [];
  const malformed: MalformedLine[] = [];
  const malformedVersions = new Set<string>();
  let malformedCount = 0;
  let unidentifiedCount = 0;
  let firstReason: string | undefined;
  for (const piece of pieces) {
    const { number } = piece;
    const parsed = piece.kind === 'line' ? parseLine(piece.bytes) : blankLines(piece);
    if (piece.kind === 'line' && parsed.kind === 'entry')
      lines.push({ number, bytes: piece.bytes, entry: parsed.entry });
    if (parsed.kind === 'entry') continue;
    const { reason, version } = parsed;
    malformedCount += 1;
    if (piece.kind === 'line') firstReason ??= `line ${count.format(number)}: ${reason}`;
    if (malformed.length < limits.maxMalformed) malformed.push({ number, reason, version });
    if (version !== undefined) malformedVersions.add(version);
    else if (piece.kind === 'line') unidentifiedCount += 1;
  }
  const why = firstReason === undefined ? 'it is empty' : `no line of it can be read (${firstReason})`;
  const unreadable = lines.length === 0 ? why : undefined;
  return {
    ...{ sizeBytes: bytes.length, lines, malformed, malformedCount, malformedVersions, unidentifiedCount },
    unreadable,
  };
}

export function formatIndexFile(lines: readonly { readonly bytes: Buffer }[]): Buffer {
  const end = Buffer.of(newline);
  return Buffer.concat(lines.flatMap((line) => [line.bytes, end]));
}

/** The entry a client would use: the last line with exactly that version (client.rs, moon-protocol §2.5). */
export function findEntry(file: IndexFile, version: string): IndexEntry | undefined {
  return file.lines.findLast((line) => line.entry.version === version)?.entry;
}

interface BlankLines {
  readonly kind: 'blank';
  readonly number: number;
  lastNumber: number;
}

type Piece = BlankLines | { readonly kind: 'line'; readonly number: number; readonly bytes: Buffer };

/** `undefined` where more than `maxLines` are not blank. */
function splitLines(bytes: Buffer, maxLines: number): Piece[] | undefined {
  const pieces: Piece[] = [];
  let room = maxLines;
  for (let start = 0, number = 1; start < bytes.length; number += 1) {
    const text = skipBlank(bytes, start);
    const isBlank = text === bytes.length || bytes[text] === newline;
    const end = isBlank ? text : bytes.indexOf(newline, text);
    const last = pieces.at(-1);
    if (!isBlank) {
      if (room === 0) return undefined;
      room -= 1;
      pieces.push({ kind: 'line', number, bytes: bytes.subarray(start, end < 0 ? bytes.length : end) });
    } else if (last?.kind === 'blank') last.lastNumber = number;
    else pieces.push({ kind: 'blank', number, lastNumber: number });
    start = end < 0 ? bytes.length : end + 1;
  }
  return pieces;
}

/** The first byte from `start` that is no blank within a line: no space, tab, vertical tab, form feed or return. */
function skipBlank(bytes: Buffer, start: number): number {
  let at = start;
  for (let byte = bytes[at]; byte === 32 || byte === 9 || (byte !== undefined && byte > 10 && byte < 14); ) {
    at += 1;
    byte = bytes[at];
  }
  return at;
}

function parseLine(bytes: Buffer): ParsedLine {
  const parsed = parseIndexLine(bytes.toString('utf8'));
  if (isUtf8(bytes)) return parsed;
  const version = parsed.kind === 'entry' ? parsed.entry.version : parsed.version;
  return { kind: 'malformed', reason: 'it is not valid UTF-8', version };
}

function blankLines({ number, lastNumber }: BlankLines): ParsedLine {
  const reason =
    number === lastNumber
      ? 'it is blank'
      : `lines ${count.format(number)} to ${count.format(lastNumber)} are blank`;
  return { kind: 'malformed', reason, version: undefined };
}

/** A file that is not looked into. `unreadable`: why, as a clause about "it" that ends a sentence. */
export function unreadableFile(sizeBytes: number, unreadable: string): IndexFile {
  const malformed = [{ number: 1, reason: unreadable.replace('it', 'the file'), version: undefined }];
  const malformedVersions = new Set<string>();
  return {
    ...{ sizeBytes, lines: [], malformed, malformedCount: 1, malformedVersions, unidentifiedCount: 0 },
    unreadable,
  };
}
