import { distance } from 'fastest-levenshtein';

/** Longer words are not mistyped but made up; comparing them would take as long as their makers like. */
const longestWord = 200;

/** The one of `candidates` that was probably meant by a mistyped word; `undefined` where none is near enough. */
export function suggest<T extends string>(word: string, candidates: Iterable<T>): T | undefined {
  if (word.length > longestWord) return undefined;
  let nearest: T | undefined;
  let fewest = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const tolerated = tolerance(Math.max(candidate.length, word.length));
    // At least as many edits as one is longer than the other.
    if (Math.abs(candidate.length - word.length) > Math.min(tolerated, fewest - 1)) continue;
    const edits = distance(word, candidate);
    if (edits > tolerated || edits >= fewest) continue;
    nearest = candidate;
    fewest = edits;
  }
  return nearest;
}

// Two letters swapped count as two edits.
function tolerance(length: number): number {
  if (length < 4) return length < 3 ? 0 : 1;
  return Math.max(2, Math.floor(length * 0.4));
}
