/** A token in an address: `/t/TOKEN/…`, for clients that can send nothing else. */
export interface PathToken {
  readonly text: string;
  /** The target without it. */
  readonly target: string;
}

const mark = '/t/';

/**
 * Takes a token out of a request target (as sent), behind `prefix` (as in `BaseAddress`) where that stands in front. `undefined`
 * where there is none. Whatever stands at its place is taken out, so that a mistyped one is in no log either.
 */
export function takePathToken(raw: string, prefix: string): PathToken | undefined {
  if (!raw.includes(mark)) return undefined;
  const [, authority = '', rest = ''] = /^(https?:\/\/[^/?#]*)?(.*)$/is.exec(raw) ?? [];
  const path = rest.replace(/^\/+/, '/');
  const hasPrefix = prefix !== '' && path.startsWith(`${prefix}/`);
  const inside = (hasPrefix ? path.slice(prefix.length) : path).replace(/^\/+/, '/');
  if (!inside.startsWith(mark)) return undefined;
  const [, text = '', behind = ''] = /^([^/?#]*)(.*)$/s.exec(inside.slice(mark.length)) ?? [];
  const target = behind.startsWith('/') ? behind : `/${behind}`;
  return { text, target: `${authority}${hasPrefix ? prefix : ''}${target}` };
}
