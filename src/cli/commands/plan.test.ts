import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../../test/support/temporary-directory.ts';
import { cli } from '../io.fixture.ts';

test.each([
  ['nope.toml', 'there is no file'],
  ['settings', 'is a folder, not a file'],
])('a file to plan for that cannot be read is told in plain words: %s', async (name, words) => {
  const workingDirectory = temporaryDirectory();
  await writeFile(join(workingDirectory, 'registry.toml'), '');
  await mkdir(join(workingDirectory, 'settings'));
  const { exitCode, stderr } = await cli(['plan', '--config', name], { workingDirectory });
  expect(exitCode).toBe(1);
  expect(stderr).toContain(words);
  expect(stderr).toContain(join(workingDirectory, name));
  expect(stderr).toContain('hint: name the edited file: moonbit-registry plan --config edited.toml');
  expect(stderr).not.toMatch(/ENOENT|EISDIR/);
});
