/** What several rounds of one measurement say. */
export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** `values` must not be empty. */
export function summarise(values: readonly number[]): Summary {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (position: number) => sorted[position] ?? Number.NaN;
  const middle = (sorted.length - 1) / 2;
  return {
    median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2,
    min: at(0),
    max: at(sorted.length - 1),
  };
}

/** The value below which `share` (0 to 1) of `values` lie. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)] ?? Number.NaN;
}

/** Every k-th of `values` by size, so that few stand for all. */
export function stratify<T>(values: readonly T[], count: number, sizeOf: (value: T) => number): T[] {
  const sorted = [...values].sort((a, b) => sizeOf(a) - sizeOf(b));
  if (count >= sorted.length) return sorted;
  const step = sorted.length / count;
  return Array.from({ length: count }, (_, k) => sorted[Math.floor((k + 0.5) * step)]).filter(
    (value): value is T => value !== undefined,
  );
}

/** The same order each time, without a pattern. */
export function shuffle<T>(values: readonly T[]): T[] {
  const result = [...values];
  let state = 0x9e3779b9;
  for (let last = result.length - 1; last > 0; last--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const other = Math.floor((state / 2 ** 32) * (last + 1));
    const [a, b] = [result[last], result[other]];
    if (a !== undefined && b !== undefined) [result[last], result[other]] = [b, a];
  }
  return result;
}
