import type { Mask } from './secret-mask.ts';

const userinfo = /([a-z][a-z0-9+.-]{0,31}:\/\/)[^\s/?#@"'<>]*@/gi;
const authorizationValue = /\b((?:proxy-)?authorization\s*[:=]\s*)(?:(?:basic|bearer)\s+)?\S+/gi;
// Controls, and what changes how the text around it is shown.
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu;
const usualLength = 400;
/** What is looked at; more than any message needs. */
const maxInput = 64 * 1024;
/** Left out at the end of a text that was cut: the beginning of a secret may stand there. */
const margin = 16 * 1024;

/**
 * Foreign text (another program's stderr, an answer's body) as one line for messages: without what `mask` hides, the
 * userinfo of any URL in it, authorization headers, control and format characters; bounded.
 */
export function redact(text: string, mask: Mask = (clean) => clean, maxLength = usualLength): string {
  const flat = text.replace(unprintable, ' ');
  const masked = mask(flat.slice(0, maxInput));
  const whole = flat.length > maxInput ? masked.slice(0, -margin) : masked;
  const clean = whole.replace(userinfo, '$1').replace(authorizationValue, '$1***').trim();
  const isCut = clean.length > maxLength || flat.length > maxInput;
  return isCut ? `${clean.slice(0, maxLength)}…` : clean;
}

/** A URL as messages show it: no userinfo, and no query or fragment, where signed links keep their secrets. */
export function showUrl(url: string | URL): string {
  const text = String(url);
  if (!URL.canParse(text)) return redact(text.replace(/[?#].*$/s, ''));
  const shown = new URL(text);
  shown.username = '';
  shown.password = '';
  shown.search = '';
  shown.hash = '';
  return shown.href;
}
