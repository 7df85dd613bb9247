import { isModuleName } from './module-name.ts';
import { matchesPattern, patternProblem } from './pattern.ts';
import { isVersion, type Version } from './version.ts';

/** Stands for whichever source supplies a module. */
export const anySource = '*';

/** Modules to copy ahead of time, and from where. */
export interface MirrorTarget {
  /** Name of the source that is asked what it lists; `anySource`: each module comes from whoever supplies it. */
  readonly source: string;
  /** As `matchesPattern` takes it. */
  readonly pattern: string;
  /** That version alone, instead of all of them; the pattern is a module's name then. */
  readonly version?: Version | undefined;
}

/** Why `text` is neither a pattern nor `OWNER/NAME@VERSION`; `undefined` if it is one of them. */
export function mirrorPatternProblem(text: string): string | undefined {
  const at = text.lastIndexOf('@');
  if (at < 0) return patternProblem(text);
  if (!isModuleName(text.slice(0, at)))
    return 'before "@VERSION" stands the whole name of one module, such as "owner/name@1.2.3"';
  return isVersion(text.slice(at + 1)) ? undefined : `"${text.slice(at + 1)}" is not a version such as 1.2.3`;
}

/** Reads what `mirrorPatternProblem` finds nothing wrong with. */
export function parseMirrorPattern(text: string): Pick<MirrorTarget, 'pattern' | 'version'> {
  const at = text.lastIndexOf('@');
  const version = text.slice(at + 1);
  return at >= 0 && isVersion(version) ? { pattern: text.slice(0, at), version } : { pattern: text };
}

/** The target as it is typed: `owner/*` or `owner/name@1.2.3`. */
export function formatMirrorPattern({ pattern, version }: Pick<MirrorTarget, 'pattern' | 'version'>): string {
  return version === undefined ? pattern : `${pattern}@${version}`;
}

/**
 * Whether mirroring this is a decision about names: it spells out an owner, and one source. A wildcard that could match
 * any owner's names decides about none, however much it downloads.
 */
export function decidesNames({ source, pattern }: MirrorTarget): boolean {
  const slash = pattern.indexOf('/');
  return source !== anySource && slash > 0 && !pattern.slice(0, slash).includes('*');
}

export function isTarget({ pattern }: MirrorTarget, module: string): boolean {
  return matchesPattern(pattern, module);
}
