/**
 * What editors are told of single values, as regular expressions of JSON Schema: never stricter than the rules that
 * count, and as strict as such an expression can be. No flags, and nothing that only JavaScript reads.
 */

import { impliedPreset } from '../sources/kinds.ts';

const unsafe = '\\u0000-\\u0020\\u007f-\\u00a0\\u2028\\u2029\\\\"<>^`|';
const addressCharacters = `[^${unsafe}?#]`;
const host = '(?:\\[[0-9A-Fa-f:.]+\\]|[^\\[\\]:/@?#]+)(?::[0-9]{0,5})?(?=/|$)';
const web = `${anyCase('http')}[sS]?://${host}`;
const file = `${anyCase('file')}:///[^/]`;
const ssh = `${anyCase('ssh')}://(?:[A-Za-z0-9_][A-Za-z0-9._-]*@)?(?:[A-Za-z0-9]|\\[)[^/@]*/.`;
const sshShort = '[A-Za-z0-9_][A-Za-z0-9._-]*@[A-Za-z0-9][A-Za-z0-9.-]*:[^:-]';
const plainAddress = [
  `(?=${addressCharacters}+$)`,
  '(?!.*\\$\\{)',
  '(?![A-Za-z][A-Za-z0-9+.-]*://[^/]*:[^/]*@)',
  `(?!(?:${anyCase('http')}[sS]?|${anyCase('file')}):/*[^/]*@)`,
].join('');

export const baseUrlPattern = `^${plainAddress}(?:${web}|${file})`;
export const serverUrlPattern = `^(?![^/]*//.*//)${plainAddress}${web}`;
export const indexUrlPattern = `^${plainAddress}(?:${web}|${file}|${ssh}|${sshShort})`;

const officialHost = new URL(impliedPreset.url).host;

/** The official registry's own address, whose index and archives are implied. */
export const mooncakesUrlPattern = `^(?:${anyCase('https')}://${anyCase(officialHost)}(?::0*443)?|${anyCase('http')}://${anyCase(officialHost)}(?::0*80)?)(?:/|$)`;

export const labelPattern = '^(?=\\s*\\S)[^\\u0000-\\u001f\\u007f-\\u009f]{1,100}$';
export const pathPattern = '^(?=\\s*\\S)[^\\u0000-\\u001f\\u007f]+$';
const names = '\\*|(?=[^/*]*[/*])[^\\u0000-\\u0020\\u007f\\\\:@?\\[\\]{}<>"|#%]+';
const modulePart = '[^\\u0000-\\u0020\\u007f:\\\\#?%@"*<>|/]+';
const version = '[0-9]+\\.[0-9]+\\.[0-9]+(?:-[0-9A-Za-z.-]+)?(?:\\+[0-9A-Za-z.-]+)?';
export const modulePattern = `^(?:${names})$`;
export const mirrorPattern = `^(?:${names}|${modulePart}(?:/${modulePart})+@${version})$`;

const hostLabel = '[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?';
const ipv4 = '[0-9]{1,3}(?:\\.[0-9]{1,3}){3}';
const ipv6 = '[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*';
const port = `(?::${upTo(65_535)})?`;
export const destinationPattern = `^(?:${[
  `${hostLabel}(?:\\.${hostLabel})*\\.?${port}`,
  `\\[${ipv6}\\]${port}`,
  ipv6,
  `${ipv4}/(?=[0-9]{1,3}$)(?:0+|${upTo(32)})`,
  `${ipv6}/(?=[0-9]{1,3}$)(?:0+|${upTo(128)})`,
].join('|')})$`;

export const addressRangePattern = `^(?:${[
  ipv4,
  ipv6,
  `${ipv4}/(?=[0-9]{1,3}$)(?:0+|${upTo(32)})`,
  `${ipv6}/(?=[0-9]{1,3}$)(?:0+|${upTo(128)})`,
].join('|')})$`;

const hostPart = '[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?';
export const allowedHostPattern = `^(?:\\*|${hostPart}(?:\\.${hostPart})*\\.?|\\[?[0-9A-Fa-f:.]{2,45}\\]?)$`;

