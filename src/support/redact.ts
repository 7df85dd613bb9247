const userinfo = /([a-z][a-z0-9+.-]*:\/\/)[^\s/?#@"'<>]*@/gi;
const authorizationValue = /\b((?:proxy-)?authorization\s*[:=]\s*)(?:(?:basic|bearer)\s+)?\S+/gi;
const controls = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g;
const maxLength = 400;
// A shorter one would tear the text apart and be told by the gaps.
const minSecretLength = 4;

/**
 * Foreign text (another program's stderr, an answer's body) as one line for messages: without the userinfo of any
 * URL in it, without authorization headers, without any of `secrets`, without control characters, bounded.
 */
export function redact(text: string, secrets: readonly string[] = []): string {
  let clean = text;
  for (const secret of secrets) if (secret.length >= minSecretLength) clean = clean.replaceAll(secret, '***');
  clean = clean.replace(userinfo, '$1').replace(authorizationValue, '$1***').replace(controls, ' ').trim();
  return clean.length > maxLength ? `${clean.slice(0, maxLength)}…` : clean;
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
