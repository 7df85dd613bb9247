import { closest, distance } from 'fastest-levenshtein';

/** The one of `candidates` that was probably meant by a mistyped word; `undefined` where none is near enough. */
export function suggest(word: string, candidates: readonly string[]): string | undefined {
  if (candidates.length === 0) return undefined;
  const nearest = closest(word, [...candidates]);
  return distance(word, nearest) <= tolerance(Math.max(nearest.length, word.length)) ? nearest : undefined;
}

// Two letters swapped count as two edits.
function tolerance(length: number): number {
  if (length < 4) return length < 3 ? 0 : 1;
  return Math.max(2, Math.floor(length * 0.4));
}
