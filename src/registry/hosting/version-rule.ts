import { compareVersions, compatibilitySet, latestVersion, type Version } from '../../model/version.ts';

/**
 * Which new versions of a module may be published: higher than all of their compatibility set (majors 0 and 1 together,
 * each later one alone), so that 1.0.1 may follow 2.0.0; higher than all; or any new one.
 */
export type VersionRule = 'per-major' | 'always' | 'no';

/** `highest` is the existing version that a new one has to be above. */
export type VersionProblem =
  | { readonly kind: 'exists' }
  | { readonly kind: 'not-higher'; readonly highest: Version };

/** `existing` are all versions that were ever published, in any order. */
export function versionProblem(
  rule: VersionRule,
  existing: readonly Version[],
  version: Version,
): VersionProblem | undefined {
  if (existing.includes(version)) return { kind: 'exists' };
  const set = compatibilitySet(version);
  const compared = {
    always: existing,
    'per-major': existing.filter((one) => compatibilitySet(one) === set),
    no: [],
  }[rule];
  const highest = latestVersion(compared);
  if (highest === undefined || compareVersions(version, highest) > 0) return undefined;
  return { kind: 'not-higher', highest };
}