/** https, or http for this machine. */
export const oidcIssuerPattern =
  '^(?:https://[^/?#@\\s\\\\]+|http://(?:localhost|127\\.[0-9.]+|\\[::1\\])(?::[0-9]{0,5})?)(?:/[^?#\\s\\\\]*)?$';

const placeholder = '\\{(?:owner|name|module|version)\\}';
export const packageUrlPattern = [
  '^(?=.*\\{version\\})(?:(?=.*\\{module\\})|(?=.*\\{owner\\})(?=.*\\{name\\}))(?!(?:.*/)?\\.{1,2}(?:/|$))',
  `(?=[A-Za-z][A-Za-z0-9+.-]*:|/?[A-Za-z0-9_~%{])(?:${placeholder}|[^{}#${unsafe}])+$`,
].join('');

const reference = '\\$\\{(?:[A-Za-z_][A-Za-z0-9_]*|file:(?!~)[^{}\\u0000-\\u001f\\u007f-\\u009f]+)\\}';
/** Text with at least one reference to the environment or a file: a secret never stands in the file. */
export const secretPattern = `^(?:[^$]|\\$(?!\\{))*${reference}(?:[^$]|\\$(?!\\{)|${reference})*$`;
/** As it is, or with references; RFC 7617 §2: the first colon ends the user name. */
export const usernamePattern = `^(?:[^$:]|\\$(?!\\{)|${reference})+$`;

/** Durations above zero that timers can hold. */
export const durationPattern = `^(?=[0-9]{1,10}[a-z])(?:${[
  ['ms', 24 * 86_400_000],
  ['s', 24 * 86_400],
  ['m', 24 * 1440],
  ['h', 24 * 24],
  ['d', 24],
]
  .map(([unit, most]) => `${upTo(Number(most))}${unit}`)
  .join('|')})$`;

/** Sizes above zero, of at most 2 GiB. */
export const sizePattern = `^(?=[0-9]{1,7}[BKMG])(?:${[
  ['B', 9_999_999],
  ['KiB', 2 * 1024 ** 2],
  ['MiB', 2 * 1024],
  ['GiB', 2],
]
  .map(([unit, most]) => `${upTo(Number(most))}${unit}`)
  .join('|')})$`;

/** Sizes below 64 KiB. */
export const tinySizePattern = `^(?:${upTo(65_535)}B|${upTo(63)}KiB)$`;

/** Whole numbers from 1 to `most`, with any number of zeros before them. */
function upTo(most: number): string {
  const digits = String(most);
  const shorter = digits.length > 1 ? [`[1-9][0-9]{0,${digits.length - 2}}`] : [];
  return `0*(?:${[...shorter, ...asLongAs(digits, 1)].join('|')})`;
}

/** Numbers of as many digits as `most`, and no larger; the first digit is at least `least`. */
function asLongAs(most: string, least: 0 | 1): string[] {
  const [first = '', ...rest] = most;
  const free = rest.length === 0 ? '' : `[0-9]{${rest.length}}`;
  const below = Number(first) > least ? [`[${least}-${Number(first) - 1}]${free}`] : [];
  return [
    ...below,
    ...(rest.length === 0 ? [first] : asLongAs(rest.join(''), 0).map((tail) => first + tail)),
  ];
}

function anyCase(text: string): string {
  return text.replace(/[a-z]/g, (letter) => `[${letter}${letter.toUpperCase()}]`).replaceAll('.', '\\.');
}

/** A file, relative to `registry.toml` or absolute. */
export const secretFilePattern = '^(?!~)(?!.*\\$\\{)(?=\\s*\\S)[^\\u0000-\\u001f\\u007f]+$';

/** A name that `refs/heads/` can stand before, by git's rules. */
export const branchPattern =
  '^(?!refs/|[-/.]|@$)(?!.*(?:\\.\\.|@\\{|//|/\\.|[./]$|\\.lock(?:/|$)))[^\\u0000-\\u0020\\u007f~^:?*\\[\\\\]+$';
export const userAgentPattern = '^[!-~](?:[ -~]{0,198}[!-~])?$';
