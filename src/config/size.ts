export const sizeSyntax = /^\d{1,7}(B|KiB|MiB|GiB)$/;
const unitBytes = new Map([
  ['B', 1],
  ['KiB', 1024],
  ['MiB', 1024 ** 2],
  ['GiB', 1024 ** 3],
]);
export const sizeForm = 'a size such as "512B", "64KiB", "16MiB" or "1GiB"';

/** Reads `512B`, `64KiB`, `16MiB` or `1GiB` as bytes; `undefined` for anything else. */
export function parseSize(text: string): number | undefined {
  const unit = unitBytes.get(sizeSyntax.exec(text)?.[1] ?? '');
  return unit === undefined ? undefined : Number.parseInt(text, 10) * unit;
}

/** Bytes in the largest unit that gives a whole number. */
export function formatSize(bytes: number): string {
  const [unit, size] = [...unitBytes].findLast(([, size]) => bytes % size === 0) ?? ['B', 1];
  return `${bytes / size}${unit}`;
}

/** Why a well-formed size cannot be used; `undefined` if it can. Buffers of Node end where 32-bit counters do. */
export function sizeRangeProblem(text: string): string | undefined {
  const bytes = parseSize(text);
  if (bytes === 0) return 'expected a size above zero';
  if (bytes !== undefined && bytes > 2 * 1024 ** 3) return `expected at most 2GiB, got "${text}"`;
  return undefined;
}
