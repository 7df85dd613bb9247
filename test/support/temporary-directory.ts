import { mkdtempSync, realpathSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, onTestFinished } from 'vitest';

/** A new directory, removed when the running test has finished. Only inside a test. */
export function temporaryDirectory(): string {
  const path = createDirectory();
  onTestFinished(() => removeDirectory(path));
  return path;
}

/** A new directory, removed after all tests of the surrounding file or `describe`. Only outside tests. */
export function suiteDirectory(): string {
  const path = createDirectory();
  afterAll(() => removeDirectory(path));
  return path;
}

// Real paths: git prints them, and some systems keep temporary files behind a symbolic link.
export function createDirectory(): string {
  return mkdtempSync(join(realpathSync(tmpdir()), 'moonbit-registry-test-'));
}

function removeDirectory(path: string): Promise<void> {
  // A process that was just killed may still write for a moment.
  return rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
}
