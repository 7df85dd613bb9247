import { closest, distance } from 'fastest-levenshtein';

/** The one of `candidates` that was probably meant by a mistyped word; `undefined` where none is near enough. */
export function suggest(word: string, candidates: readonly string[]): string | undefined {
  if (candidates.length === 0) return undefined;
  const nearest = closest(word, [...candidates]);
  const tolerated = Math.max(1, Math.floor(Math.max(nearest.length, word.length) * 0.4));
  return distance(word, nearest) <= tolerated ? nearest : undefined;
}
