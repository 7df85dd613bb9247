import { expect, test, vi } from 'vitest';
import type { ModuleName } from '../../model/module-name.ts';
import type { Version } from '../../model/version.ts';
import { buildCatalogue, type CatalogueEntry } from './catalogue.ts';
import { createRankings, createSearch } from './search-catalogue.ts';

function entry(module: string, fields: Partial<CatalogueEntry> = {}): CatalogueEntry {
  return {
    module: module as ModuleName,
    version: '1.0.0' as Version,
    versionCount: 1,
    description: '',
    keywords: [],
    license: undefined,
    repository: undefined,
    createdAt: '',
    firstCreatedAt: '',
    isYanked: false,
    yankedReason: null,
    dependencies: [],
    ...fields,
  };
}

function searchIn(...entries: CatalogueEntry[]) {
  const search = createSearch(buildCatalogue(entries));
  return (text: string) => search(text, 20).map(({ module }) => module);
}

test('names come before keywords, and those before descriptions', () => {
  const search = searchIn(
    entry('a/one', { description: 'Reads JSON' }),
    entry('a/two', { keywords: ['jsonc'] }),
    entry('a/three', { keywords: ['json'] }),
    entry('a/myjson'),
    entry('a/jsonpath'),
    entry('a/json'),
    entry('json', {}),
  );
  expect(search('JSON')).toEqual(['json', 'a/json', 'a/jsonpath', 'a/myjson', 'a/three', 'a/two', 'a/one']);
});

test('of a text with thousands of words the first ten different ones count', () => {
  const letters = [...'abcdefghijklmnopqrstuvwxyz'];
  const search = searchIn(entry('x/first', { description: letters.slice(0, 10).join(' ') }));
  expect(search([...Array(4000).fill('a'), ...letters].join(' '))).toEqual(['x/first']);
  expect(search(letters.slice(1).join(' '))).toEqual([]);
});

test('a module is looked at for no more than ten words, in no more than 2,000 characters', () => {
  const search = searchIn(entry('x/y', { description: `${'a'.repeat(1_000_000)} end` }));
  search('warm');
  const includes = vi.spyOn(String.prototype, 'includes');
  search(Array.from({ length: 4000 }, (_, position) => `a${'a'.repeat(position % 50)}`).join(' '));
  const lengths = includes.mock.contexts.map((text) => String(text).length);
  includes.mockRestore();
  expect(lengths.length).toBeLessThanOrEqual(20);
  expect(Math.max(...lengths)).toBe(2000);
});

test('an order is made once', () => {
  const catalogue = buildCatalogue([
    entry('a/old', { createdAt: '2025', dependencies: ['a/new'] }),
    entry('a/new', { createdAt: '2026' }),
  ]);
  const ranked = createRankings(catalogue, 1);
  expect(ranked('popular').map(({ module }) => module)).toEqual(['a/new']);
  expect(ranked('recent').map(({ module }) => module)).toEqual(['a/new']);
  expect(ranked('recent')).toBe(ranked('recent'));
});
