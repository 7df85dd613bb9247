import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LRUCache } from 'lru-cache';
import type { Answer } from '../../src/demo/git-http-backend.ts';

const remembered = new LRUCache<string, Answer>({ max: 200 });

/** What a client asks about refs: `info/refs`, or the command `ls-refs` of version 2 in its own words. */
export interface RefsQuestion {
  /** Its `Git-Protocol`. */
  readonly protocol: string;
  readonly lsRefs?: Buffer | undefined;
}

/**
 * What git answered to the same question about a repository that says the same now: whoever reads an index asks several times,
 * and git takes two processes for it. It follows from the settings, `HEAD` and the refs; `info/refs` of version 2 from the settings alone.
 */
export async function rememberAdvertisement(
  repository: string,
  { protocol, lsRefs }: RefsQuestion,
  ask: () => Promise<Answer>,
): Promise<Answer> {
  const decisive = [protocol, readText(join(repository, 'config'))];
  if (lsRefs || !isVersion2(protocol)) decisive.push(repository, ...readRefs(repository));
  if (lsRefs) decisive.push(lsRefs.toString('latin1'));
  const key = JSON.stringify(decisive);
  const known = remembered.get(key);
  if (known) return known;
  const answer = await ask();
  if (answer.status === 200) remembered.set(key, answer);
  return answer;
}

export const isVersion2 = (protocol: string) => /\bversion=2\b/.test(protocol);

function readRefs(repository: string): string[] {
  const names = readdirSync(join(repository, 'refs'), { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  return [join(repository, 'HEAD'), join(repository, 'packed-refs'), ...files.sort()].flatMap((file) => [
    file,
    readText(file),
  ]);
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}
