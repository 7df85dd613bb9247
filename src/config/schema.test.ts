import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { describe, expect, test } from 'vitest';
import { renderJsonSchema } from './json-schema.ts';
import { configKeys } from './schema-shape.ts';

const root = join(import.meta.dirname, '../..');

describe('registry.schema.json', () => {
  test('is what `node scripts/schema.mjs` writes now', async () => {
    expect(await readFile(join(root, 'registry.schema.json'), 'utf8')).toBe(renderJsonSchema());
  });

  test('knows every setting, with its meaning, and no other', () => {
    const schema = JSON.parse(renderJsonSchema());
    const listed = (node: SchemaNode, prefix: string): string[] => {
      if (node.items?.properties) return listed(node.items, `${prefix}.NAME`);
      if (!node.properties) return node.description ? [prefix] : [];
      return Object.entries(node.properties).flatMap(([key, entry]) =>
        listed(entry, prefix === '' ? key : `${prefix}.${key}`),
      );
    };
    const keys = listed(schema, '').filter((key) => key !== 'sources.NAME.default_source');
    expect(keys).toEqual(configKeys.map(({ key }) => key));
    expect(schema.additionalProperties).toBe(false);
    expect(schema.properties.sources.items.required).toEqual(['name']);
  });

  test('its generator is no part of what runs', async () => {
    const { metafile } = await build({
      absWorkingDir: root,
      entryPoints: ['src/config/edit-file.ts', 'src/config/edit.ts', 'src/config/load.ts'],
      bundle: true,
      write: false,
      outdir: 'unused',
      platform: 'node',
      format: 'esm',
      metafile: true,
    });
    const inputs = Object.keys(metafile.inputs);
    expect(inputs).toContain('src/config/schema.ts');
    expect(
      inputs.filter((input) => input.includes('to-json-schema') || input.includes('json-schema.ts')),
    ).toEqual([]);
  });
});

describe('configKeys', () => {
  test('tells type, default and meaning of each setting', () => {
    const rows = new Map(configKeys.map(({ key, ...row }) => [key, row]));
    expect(rows.get('server.port')).toEqual({
      table: '[server]',
      type: 'integer',
      default: '8080',
      meaning: 'Port to listen on; 0 takes a free one',
    });
    expect(rows.get('server.refresh_interval')).toMatchObject({ type: 'duration', default: '"60s"' });
    expect(rows.get('mirror.packages')).toMatchObject({ type: 'list of patterns', default: '[]' });
    expect(rows.get('sources.NAME.auth.type')).toMatchObject({ type: '"bearer", "basic"', default: '' });
    const tableOf = (key: string) => rows.get(key)?.table;
    expect(
      [
        ...['default_source', 'sources.NAME.url', 'sources.NAME.auth.type', 'sources.NAME.limits.modules'],
        'access.oidc.NAME.issuer',
      ].map(tableOf),
    ).toEqual(['', '[[sources]]', '[sources.auth]', '[sources.limits]', '[[access.oidc]]']);
    expect([...rows.values()].every(({ type, meaning }) => type !== '' && meaning !== '')).toBe(true);
    expect(rows.size).toBe(95);
  });
});

interface SchemaNode {
  readonly properties?: { readonly [key: string]: SchemaNode };
  readonly items?: SchemaNode;
  readonly description?: string;
}
