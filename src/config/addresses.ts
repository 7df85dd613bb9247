/**
 * What may stand as an address in `registry.toml`. Strict on purpose: an address reaches git's command line and
 * decides who gets a source's credentials, so nothing that two parsers could read differently is let through.
 */
import { parseHostName } from '../support/net/host-name.ts';

const unsafeCharacters = /[\u0000-\u0020\u007f-\u00a0\u2028\u2029\\"<>^`|]/;
const withAuthority = /^https?:\/\/[^/?#]/i;
const filePath = /^file:\/\/\/[^/]/i;
const sshUrl = /^ssh:\/\/(?:[A-Za-z0-9_][A-Za-z0-9._-]*@)?(?:[A-Za-z0-9]|\[)[^/@]*\/./i;
const sshShort = /^[A-Za-z0-9_][A-Za-z0-9._-]*@[A-Za-z0-9][A-Za-z0-9.-]*:[^:-]/;

/** Why `text` cannot be a base address (`url`, `download_url`); `undefined` if it can. */
export function baseUrlProblem(text: string): string | undefined {
  const problem = commonProblem(text);
  if (problem !== undefined) return problem;
  if (!isWebUrl(text) && !isFileUrl(text))
    return 'expected an address such as "https://example.com/registry" or "file:///srv/registry"';
  return undefined;
}

/** Why `text` cannot be where this server is reached; `undefined` if it can. */
export function serverUrlProblem(text: string): string | undefined {
  const problem = commonProblem(text);
  if (problem !== undefined) return problem;
  if (!isWebUrl(text)) return 'expected an address such as "https://registry.example.com"';
  // Clients are sent to paths below it, and one that begins with two slashes names another host (RFC 3986, 4.2).
  return /^[^/]*\/\/.*\/\//.test(text) ? 'expected no "//" in its path' : undefined;
}

/** Why `text` cannot stand in `allowed_hosts`; `undefined` if it can. */
export function allowedHostProblem(text: string): string | undefined {
  if (text === '*' || readHostName(text) !== undefined) return undefined;
  return 'expected a host name or address without scheme and port, such as "registry.example.com", or "*"';
}

/** A host of `allowed_hosts` in the form in which hosts are compared; an IPv6 address may lack its brackets. */
export function readHostName(text: string): string | undefined {
  return parseHostName(text) ?? parseHostName(`[${text}]`);
}

/** Why `text` cannot be the address of a git index; `undefined` if it can. `ext::` and options never can. */
export function indexUrlProblem(text: string): string | undefined {
  const problem = commonProblem(text);
  if (problem !== undefined) return problem;
  if (isWebUrl(text) || isFileUrl(text) || sshShort.test(text)) return undefined;
  if (sshUrl.test(text) && URL.canParse(text)) return undefined;
  return 'expected the address of a git repository: https://…, http://…, file:///…, ssh://… or user@host:path';
}

/**
 * Why `pattern` cannot be a source's `package_url_pattern`; `undefined` if it can. A pattern is relative to the
 * download address, or absolute at an origin of the source: archives never come from elsewhere.
 */
export function packageUrlPatternProblem(pattern: string, ownUrls: readonly string[]): string | undefined {
  const placeholders = new Set([...pattern.matchAll(/\{([^{}]*)\}/g)].map((match) => match[1]));
  for (const name of placeholders)
    if (!['owner', 'name', 'module', 'version'].includes(name ?? ''))
      return `{${name}} stands for nothing: use {owner}, {name}, {module} and {version}`;
  const namesModule = placeholders.has('module') || (placeholders.has('owner') && placeholders.has('name'));
  if (!placeholders.has('version') || !namesModule)
    return 'expected {version} and either {module} or {owner} and {name} in it: else versions would share an address';
  const address = pattern.replace(/\{[^{}]*\}/g, 'x');
  if (/[{}]/.test(address)) return 'expected every "{" closed by a "}"';
  if (unsafeCharacters.test(address) || address.includes('#'))
    return 'expected no spaces, backslashes, "#" or control characters';
  if (/(^|\/)\.{1,2}(\/|$)/.test(address)) return 'expected no "." or ".." between slashes';
  if (isAbsolute(pattern))
    return isUnder(pattern, ownUrls)
      ? undefined
      : "expected an address at this source's own origin, or a relative one";
  return /^\/?[A-Za-z0-9_~%{]/.test(pattern)
    ? undefined
    : 'expected a path such as "archives/{module}/{version}.zip"';
}

/** The absolute form of a valid pattern. A leading slash means the root of the download address's origin. */
export function absolutePackageUrlPattern(pattern: string, downloadUrl: string): string {
  if (isAbsolute(pattern)) return pattern;
  if (!pattern.startsWith('/')) return `${downloadUrl}/${pattern}`;
  const { origin } = new URL(downloadUrl);
  return origin === 'null' ? `file://${pattern}` : `${origin}${pattern}`;
}

export function withoutTrailingSlash(url: string): string {
  return url.replace(/\/+$/, '');
}

function commonProblem(text: string): string | undefined {
  if (text === '') return 'expected an address, got nothing';
  if (text.includes('${')) return 'references to the environment work in [sources.auth] only';
  if (unsafeCharacters.test(text))
    return 'expected no spaces, backslashes or control characters in an address';
  // https://name@host and ssh://name:secret@host; the user of ssh://git@host is no secret.
  if (/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*:[^/?#]*@/i.test(text) || /^(?:https?|file):\/*[^/?#]*@/i.test(text))
    return `credentials do not belong in an address: put them in [sources.auth], as \${NAME} references`;
  if (/[?#]/.test(text)) return 'expected no "?" or "#" in an address';
  return undefined;
}

function isWebUrl(text: string): boolean {
  return withAuthority.test(text) && URL.canParse(text);
}

function isFileUrl(text: string): boolean {
  return filePath.test(text) && URL.canParse(text);
}

function isAbsolute(pattern: string): boolean {
  return /^[a-z][a-z0-9+.-]*:/i.test(pattern);
}

function isUnder(pattern: string, ownUrls: readonly string[]): boolean {
  const origin = /^https?:\/\/[^/{}?#@]+(?=\/)/i.exec(pattern)?.[0];
  return ownUrls.some((own) => {
    if (!URL.canParse(own)) return false;
    if (isFileUrl(own)) return pattern.startsWith(`${withoutTrailingSlash(own)}/`);
    return origin !== undefined && URL.canParse(origin) && new URL(origin).origin === new URL(own).origin;
  });
}
