import { createHash } from 'node:crypto';
import { isRecord } from '../support/is-record.ts';
import { parseJson } from '../support/parse-json.ts';

/** What one line of an index file requires: all of it that some client could resolve, in any form it can be written. */
export interface StatedRequirements {
  /**
   * "deps" by module, each as an object of what it states (`"1.0.0"` is `{ version: '1.0.0' }`, a `null` is left
   * out). Of a module stated twice, the last, as clients read it.
   */
  readonly deps: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** The JSON text of every "bin-deps" of the line: none or one in each real line. No client reads it in the index. */
  readonly binDeps: readonly string[];
}

/** The digest of a line that requires nothing. */
const none = 'none';
/** Beyond these, "bin-deps" counts as the text it is: no manifest comes near, and no work may grow with nesting. */
const maxTextLength = 64 * 1024;
const maxDepth = 64;

/** Lowercase hex SHA-256 of `canonicalRequirements`, or `none`: what a pin holds of a version's requirements. */
export function requirementsDigest(stated: StatedRequirements): string {
  const canonical = canonicalRequirements(stated);
  return canonical === none ? none : sha256(canonical);
}

/**
 * One text for all lines that require the same: equal for any order of keys, for "deps" that is absent, `null` or
 * `{}`, and for `"1.0.0"` and `{"version":"1.0.0"}`; different whenever something else is stated. `none` where
 * nothing is required. It has its place in ledgers for ever: a change here makes every pin differ.
 */
export function canonicalRequirements(stated: StatedRequirements): string {
  const deps = canonicalDeps(stated.deps);
  const binDeps = stated.binDeps.map(canonicalBinDeps).filter((text) => text !== '{}');
  if (deps === '{}' && binDeps.length === 0) return none;
  return `{"bin-deps":[${binDeps.join(',')}],"deps":${deps}}`;
}

function canonicalDeps(deps: StatedRequirements['deps']): string {
  return objectText([...deps].map(([module, stated]) => [module, valueText(stated)]));
}

/** The value of a "bin-deps", `undefined` where it is longer or nested deeper than any real one, or no plain JSON. */
export function readBinDeps(text: string): unknown {
  if (text.length > maxTextLength || nesting(text) > maxDepth) return undefined;
  return parseJson(text); // not with comments, or escapes that only the client's parser knows
}

function canonicalBinDeps(text: string): string {
  const value = readBinDeps(text);
  if (value === undefined) return `{"text":"${sha256(text)}"}`;
  if (value === null) return '{}';
  if (!isRecord(value)) return valueText(value);
  return objectText(Object.entries(value).map(([module, one]) => [module, valueText(asObject(one))]));
}

/** At least as many levels as the JSON text has: brackets within strings count too. */
function nesting(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (const [bracket] of text.matchAll(/[[{}\]]/g)) {
    depth += bracket === '[' || bracket === '{' ? 1 : -1;
    deepest = Math.max(deepest, depth);
  }
  return deepest;
}

function asObject(dependency: unknown): unknown {
  if (typeof dependency === 'string') return { version: dependency };
  if (!isRecord(dependency)) return dependency;
  return Object.fromEntries(Object.entries(dependency).filter(([, value]) => value !== null));
}

function valueText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(valueText).join(',')}]`;
  if (isRecord(value)) return objectText(Object.entries(value).map(([key, one]) => [key, valueText(one)]));
  // Not JSON.stringify for numbers: to it, 1e999 and null are the same.
  return typeof value === 'number' ? String(value) : JSON.stringify(value);
}

function objectText(members: [string, string][]): string {
  members.sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0));
  return `{${members.map(([key, text]) => `${JSON.stringify(key)}:${text}`).join(',')}}`;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
