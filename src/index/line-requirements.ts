import { requirementsDigest } from '../model/requirements.ts';
import type { IndexLine } from './index-file.ts';

/** Digest of what a line requires, as pins hold it. */
export function requirementsOf(line: Pick<IndexLine, 'bytes'>): string {
  const value = JSON.parse(line.bytes.toString('utf8')) as Record<string, unknown>;
  const deps = new Map(
    Object.entries((value.deps ?? {}) as Record<string, unknown>).map(([module, stated]) => [
      module,
      typeof stated === 'string' ? { version: stated } : (stated as Record<string, string>),
    ]),
  );
  const binDeps = value['bin-deps'];
  return requirementsDigest({ deps, binDeps: binDeps === undefined ? [] : [JSON.stringify(binDeps)] });
}
