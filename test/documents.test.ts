import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { renderSettings } from './support/documents.ts';
import { runCli } from './support/run-cli.ts';

const root = join(import.meta.dirname, '..');
const read = (path: string) => readFile(join(root, path), 'utf8');

describe('README.md', () => {
  test('has the table of settings that the schema gives (node scripts/readme.mjs)', async () => {
    expect(await read('README.md')).toContain(`<!-- settings -->\n${renderSettings()}<!-- /settings -->`);
  });

  test('names only commands that exist', async () => {
    const named = new Set(
      [...(await read('README.md')).matchAll(/^moonbit-registry (\w+)/gm)].map((m) => m[1]),
    );
    const help = (await runCli(['--help'])).stdout;
    for (const command of named) expect(help).toMatch(new RegExp(`^  ${command} `, 'm'));
    expect(named.size).toBeGreaterThan(3);
  });
});

test('every link between documents leads to a file and a heading that are there', async () => {
  const documents = ['README.md', 'CONTEXT.md', 'CHANGELOG.md'];
  for (const name of await readdir(join(root, 'docs'), { recursive: true }))
    if (name.endsWith('.md')) documents.push(join('docs', name));
  const broken: string[] = [];
  for (const document of documents) {
    for (const [, target = ''] of (await read(document)).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? document : join(dirname(document), path);
      if (!existsSync(join(root, file))) broken.push(`${document}: ${target}`);
      else if (anchor && !anchorsOf(await read(file)).includes(anchor)) broken.push(`${document}: ${target}`);
    }
  }
  expect(broken).toEqual([]);
});

function anchorsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}
