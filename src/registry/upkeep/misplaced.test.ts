import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../../test/support/temporary-directory.ts';
import { checkParts } from './misplaced.ts';

test('a file in the place of a folder, and a folder in the place of a file, are told with what moves them', async () => {
  const data = temporaryDirectory();
  expect(await checkParts(data)).toEqual([]);
  await mkdir(join(data, 'audit.jsonl'));
  await mkdir(join(data, 'locks', 'registry'), { recursive: true });
  await writeFile(join(data, 'packages'), '');
  const found = await checkParts(data);
  expect(found.map(({ detail }) => detail.replace(data, ''))).toEqual([
    '/packages is a file, and a folder is needed there',
    '/audit.jsonl is a folder, and a file is needed there',
    '/locks/registry is a folder, and a file is needed there',
  ]);
  expect(found[0]?.hint).toBe(`move it away: mv ${join(data, 'packages')} ${join(data, 'packages')}.away`);
});

test('files that a registry in use has are where they should be', async () => {
  const data = temporaryDirectory();
  await mkdir(join(data, 'locks'));
  for (const name of ['token-use.log', 'audit.jsonl', 'locks/registry'])
    await writeFile(join(data, name), '');
  expect(await checkParts(data)).toEqual([]);
});

test('a file in the place of the folder of locks is told once', async () => {
  const data = temporaryDirectory();
  await writeFile(join(data, 'locks'), '');
  expect(await checkParts(data)).toHaveLength(1);
});
