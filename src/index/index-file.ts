import { type IndexEntry, parseIndexLine } from '../model/index-entry.ts';

/** One line of an index file. `bytes` has no newline and is never reformatted (rule 9). */
export interface IndexLine {
  /** From 1. */
  readonly number: number;
  readonly bytes: Buffer;
  readonly entry: IndexEntry;
}

export interface IndexFile {
  readonly lines: readonly IndexLine[];
  /** Lines no client may see, with the reason as the end of a sentence. */
  readonly malformed: readonly {
    readonly number: number;
    readonly reason: string;
    readonly version?: string | undefined;
  }[];
  readonly malformedCount: number;
  readonly unreadable: string | undefined;
}

/** Far above any real file (the largest official one has 48 KiB): beyond it a file is taken as hostile. */
const maxFileBytes = 16 * 1024 * 1024;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function parseIndexFile(
  bytes: Buffer,
  _limits: { readonly maxBytes?: number; readonly maxLines?: number; readonly maxMalformed?: number } = {},
): IndexFile {
  if (bytes.length > maxFileBytes)
    return {
      lines: [],
      malformed: [],
      malformedCount: 0,
      unreadable: `the file is larger than ${maxFileBytes} bytes`,
    };
  const lines: IndexLine[] = [];
  const malformed: { number: number; reason: string }[] = [];
  for (const [position, line] of splitLines(bytes).entries()) {
    const number = position + 1;
    const text = decode(line);
    const parsed = text === undefined ? undefined : parseIndexLine(text);
    if (parsed?.kind === 'entry') lines.push({ number, bytes: line, entry: parsed.entry });
    else malformed.push({ number, reason: parsed?.reason ?? 'it is not valid UTF-8' });
  }
  return {
    lines,
    malformed,
    malformedCount: malformed.length,
    unreadable: lines.length === 0 ? 'none of its lines can be read' : undefined,
  };
}

export function formatIndexFile(lines: readonly { readonly bytes: Buffer }[]): Buffer {
  const newline = Buffer.from('\n');
  return Buffer.concat(lines.flatMap((line) => [line.bytes, newline]));
}

/** The entry a client would use: the last line with exactly that version (client.rs, moon-protocol §2.5). */
export function findEntry(file: IndexFile, version: string): IndexEntry | undefined {
  return file.lines.findLast((line) => line.entry.version === version)?.entry;
}

function splitLines(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  let start = 0;
  while (start < bytes.length) {
    const end = bytes.indexOf(10, start);
    lines.push(bytes.subarray(start, end < 0 ? bytes.length : end));
    if (end < 0) break;
    start = end + 1;
  }
  return lines;
}

function decode(line: Buffer): string | undefined {
  try {
    return utf8.decode(line);
  } catch {
    return undefined;
  }
}
