import type { ManifestField, ManifestValue } from './manifest-syntax.ts';

/**
 * JSON as the official index has it (moon-protocol §2.4): ASCII, one line, `", "` and `": "` between its parts. Keys
 * keep their order, and numbers the form they are written in. A call in the place of a value is its arguments.
 */
export function formatManifestValue(value: ManifestValue): string {
  if (value.kind === 'string') return quoteInAscii(value.text);
  if (value.kind === 'scalar') return value.written;
  if (value.kind === 'array') return `[${value.items.map(formatManifestValue).join(', ')}]`;
  return formatManifestFields(value.fields);
}

export function formatManifestFields(fields: readonly Pick<ManifestField, 'key' | 'value'>[]): string {
  const members = fields.map(({ key, value }) => `${quoteInAscii(key)}: ${formatManifestValue(value)}`);
  return `{${members.join(', ')}}`;
}

/** A JSON string, with an escape for everything that is no printable ASCII. */
function quoteInAscii(text: string): string {
  return JSON.stringify(text).replace(
    /[^ -~]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
