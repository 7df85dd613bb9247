import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseConfig } from '../src/config/load.ts';
import { isAsPromised, readBlocks, readCommandBlocks } from './support/documented-page.ts';
import { renderSettings } from './support/documents.ts';
import { runCli } from './support/run-cli.ts';

const root = join(import.meta.dirname, '..');
const read = (path: string) => readFile(join(root, path), 'utf8');

describe('README.md', () => {
  test('has the table of settings that the schema gives (node scripts/readme.mjs)', async () => {
    expect(await read('README.md')).toContain(`<!-- settings -->\n${renderSettings()}<!-- /settings -->`);
  });

  test('has the recipe word for word', async () => {
    const recipe = [
      'moonbit-registry init ./multi-source-registry && cd multi-source-registry',
      'moonbit-registry source add mooncakes --from-preset mooncakes',
      'moonbit-registry source add partner  --url https://partner.example.com/registry   --index-url https://partner.example.com/registry/git/index   --priority 50',
      'moonbit-registry source add internal --url https://internal.company.com/moonbit   --index-url https://internal.company.com/moonbit/git/index   --priority 25',
      'moonbit-registry source list',
      'moonbit-registry mirror "moonbitlang/*"                 # from the default source',
      'moonbit-registry mirror -s partner "partner-org/*"',
      'moonbit-registry mirror -s internal "company/*"',
    ];
    const readme = await read('README.md');
    expect(readBlocks(readme, 'sh')).toContain(`${recipe.join('\n')}\n`);
    expect(readBlocks(readme, '')).toContain(
      'moonbit-registry source default internal | disable partner | enable partner | remove partner\n',
    );
  });

  test('has a registry.toml that loads: three sources, and nothing to mend', async () => {
    const [text = ''] = readBlocks(await read('README.md'), 'toml');
    const config = parseConfig(text, { directory: '/srv/registry' });
    expect(config.sources.map(({ name, type, priority }) => [name, type, priority])).toEqual([
      ['mooncakes', 'mooncakes', 100],
      ['partner', 'moonbit-registry', 50],
      ['internal', 'custom', 25],
    ]);
    expect(config.warnings).toEqual([]);
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

test('each test that shows what README and operations promise is there', async () => {
  const pages = await Promise.all(['README.md', 'docs/operations.md'].map(read));
  const named = pages.flatMap((page) =>
    [...page.matchAll(/`([^`\s]+\/[^`\s]+\.test\.ts)`/g)].map((m) => m[1] ?? ''),
  );
  expect(named.length).toBeGreaterThan(50);
  expect(named.filter((file) => !existsSync(join(root, file)))).toEqual([]);
});

test('a page is read as its commands and what they print', () => {
  const page = '# A\n```sh\na\n```\n\nb:\n\n```text\n1\n```\n<!-- not run: why -->\n```sh\nc\n```\n';
  expect(readCommandBlocks(page)).toEqual([
    { line: 2, commands: 'a\n', prints: '1\n', notRun: undefined },
    { line: 12, commands: 'c\n', prints: undefined, notRun: 'why' },
  ]);
  expect(isAsPromised('one\ntwo 2\nthree\nfour\n', 'one\ntwo …\n…\n')).toBe(true);
  expect(isAsPromised('one\ntwo\n', 'one\n')).toBe(false);
  expect(isAsPromised('one\ntwo\n', '…\ntw.\n')).toBe(false);
});

test('every decision is in the list of decisions, by its title', async () => {
  const folder = 'docs/decisions';
  const list = await read(join(folder, 'README.md'));
  const files = (await readdir(join(root, folder))).filter((name) => /^\d{4}-/.test(name));
  const rows = await Promise.all(
    files.map(async (name) => {
      const [, title = ''] = /^# (?:\d+\.? )?(.*)$/m.exec(await read(join(folder, name))) ?? [];
      return `| [${name.slice(0, 4)}](${name}) | ${title} |`;
    }),
  );
  expect(rows.filter((row) => !list.includes(row))).toEqual([]);
  expect(rows.length).toBeGreaterThan(30);
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
