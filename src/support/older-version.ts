/** Compares as many numbers as `wanted` has. */
export function isOlderVersion(version: string, wanted: string): boolean {
  const numbers = version.split('.').map(Number);
  for (const [position, limit] of wanted.split('.').map(Number).entries()) {
    const number = numbers[position] ?? 0;
    if (number !== limit) return number < limit;
  }
  return false;
}
