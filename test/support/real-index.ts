import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * The official index as a git bundle, which is not part of this repository: tests that want it skip without it,
 * with `test.skipIf(!bundle)`.
 */
export function realIndexBundle(): string | undefined {
  const path = fileURLToPath(new URL('../../../shared/data/mooncakes-index.bundle', import.meta.url));
  return existsSync(path) ? path : undefined;
}
