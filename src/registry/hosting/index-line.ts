import { ConfigError } from '../../errors.ts';
import type { Checksum } from '../../model/checksum.ts';
import { type IndexEntry, parseIndexLine } from '../../model/index-entry.ts';
import { type ManifestField, type ManifestValue, readManifestSyntax } from '../../model/manifest-syntax.ts';
import { formatManifestFields } from '../../model/manifest-text.ts';

/** Keys of a line that a registry sets: no manifest may. */
export const registryKeys: readonly string[] = ['checksum', 'created_at', 'yanked', 'yanked_reason'];

export interface LineFacts {
  readonly checksum: Checksum;
  /** When the version was published. */
  readonly createdAt: Date;
}

/** A line without its newline, and what our own reader of lines makes of it. */
interface IndexLine {
  readonly text: string;
  readonly entry: IndexEntry;
}

/** Why clients could not read the line, as the end of a sentence. */
export type LineReading =
  | { readonly kind: 'line'; readonly line: IndexLine }
  | { readonly kind: 'malformed'; readonly reason: string };

/** The line of a version as official ones look: its manifest as it is, then what the registry says of it. */
export function createIndexLine(
  manifest: readonly Pick<ManifestField, 'key' | 'value'>[],
  { checksum, createdAt }: LineFacts,
): LineReading {
  const text = formatManifestFields([
    ...manifest,
    { key: 'checksum', value: textValue(checksum) },
    { key: 'created_at', value: textValue(createdAt.toISOString().replace('Z', '000+00:00')) },
    ...yankFields(undefined),
  ]);
  return readLine(text);
}

/**
 * The line with another `yanked` and `yanked_reason`; all else stays, byte for byte of a line that `createIndexLine` gave or
 * the official index has, and in its meaning of any other.
 */
export function yankIndexLine(line: string, reason: string | undefined): LineReading {
  const value = readValue(line);
  if (value?.kind !== 'object') return { kind: 'malformed', reason: 'it is not a JSON object' };
  const yank = new Map(yankFields(reason).map((field) => [field.key, field]));
  const kept = value.fields.map((field) => yank.get(field.key) ?? field);
  const stated = new Set(kept.map(({ key }) => key));
  return readLine(
    formatManifestFields([...kept, ...[...yank.values()].filter(({ key }) => !stated.has(key))]),
  );
}

function readValue(line: string): ManifestValue | undefined {
  try {
    return readManifestSyntax('a line of an index', line).value();
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}

function readLine(text: string): LineReading {
  const parsed = parseIndexLine(text);
  if (parsed.kind === 'malformed') return { kind: 'malformed', reason: parsed.reason };
  return { kind: 'line', line: { text, entry: parsed.entry } };
}

function yankFields(reason: string | undefined): { readonly key: string; readonly value: ManifestValue }[] {
  const isYanked = reason !== undefined;
  return [
    { key: 'yanked', value: { kind: 'scalar', at: 0, value: isYanked, written: String(isYanked) } },
    { key: 'yanked_reason', value: isYanked ? textValue(reason) : nothing },
  ];
}

const nothing: ManifestValue = { kind: 'scalar', at: 0, value: null, written: 'null' };

function textValue(text: string): ManifestValue {
  return { kind: 'string', at: 0, text };
}
