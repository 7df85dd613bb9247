const maxLength = 60;

/**
 * A value from upstream for messages: its JSON in printable ASCII, without what is nested deeper than one level,
 * cut when it is long. Never throws for a value that `JSON.parse` can give, however deep.
 */
export function shortJson(value: unknown): string {
  const text = JSON.stringify(cut(value), (key, inner: unknown) =>
    key !== '' && typeof inner === 'object' && inner !== null ? '…' : cut(inner),
  );
  const printable = text.replace(
    /[^ -~…]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  if (printable.length <= maxLength) return printable;
  // By way of a buffer: a slice would keep the whole text alive.
  return `${Buffer.from(printable.slice(0, maxLength - 1)).toString()}…`;
}

function cut(value: unknown): unknown {
  return typeof value === 'string' && value.length > maxLength ? value.slice(0, maxLength) : value;
}
