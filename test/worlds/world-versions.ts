import { createRandom, type Random } from './random.ts';
import type { Oddity } from './world-names.ts';

/** The official registry's versions per module (moon-protocol §11): at most so many for this share of modules. */
const quantiles: readonly (readonly [share: number, versions: number])[] = [
  [0, 1],
  [0.337, 1],
  [0.338, 2],
  [0.5, 2],
  [0.6, 3],
  [0.7, 5],
  [0.8, 8],
  [0.9, 17],
  [0.95, 40],
  [0.99, 55],
  [1, 85],
];
const meanVersions = 7.4;
const mostVersions = 141;

export interface VersionOptions {
  readonly seed: string | number;
  /** The mean; default as on the official registry. */
  readonly versionsPerModule?: number | undefined;
}

/** The versions of the module at `position`, ascending in the order of Rust's `semver`. */
export function versionsAt(options: VersionOptions, position: number, oddity: Oddity | undefined): string[] {
  const random = createRandom(options.seed, 'versions', position);
  const scale = (options.versionsPerModule ?? meanVersions) / meanVersions;
  const usual = oddity === 'build-versions' ? mostVersions : atShare(random.next());
  const count = Math.max(1, Math.round(usual * scale));
  if (oddity === 'build-versions') return datedVersions(random, count);
  return numberedVersions(random, count, oddity);
}

function atShare(share: number): number {
  const above = quantiles.findIndex(([upTo]) => upTo >= share);
  const [from, low] = quantiles[above - 1] ?? [0, 1];
  const [to, high] = quantiles[above] ?? [1, 1];
  return Math.round(low + ((share - from) / (to - from || 1)) * (high - low));
}

/** `0.1.20260609+84519ca0a`, as the official core library numbers itself. */
function datedVersions(random: Random, count: number): string[] {
  let day = Date.UTC(2024, 0, 5);
  return Array.from({ length: count }, () => {
    day += (1 + random.below(8)) * 86_400_000;
    const date = new Date(day).toISOString().slice(0, 10).replaceAll('-', '');
    return `0.1.${date}+${random.hex(9)}`;
  });
}

function numberedVersions(random: Random, count: number, oddity: Oddity | undefined): string[] {
  // A name that ends in `/v2` holds major 2 only (moon-protocol §9).
  const firstMajor = oddity === 'major-in-name' ? 2 : 0;
  const hasBuilds = random.chance(0.005);
  const hasPrereleases = oddity === 'prereleases' || random.chance(0.03);
  const leavesZero = firstMajor === 0 && random.chance(0.03);
  const versions: string[] = [];
  let [major, minor, patch] = firstMajor === 0 && random.chance(0.8) ? [0, 1, 0] : [firstMajor, 0, 1];
  while (versions.length < count) {
    const version = `${major}.${minor}.${patch}`;
    const candidates =
      hasPrereleases && random.chance(versions.length === 0 ? 1 : 0.2) ? 1 + random.below(2) : 0;
    for (let number = 1; number <= candidates; number++) versions.push(`${version}-alpha.${number}`);
    versions.push(hasBuilds ? `${version}+${random.below(20)}` : version);
    if (leavesZero && major < 3 && random.chance(0.2)) [major, minor, patch] = [major + 1, 0, 0];
    else if (random.chance(0.28)) [minor, patch] = [minor + 1, 0];
    else patch++;
  }
  return versions.slice(0, count);
}
