/**
 * Request targets are matched as sent: decoding first would merge `%2F` into the path structure, and moon sends
 * it on purpose (moon-protocol §3, trap 2).
 */
export interface Target {
  /** Starts with exactly one slash. */
  readonly path: string;
  readonly query: string;
}

/**
 * Splits a raw request target. Accepts the absolute form (RFC 9112 §3.2.2), any number of leading slashes (a base
 * address with a trailing slash makes moon send two), and `prefix` or not: proxies may strip it or pass it on.
 * `prefix` is '' or starts, and does not end, with a slash. `undefined` for a target without a path.
 */
export function parseTarget(raw: string, prefix: string): Target | undefined {
  const relative = raw.replace(/^https?:\/\/[^/?#]*/i, '');
  const mark = relative.indexOf('?');
  const whole = mark < 0 ? relative : relative.slice(0, mark);
  const query = mark < 0 ? '' : relative.slice(mark + 1);
  if (whole === '' && relative !== raw) return { path: '/', query };
  if (!whole.startsWith('/')) return undefined;
  const path = collapse(whole);
  if (prefix === '' || (path !== prefix && !path.startsWith(`${prefix}/`))) return { path, query };
  return { path: collapse(`/${path.slice(prefix.length)}`), query };
}

function collapse(path: string): string {
  return path.replace(/^\/+/, '/');
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Percent-decodes once, a `+` stays a `+`. `undefined` for a broken escape or bytes that are not UTF-8. Node hands
 * out targets as Latin-1, one character per byte, so raw UTF-8 bytes decode as well.
 */
export function decodePath(raw: string): string | undefined {
  if (!/[%\u0080-\u00ff]/.test(raw)) return raw;
  if (/%(?![0-9A-Fa-f]{2})/.test(raw)) return undefined;
  const bytes = raw.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  try {
    return strictUtf8.decode(Buffer.from(bytes, 'latin1'));
  } catch {
    return undefined;
  }
}

/** Form-encoded parameters, as moon sends them to the search. */
export function parseQuery(raw: string): URLSearchParams {
  return new URLSearchParams(Buffer.from(raw, 'latin1').toString('utf8'));
}
