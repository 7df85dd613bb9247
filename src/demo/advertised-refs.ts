import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LRUCache } from 'lru-cache';
import type { Answer } from './faults.ts';

const remembered = new LRUCache<string, Answer>({ max: 200 });

/**
 * What git answered to `info/refs` of a repository that says the same now: whoever reads an index asks for it twice, and git
 * takes two processes for it. It follows from the settings, `HEAD` and the refs; as of protocol version 2, from the settings alone.
 */
export async function rememberAdvertisement(
  repository: string,
  protocol: string,
  ask: () => Promise<Answer>,
): Promise<Answer> {
  const decisive = [protocol, readText(join(repository, 'config'))];
  if (!/\bversion=2\b/.test(protocol)) decisive.push(repository, ...readRefs(repository));
  const key = JSON.stringify(decisive);
  const known = remembered.get(key);
  if (known) return known;
  const answer = await ask();
  if (answer.status === 200) remembered.set(key, answer);
  return answer;
}

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
