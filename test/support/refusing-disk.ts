import { promises } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { relative } from 'node:path';
import { onTestFinished } from 'vitest';
import { systemError } from '../../src/support/disk/failing-disk.fixture.ts';

const writing = [
  'mkdir',
  'link',
  'rename',
  'rm',
  'unlink',
  'writeFile',
  'appendFile',
  'chmod',
  'utimes',
] as const;

/**
 * From now on nothing can be written below `folder`, as a disk refuses that; what is there can be read. Until `relent` is
 * called, or the test has finished. What git writes is not kept from it.
 */
export function refuseWrites(folder: string, code: string | number): { readonly relent: () => void } {
  const before = { ...promises };
  const isBelow = (path: unknown) => !relative(folder, String(path)).startsWith('..');
  for (const name of writing) {
    const work = before[name] as (...args: unknown[]) => Promise<unknown>;
    const refuse = async (...args: unknown[]) => {
      const target = name === 'rename' || name === 'link' ? args[1] : args[0];
      if (isBelow(target)) throw systemError(code, name, String(target));
      return work(...args);
    };
    Object.assign(promises, { [name]: refuse });
  }
  const open = async (...args: Parameters<typeof before.open>) => {
    if (isBelow(args[0]) && args[1] !== undefined && args[1] !== 'r')
      throw systemError(code, 'open', String(args[0]));
    return before.open(...args);
  };
  Object.assign(promises, { open });
  syncBuiltinESMExports();
  const relent = () => {
    Object.assign(promises, before);
    syncBuiltinESMExports();
  };
  onTestFinished(relent);
  return { relent };
}
