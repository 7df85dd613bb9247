import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { afterAll } from 'vitest';
import { suiteDirectory } from '../support/temporary-directory.ts';

/** As `suiteDirectory`, in memory where there is such a place: what a kill leaves is the same, fsync costs nothing. */
export function fastDirectory(): string {
  const path = tryMemory();
  if (path === undefined) return suiteDirectory();
  afterAll(() => rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 }));
  return path;
}

function tryMemory(): string | undefined {
  try {
    return mkdtempSync('/dev/shm/moonbit-registry-test-');
  } catch {
    return undefined;
  }
}
