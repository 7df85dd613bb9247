import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { RegistryError } from '../../errors.ts';
import { readWorkspace } from './workspace.ts';

let folder: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'workspace-')));
  for (const name of ['app', 'lib', 'nested/tool']) {
    mkdirSync(join(folder, name), { recursive: true });
    writeFileSync(join(folder, name, name === 'lib' ? 'moon.mod.json' : 'moon.mod'), '');
  }
  writeFileSync(join(folder, 'file'), '');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function members(text: string): Promise<string[]> {
  writeFileSync(join(folder, 'moon.work'), text);
  return readWorkspace(folder).then((workspace) =>
    workspace.members.map((member) => member.slice(folder.length + 1)),
  );
}

test('gives the folders of the members, each once, in order', async () => {
  symlinkSync('app', join(folder, 'same'));
  expect(
    await members('// all\nmembers = [\n  "./nested/tool",\n  "lib/", "app", "./same", "./app",\n]\n'),
  ).toEqual(['app', 'lib', 'nested/tool']);
  expect(await members('members = [];\npreferred_target = "js"')).toEqual([]);
  expect(await members(`members = [${JSON.stringify(join(folder, 'app'))}]`)).toEqual(['app']);
});

test.each([
  ['', 'it states no members'],
  ['members = "app"', 'line 1, column 11: expected "members" to be a list of folders'],
  ['members = ["app", 1]', 'line 1, column 19: expected a folder'],
  ['members = ["app"]\nmembers = []', 'line 2, column 1: "members" is already set above'],
  ['members = []\nuse = ["app"]', 'line 2, column 1: moon knows no "use" here'],
  ['members = ["app"', 'line 1, column 17'],
  ['import { "a/b@1.0.0" }', 'moon knows no "import" here'],
  ['members = ["nowhere"]', 'its member "nowhere" is no folder'],
  ['members = ["file"]', 'its member "file" is no folder'],
  ['members = ["nested"]', 'its member "nested" has no moon.mod'],
])('%s is refused', async (text, words) => {
  const error = await members(text).catch((thrown: unknown) => thrown);
  if (!(error instanceof RegistryError)) throw error;
  expect(error).toMatchObject({ code: 'usage', message: expect.stringContaining(words) });
  expect(error.message).toContain(join(folder, 'moon.work'));
});

test('a folder that is none is not found', async () => {
  await expect(readWorkspace(folder)).rejects.toMatchObject({ code: 'not-found' });
});
