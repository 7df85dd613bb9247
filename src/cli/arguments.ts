/** Words of the command line into values; what is wrong with them is said in `CommandLineError`s. */

import { mirrorPatternProblem } from '../model/mirror-target.ts';
import { isModuleName, type ModuleName, moduleNameProblem } from '../model/module-name.ts';
import { patternProblem } from '../model/pattern.ts';
import { isVersion, type Version } from '../model/version.ts';
import { CommandLineError } from './exit-codes.ts';

export interface ModuleVersion {
  readonly module: ModuleName;
  readonly version: Version | undefined;
}

/** `OWNER/NAME` or `OWNER/NAME@VERSION`, split at the last `@`. */
export function parseModuleVersion(text: string): ModuleVersion {
  const at = text.lastIndexOf('@');
  const module = at < 0 ? text : text.slice(0, at);
  const version = at < 0 ? undefined : text.slice(at + 1);
  if (!isModuleName(module))
    throw new CommandLineError(`"${text}" names no module: ${moduleNameProblem(module)}`, {
      hint: 'write OWNER/NAME or OWNER/NAME@VERSION, e.g. moonbitlang/x@0.4.38',
    });
  if (version !== undefined && !isVersion(version))
    throw new CommandLineError(`"${version}" is not a version: ${versionProblem(version)}`, {
      hint: `write a full version, e.g. ${module}@1.2.3`,
    });
  return { module, version };
}

/** As `parseModuleVersion`, where a version must be named. */
export function parseExactVersion(text: string): { readonly module: ModuleName; readonly version: Version } {
  const { module, version } = parseModuleVersion(text);
  if (version === undefined)
    throw new CommandLineError(`"${text}" names no version`, { hint: `write ${module}@VERSION` });
  return { module, version };
}

/** An option's whole number between `min` and `max`. */
export function parseWholeNumber(option: string, text: string, min: number, max: number): number {
  const number = /^-?\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!(number >= min && number <= max))
    throw new CommandLineError(`${option} takes a whole number from ${min} to ${max}, not "${text}"`);
  return number;
}

const patternHint = 'patterns match whole module names, e.g. "moonbitlang/*" (quote them)';

export function parsePatterns(texts: readonly string[]): readonly string[] {
  return requirePatterns(texts, patternProblem, patternHint);
}

/** Patterns, or `OWNER/NAME@VERSION`. */
export function parseMirrorPatterns(texts: readonly string[]): readonly string[] {
  const hint = `${patternHint}, or name one version: moonbitlang/x@0.4.38`;
  return requirePatterns(texts, mirrorPatternProblem, hint);
}

function requirePatterns(
  texts: readonly string[],
  problemOf: (text: string) => string | undefined,
  hint: string,
): readonly string[] {
  for (const text of texts) {
    const problem = problemOf(text);
    if (problem !== undefined) throw new CommandLineError(`"${text}" is not a pattern: ${problem}`, { hint });
  }
  return texts;
}

function versionProblem(text: string): string {
  if (text === '') return 'it is empty';
  if (/^[vV=]/.test(text) && isVersion(text.slice(1))) return `it begins with "${text[0]}"`;
  if (/^\d+(\.\d+)?$/.test(text)) return 'it needs three numbers';
  return 'it does not follow semver.org';
}
