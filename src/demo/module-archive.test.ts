import { unzipSync } from 'fflate';
import { describe, expect, onTestFinished, test } from 'vitest';
import { sha256 } from '../../test/support/worlds.ts';
import { createModuleArchive } from './module-archive.ts';

const json = { module: 'alice/json', version: '1.2.0', deps: { 'bob/base': '0.1.0' } };

describe('createModuleArchive', () => {
  test('puts a manifest with name, version and dependencies at the root', () => {
    const files = unzipSync(createModuleArchive(json));
    expect(Object.keys(files)).toEqual(['moon.mod.json', 'src/lib.mbt', 'src/moon.pkg.json']);
    expect(JSON.parse(Buffer.from(files['moon.mod.json'] ?? []).toString())).toEqual({
      name: 'alice/json',
      version: '1.2.0',
      deps: { 'bob/base': '0.1.0' },
      source: 'src',
    });
  });

  test('gives the same bytes for the same content in every time zone', () => {
    const { TZ } = process.env;
    onTestFinished(() => {
      process.env.TZ = TZ ?? 'UTC';
    });
    const made = ['UTC', 'Asia/Tokyo', 'America/New_York'].map((zone) => {
      process.env.TZ = zone;
      return [
        new Date(1980, 0, 1).getTime(),
        sha256(createModuleArchive({ ...json, sizeBytes: 3000 })),
      ] as const;
    });
    expect(new Set(made.map(([time]) => time)).size).toBe(3);
    expect(new Set(made.map(([, checksum]) => checksum)).size).toBe(1);
  });

  test('differs between versions, sizes and dependencies', () => {
    const archives = [
      json,
      { ...json, version: '1.2.1' },
      { ...json, sizeBytes: 5000 },
      { ...json, deps: {} },
    ].map((content) => sha256(createModuleArchive(content)));
    expect(new Set(archives).size).toBe(4);
  });

  test.each([2_000, 20_480, 1_048_576])('is about as large as asked: %i bytes', (sizeBytes) => {
    const { length } = createModuleArchive({ ...json, sizeBytes });
    expect(Math.abs(length - sizeBytes)).toBeLessThan(200);
  });

  test('takes further files, and replacements of generated ones', () => {
    const files = unzipSync(
      createModuleArchive({ ...json, files: { 'README.md': '# 你好', 'src/lib.mbt': 'x' } }),
    );
    expect(Buffer.from(files['README.md'] ?? []).toString()).toBe('# 你好');
    expect(Buffer.from(files['src/lib.mbt'] ?? []).toString()).toBe('x');
  });

  test('stores or deflates its entries, as clients read nothing else', () => {
    const archive = createModuleArchive({ ...json, sizeBytes: 4000 });
    const methods = [...archive.toString('latin1').matchAll(/PK\x01\x02/g)].map(({ index }) =>
      archive.readUInt16LE(index + 10),
    );
    expect(methods.length).toBe(4);
    expect(methods.every((method) => method === 0 || method === 8)).toBe(true);
  });
});
