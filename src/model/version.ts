/**
 * A version as Rust's `semver` crate reads it (SemVer 2.0.0), because `moon` does: no `v` prefix, no short
 * forms, and build metadata takes part in ordering and identity (`1.0.0 < 1.0.0+a < 1.0.0+b`).
 */
export type Version = string & { readonly brand: 'Version' };

const grammar =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-((?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*))?(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?$/;
/** A longer one cannot be the name of an archive on any disk, a client's included. */
const maxLength = 256;
const maxNumber = 18446744073709551615n; // u64::MAX: the crate refuses larger numbers, and with them the module
const digits = /^\d+$/;

interface Parts {
  readonly major: bigint;
  readonly minor: bigint;
  readonly patch: bigint;
  readonly prerelease: readonly string[];
  readonly build: readonly string[];
}

function parse(text: string): Parts | undefined {
  if (text.length > maxLength) return undefined;
  const match = grammar.exec(text);
  if (!match) return undefined;
  const [major, minor, patch] = [match[1], match[2], match[3]].map((part) => BigInt(part ?? 0));
  if (major === undefined || minor === undefined || patch === undefined) return undefined;
  if (major > maxNumber || minor > maxNumber || patch > maxNumber) return undefined;
  return {
    major,
    minor,
    patch,
    prerelease: match[4]?.split('.') ?? [],
    build: match[5]?.split('.') ?? [],
  };
}

export function isVersion(text: unknown): text is Version {
  return typeof text === 'string' && parse(text) !== undefined;
}

const numbersAtStart = /^(0|[1-9]\d{0,19})\.(0|[1-9]\d{0,19})\.(0|[1-9]\d{0,19})/;
const prereleaseIdentifier = /(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(?![0-9A-Za-z-])/y;
const buildIdentifier = /[0-9A-Za-z-]+/y;

/** Whether the crate can read `text`, of any length: `isVersion` is about versions that can be served. */
export function isSemanticVersion(text: string): boolean {
  const numbers = numbersAtStart.exec(text);
  if (!numbers || numbers.slice(1).some((number) => BigInt(number) > maxNumber)) return false;
  let at = numbers[0].length;
  if (text[at] === '-') at = skipIdentifiers(text, at + 1, prereleaseIdentifier);
  if (text[at] === '+') at = skipIdentifiers(text, at + 1, buildIdentifier);
  return at === text.length;
}

// One at a time: a single expression for all of them overflows the stack on a text of some megabytes.
function skipIdentifiers(text: string, start: number, identifier: RegExp): number {
  for (let at = start; ; at += 1) {
    identifier.lastIndex = at;
    if (!identifier.test(text)) return -1;
    at = identifier.lastIndex;
    if (text[at] !== '.') return at;
  }
}

/** Total order of the `semver` crate: negative, zero or positive. Zero only for identical text. */
export function compareVersions(left: Version, right: Version): number {
  if (left === right) return 0;
  const a = parse(left);
  const b = parse(right);
  if (!a || !b) throw new TypeError(`not a version: ${a ? right : left}`);
  return (
    compareNumbers(a.major, b.major) ||
    compareNumbers(a.minor, b.minor) ||
    compareNumbers(a.patch, b.patch) ||
    comparePrerelease(a.prerelease, b.prerelease) ||
    compareIdentifiers(a.build, b.build, compareBuildNumbers)
  );
}

/**
 * The compatibility set a version is selected in: majors 0 and 1 together, each later major alone
 * (moon's mvs.rs). Requirements only ever select within their own set.
 */
export function compatibilitySet(version: Version): string {
  const major = version.slice(0, version.indexOf('.'));
  return major === '0' ? '1' : major;
}

/** The lowest of `listed` that is not below `requirement`, in its compatibility set: what moon selects. */
export function selectVersion(requirement: Version, listed: Iterable<Version>): Version | undefined {
  const set = compatibilitySet(requirement);
  let best: Version | undefined;
  for (const version of listed) {
    if (compatibilitySet(version) !== set || compareVersions(version, requirement) < 0) continue;
    if (best === undefined || compareVersions(version, best) < 0) best = version;
  }
  return best;
}

/** The highest version, prereleases included: what the client means by "latest". */
export function latestVersion(listed: Iterable<Version>): Version | undefined {
  let best: Version | undefined;
  for (const version of listed) {
    if (best === undefined || compareVersions(version, best) > 0) best = version;
  }
  return best;
}

function compareNumbers(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function comparePrerelease(a: readonly string[], b: readonly string[]): number {
  if (a.length === 0 || b.length === 0) return b.length - a.length;
  return compareIdentifiers(a, b, (x, y) => compareNumbers(BigInt(x), BigInt(y)));
}

// The crate orders build numbers by value and then, since leading zeros are allowed there, by length.
function compareBuildNumbers(x: string, y: string): number {
  return compareNumbers(BigInt(x), BigInt(y)) || x.length - y.length;
}

function compareIdentifiers(
  a: readonly string[],
  b: readonly string[],
  compareNumeric: (x: string, y: string) => number,
): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const x = a[i];
    const y = b[i];
    if (x === undefined || y === undefined) return a.length - b.length;
    if (x === y) continue;
    const xIsNumber = digits.test(x);
    const yIsNumber = digits.test(y);
    if (xIsNumber && yIsNumber) {
      const order = compareNumeric(x, y);
      if (order !== 0) return order;
    } else if (xIsNumber !== yIsNumber) return xIsNumber ? -1 : 1;
    else return x < y ? -1 : 1;
  }
  return 0;
}
