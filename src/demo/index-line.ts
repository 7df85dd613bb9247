/**
 * Lines of an index file as the official registry writes them (moon-protocol §2.4): one JSON object per version,
 * `", "` and `": "` as separators, ASCII only. Written here independently of the product that has to read them.
 */

/** One line without its newline. Keys whose value is `undefined` are left out. */
export function formatIndexLine(record: Readonly<Record<string, unknown>>): string {
  return formatValue(record);
}

export function indexPath(module: string): string {
  return `user/${module}.index`;
}

/** `2026-01-30T07:20:08.121000+00:00`, in the registry's notation. */
export function formatTime(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, -1)}000+00:00`;
}

function formatValue(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(formatValue).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .map(([key, member]) => `${escapeToAscii(JSON.stringify(key))}: ${formatValue(member)}`);
    return `{${members.join(', ')}}`;
  }
  return escapeToAscii(JSON.stringify(value ?? null));
}

function escapeToAscii(json: string): string {
  return json.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
