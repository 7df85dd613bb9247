import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { describe, expect, onTestFinished, test } from 'vitest';
import { addSource, type NewSource } from './edit.ts';
import { editConfigFile } from './edit-file.ts';
import { addEditorSchema } from './editor-schema.ts';
import { renderJsonSchema } from './json-schema.ts';
import { loadConfig } from './load.ts';
import { renderNewConfig } from './template.ts';

async function registryFolder(text = renderNewConfig({ name: 'test' })): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'edit-file-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  await writeFile(join(directory, 'registry.toml'), text);
  return directory;
}

const contentOf = (directory: string) => readFile(join(directory, 'registry.toml'), 'utf8');

const newSource = (name: string): NewSource => ({
  name,
  type: 'custom',
  url: `https://${name}.example`,
  indexUrl: `https://${name}.example/index`,
  priority: 50,
  namespaces: [],
  include: [],
  exclude: [],
});

describe('editConfigFile', () => {
  test('writes the edit, answers what the file means then, and leaves nothing beside it', async () => {
    const directory = await registryFolder();
    await chmod(join(directory, 'registry.toml'), 0o640);
    const config = await editConfigFile(directory, (text) => addSource(text, newSource('a')));
    expect(config).toMatchObject({ defaultSource: 'a', sourcesAreImplied: false });
    expect(await loadConfig(directory)).toEqual(config);
    expect(await readdir(directory)).toEqual(['registry.toml']);
    expect((await stat(join(directory, 'registry.toml'))).mode & 0o777).toBe(0o640);
  });

  test('brings the schema beside it up to date, and no file that is none of ours', async () => {
    const directory = await registryFolder();
    const schema = join(directory, 'registry.schema.json');
    await addEditorSchema(directory);
    const current = await readFile(schema, 'utf8');
    expect(current).toBe(renderJsonSchema());
    await writeFile(schema, current.replace('"type": "object"', '"type": "array"'));
    await editConfigFile(directory, (text) => addSource(text, newSource('a')));
    expect(await readFile(schema, 'utf8')).toBe(current);
    await writeFile(schema, '{}');
    await editConfigFile(directory, (text) => addSource(text, newSource('b')));
    expect(await readFile(schema, 'utf8')).toBe('{}');
    expect(await addEditorSchema(directory)).toBe(false);
  });

  test.each<[string, (text: string) => string]>([
    ['breaks a rule', (text) => addSource(text, newSource('Not A Name'))],
    ['is no TOML', (text) => `${text}\nx = y\n`],
    [
      'throws',
      () => {
        throw new Error('changed my mind');
      },
    ],
  ])('an edit that %s leaves the file untouched', async (_, edit) => {
    const directory = await registryFolder();
    const before = await contentOf(directory);
    await expect(editConfigFile(directory, edit)).rejects.toThrow();
    expect(await contentOf(directory)).toBe(before);
    expect(await readdir(directory)).toEqual(['registry.toml']);
  });

  test('an edit that changes nothing does not write', async () => {
    const directory = await registryFolder();
    const before = (await stat(join(directory, 'registry.toml'))).ino;
    await editConfigFile(directory, (text) => text);
    expect((await stat(join(directory, 'registry.toml'))).ino).toBe(before);
  });

  test('a change by somebody who takes no lock is not overwritten', async () => {
    const directory = await registryFolder();
    const { writeFileSync } = await import('node:fs');
    const edit = (text: string): string => {
      writeFileSync(join(directory, 'registry.toml'), '# by an editor\n');
      return addSource(text, newSource('a'));
    };
    await expect(editConfigFile(directory, edit)).rejects.toMatchObject({ code: 'storage' });
    expect(await contentOf(directory)).toBe('# by an editor\n');
  });

  test('says how to make a registry where there is none, and leaves no lock there', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'edit-file-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    await expect(editConfigFile(directory, (text) => text)).rejects.toMatchObject({
      code: 'config',
      hint: expect.stringContaining('init'),
    });
    expect(await readdir(directory)).toEqual([]);
  });

  test('edits of several processes, and several in one, are all kept', async () => {
    const directory = await registryFolder();
    const bundle = join(directory, 'worker.mjs');
    await build({
      stdin: {
        contents: `
          import { addSource } from './edit.ts';
          import { editConfigFile } from './edit-file.ts';
import { addEditorSchema } from './editor-schema.ts';
import { renderJsonSchema } from './json-schema.ts';
          const [directory, prefix] = process.argv.slice(2);
          const source = (name) => ({ name, type: 'custom', url: 'https://x', indexUrl: 'https://x/i', priority: 1,
            namespaces: [], include: [], exclude: [] });
          await Promise.all(['1', '2', '3'].map((n) =>
            editConfigFile(directory, (text) => addSource(text, source(prefix + n)))));`,
        resolveDir: import.meta.dirname,
      },
      outfile: bundle,
      bundle: true,
      platform: 'node',
      format: 'esm',
    });
    const prefixes = ['a', 'b', 'c'];
    const run = promisify(execFile);
    await Promise.all(prefixes.map((prefix) => run(process.execPath, [bundle, directory, prefix])));
    const names = (await loadConfig(directory)).sources.map(({ name }) => name);
    expect(names.toSorted()).toEqual(prefixes.flatMap((prefix) => ['1', '2', '3'].map((n) => prefix + n)));
    expect((await readdir(directory)).toSorted()).toEqual(['registry.toml', 'worker.mjs']);
  });
});
