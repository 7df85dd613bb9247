import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cli } from './io.fixture.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'complete-'));
  const source = (name: string) =>
    `[[sources]]\nname = "${name}"\nurl = "https://${name}.example"\nindex_url = "https://${name}.example/git/index"\n`;
  await writeFile(join(directory, 'registry.toml'), source('partner') + source('internal'));
});
afterAll(() => rm(directory, { recursive: true }));

async function complete(...words: string[]): Promise<string[]> {
  const { exitCode, stdout, stderr } = await cli(['complete', '--', ...words], {
    workingDirectory: directory,
  });
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  const lines = stdout.trimEnd().split('\n');
  expect(lines.at(-1)).toMatch(/^:\d+$/);
  return lines.slice(0, -1).map((line) => line.split('\t')[0] ?? '');
}

test('commands are completed', async () => {
  expect(await complete('s')).toEqual(['source', 'sync', 'status', 'serve', 'state']);
  expect(await complete('source', 'e')).toEqual(['enable']);
  expect(await complete('')).not.toContain('complete');
});

test('options are completed, those of every command too', async () => {
  expect(await complete('mirror', '--f')).toEqual(['--full', '--from']);
  expect(await complete('mirror', '--js')).toEqual(['--json']);
});

test('source names are completed', async () => {
  expect(await complete('source', 'enable', '')).toEqual(['partner', 'internal']);
  expect(await complete('source', 'remove', 'p')).toEqual(['partner']);
  expect(await complete('mirror', '-s', 'in')).toEqual(['internal']);
  expect(await complete('mirror', '--source', '')).toEqual(['partner', 'internal']);
});

test('source names are those of the registry being typed about', async () => {
  const { stdout } = await cli(['complete', '--', '-d', directory, 'mirror', '-s', 'p']);
  expect(stdout).toContain('partner');
});

test('outside a registry there are no names, and no error', async () => {
  const { exitCode, stdout, stderr } = await cli(['complete', '--', 'source', 'enable', '']);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(stdout).toMatch(/^:\d+\n$/);
});

test.each(['bash', 'zsh', 'fish', 'powershell'])('the script for %s calls us back', async (shell) => {
  const { exitCode, stdout } = await cli(['completion', shell]);
  expect(stdout).toMatch(/moonbit-registry complete /);
  expect(exitCode).toBe(0);
});

test('the shell is guessed, or asked for', async () => {
  const guessed = await cli(['completion', '--json'], { env: { SHELL: '/usr/bin/fish' } });
  expect(JSON.parse(guessed.stdout)).toMatchObject({
    shell: 'fish',
    script: expect.stringContaining('fish'),
  });
  const unknown = await cli(['completion'], { env: { SHELL: '/bin/tcsh' } });
  expect(unknown.exitCode).toBe(2);
  expect(unknown.stderr).toContain('bash|zsh|fish|powershell');
});
