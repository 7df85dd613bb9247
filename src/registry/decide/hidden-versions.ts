import { compareVersions, compatibilitySet, type Version } from '../../model/version.ts';

/**
 * Which of the versions to list leave the index because they are refused (rule 12: a refusal changes no selection, it only
 * makes it fail). A client takes the lowest listed version that satisfies, in its compatibility set, and installs what it took:
 *
 * - A refused version with one above it in its set that is not refused stays, a hole: without its line, whoever requires it
 *   would silently get another version.
 * - A refused tail leaves: nothing stands above it that could be taken instead, and "latest" finds what can be had.
 * - Where every version of the module is refused all stay, so that whoever requires it is told why.
 *
 * For every requirement, with S selected from `listed` and S' from what stays: S' is S, or there is none, in which case S is refused.
 */
export function hiddenVersions(
  listed: Iterable<Version>,
  isRefused: (version: Version) => boolean,
): ReadonlySet<Version> {
  const versions = [...listed];
  const refused = versions.filter(isRefused);
  if (refused.length === 0 || refused.length === versions.length) return new Set();
  const highest = new Map<string, Version>();
  for (const version of versions) {
    const best = highest.get(compatibilitySet(version));
    if (!isRefused(version) && (best === undefined || compareVersions(version, best) > 0))
      highest.set(compatibilitySet(version), version);
  }
  return new Set(
    refused.filter((version) => {
      const best = highest.get(compatibilitySet(version));
      return best === undefined || compareVersions(version, best) > 0;
    }),
  );
}
