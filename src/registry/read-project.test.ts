import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { NotFoundError } from '../errors.ts';
import { readProject } from './read-project.ts';

describe('a project', () => {
  async function writeProject(name: string, text: string): Promise<string> {
    const directory = join(temporaryDirectory(), 'project');
    await mkdir(directory);
    await writeFile(join(directory, name), text);
    return directory;
  }
  const json = '{"name": "me/app", "deps": {"a/b": "1.0.0"}, "bin-deps": {"c/d": "2.0.0"}}';
  const ids = async (path: string) =>
    (await readProject(path)).map(
      ({ dependency, requiredBy }) => `${requiredBy}: ${dependency.module}@${dependency.requirement}`,
    );

  test('may be given by its folder or its module file', async () => {
    const directory = await writeProject('moon.mod.json', json);
    const expected = ['moon.mod.json: a/b@1.0.0', 'moon.mod.json: c/d@2.0.0'];
    expect(await ids(directory)).toEqual(expected);
    expect(await ids(join(directory, 'moon.mod.json'))).toEqual(expected);
  });

  test('is read from moon.mod where both files are there', async () => {
    const directory = await writeProject('moon.mod.json', json);
    await writeFile(join(directory, 'moon.mod'), 'name = "me/app"\nimport { "e/f@3.0.0" }\n');
    expect(await ids(directory)).toEqual(['moon.mod: e/f@3.0.0']);
  });

  test('that is not there, or cannot be read, is an error that says where', async () => {
    const nowhere = join(temporaryDirectory(), 'nowhere');
    await expect(readProject(nowhere)).rejects.toThrow(NotFoundError);
    await expect(readProject(nowhere)).rejects.toThrow(nowhere);
    const broken = readProject(await writeProject('moon.mod.json', '{'));
    await expect(broken).rejects.toThrow(/moon\.mod\.json: line 1, column 2/);
  });
});
