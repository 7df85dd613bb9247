import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../../test/support/temporary-directory.ts';
import { type AppendLogOptions, createAppendLog } from './append-log.ts';

const run = promisify(execFile);

function optionsIn(directory: string, more: Partial<AppendLogOptions> = {}): AppendLogOptions {
  return {
    file: join(directory, 'audit.jsonl'),
    lockFile: join(directory, 'lock'),
    maxBytes: 1_000_000,
    kept: 3,
    onSuccess: () => {},
    onFailure: (error) => {
      throw error;
    },
    ...more,
  };
}

const read = (directory: string, name = 'audit.jsonl') => readFile(join(directory, name), 'utf8');

test('lines are added in the order in which they were given, and never replace others', async () => {
  const directory = temporaryDirectory();
  await createAppendLog(optionsIn(directory)).append(['one']);
  const log = createAppendLog(optionsIn(directory));
  await Promise.all([log.append(['two', 'three']), log.append([]), log.append(['four'])]);
  expect(await read(directory)).toBe('one\ntwo\nthree\nfour\n');
});

test('a line that was cut off does not run into the next', async () => {
  const directory = temporaryDirectory();
  await writeFile(join(directory, 'audit.jsonl'), 'whole\n{"cut');
  await createAppendLog(optionsIn(directory)).append(['next']);
  expect(await read(directory)).toBe('whole\n{"cut\nnext\n');
});

test('a full file is put aside, the oldest is dropped, and none grows beyond its limit', async () => {
  const directory = temporaryDirectory();
  const log = createAppendLog(optionsIn(directory, { maxBytes: 20 }));
  for (let i = 10; i < 20; i++) await log.append([`line ${i}`]);
  expect((await readdir(directory)).sort()).toEqual([
    'audit.1.jsonl',
    'audit.2.jsonl',
    'audit.3.jsonl',
    'audit.jsonl',
  ]);
  expect(await read(directory)).toBe('line 18\nline 19\n');
  expect(await read(directory, 'audit.1.jsonl')).toBe('line 16\nline 17\n');
  expect(await read(directory, 'audit.3.jsonl')).toBe('line 12\nline 13\n');
});

test('one batch larger than the limit is written whole', async () => {
  const directory = temporaryDirectory();
  await createAppendLog(optionsIn(directory, { maxBytes: 20 })).append(['x'.repeat(50), 'y']);
  expect(await read(directory)).toBe(`${'x'.repeat(50)}\ny\n`);
});

test('a failure is told with the number of lines lost, and the next lines are tried again', async () => {
  const directory = temporaryDirectory();
  const place = join(directory, 'gone');
  const failures: unknown[] = [];
  const log = createAppendLog(
    optionsIn(place, {
      onFailure: (error, lost) => failures.push([(error as { code?: string }).code, lost]),
    }),
  );
  await log.append(['a', 'b']);
  expect(failures).toEqual([['ENOENT', 2]]);
  await mkdir(place);
  await log.append(['c']);
  expect(await read(place)).toBe('c\n');
});

test('what it writes is not for everybody to read', async () => {
  const directory = temporaryDirectory();
  await createAppendLog(optionsIn(directory)).append(['x']);
  expect((await stat(join(directory, 'audit.jsonl'))).mode & 0o007).toBe(0);
});

test('several processes that write and rotate at once lose no line and tear none', async () => {
  const directory = temporaryDirectory();
  const program = join(directory, 'program.mjs');
  const options = optionsIn(directory, { maxBytes: 4000, kept: 50 });
  await build({
    stdin: {
      contents: `
        import { createAppendLog } from './append-log.ts';
        const onFailure = (error) => { throw error; };
        const log = createAppendLog({ ...${JSON.stringify(options)}, onSuccess() {}, onFailure });
        for (let i = 0; i < 60; i++)
          await log.append([JSON.stringify({ from: process.argv[2], i, pad: 'x'.repeat(100) })]);`,
      resolveDir: import.meta.dirname,
    },
    bundle: true,
    format: 'esm',
    platform: 'node',
    outfile: program,
  });
  const node = (name: string) => run(process.execPath, [program, name]);
  await Promise.all(['a', 'b', 'c'].map(node));
  const names = (await readdir(directory)).filter((name) => name.startsWith('audit'));
  expect(names.length).toBeGreaterThan(3);
  const texts = await Promise.all(names.map((name) => read(directory, name)));
  const lines = texts.join('').trimEnd().split('\n');
  const seen = lines.map((line) => JSON.parse(line) as { from: string; i: number });
  expect(new Set(seen.map(({ from, i }) => `${from}${i}`)).size).toBe(180);
  expect(seen).toHaveLength(180);
});
