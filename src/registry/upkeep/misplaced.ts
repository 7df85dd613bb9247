/** What stands in the data folder as a file where a folder belongs, or the other way round, and stops what needs it. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { HealthCheck } from '../../model/health-check.ts';
import { shellLine } from '../../support/shell.ts';
import { dataLayout } from '../data-layout.ts';

interface Misplaced {
  readonly path: string;
  readonly detail: string;
  readonly hint: string;
}

/** The index is looked at by itself. */
export async function findMisplaced(dataDir: string): Promise<Misplaced[]> {
  const { index: _, registryLock, tokenUse, ...folders } = dataLayout(dataDir);
  const files = ['audit.jsonl', 'observations.json', 'mirrored.txt'].map((name) => join(dataDir, name));
  const looks = [
    ...Object.values(folders).map((path) => lookAt(path, 'folder')),
    ...[...files, registryLock, tokenUse].map((path) => lookAt(path, 'file')),
  ];
  return (await Promise.all(looks)).flat();
}

async function lookAt(path: string, wanted: 'file' | 'folder'): Promise<Misplaced[]> {
  const found = await stat(path).catch(() => undefined); // what else is wrong with it, others tell
  if (found === undefined || found.isDirectory() === (wanted === 'folder')) return [];
  const detail = `${path} is a ${found.isDirectory() ? 'folder' : 'file'}, and a ${wanted} is needed there`;
  return [{ path, detail, hint: `move it away: ${shellLine`mv ${path} ${`${path}.away`}`}` }];
}

/** Nothing where all is as it should be. */
export async function checkParts(dataDir: string): Promise<HealthCheck[]> {
  const found = await findMisplaced(dataDir);
  return found.map(({ detail, hint }) => ({ name: 'data folder', result: 'failure', detail, hint }));
}
