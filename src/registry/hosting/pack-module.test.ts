import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { unzipSync } from 'fflate';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RegistryError } from '../../errors.ts';
import { defaultArchiveRules } from './archive-rules.ts';
import { bytesInMemory } from './byte-source.ts';
import { checkArchive } from './check-archive.ts';
import { packModule } from './pack-module.ts';

const manifest = 'name = "alice/json"\nversion = "1.2.3"\n';
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pack-module-'));
  write({
    'moon.mod': manifest,
    'src/lib.mbt': 'pub fn one() -> Int { 1 }\n',
    'src/moon.pkg': '',
    'README.md': '# json',
  });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(files: Readonly<Record<string, string | Buffer>>, root = folder): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}
const pack = (path = folder, maxUnpackedBytes = defaultArchiveRules.maxUnpackedBytes) =>
  packModule(path, { ...defaultArchiveRules, maxUnpackedBytes });
async function failure(path = folder, maxUnpackedBytes?: number): Promise<RegistryError> {
  const error = await pack(path, maxUnpackedBytes).catch((thrown: unknown) => thrown);
  if (!(error instanceof RegistryError)) throw error;
  return error;
}

describe('packModule', () => {
  test('gives an archive that may be published, its checksum, and what is in it', async () => {
    const packed = await pack();
    expect(packed.files).toEqual([
      { path: 'README.md', sizeBytes: 6, isLink: false },
      { path: 'moon.mod', sizeBytes: manifest.length, isLink: false },
      { path: 'src/lib.mbt', sizeBytes: 26, isLink: false },
      { path: 'src/moon.pkg', sizeBytes: 0, isLink: false },
    ]);
    expect(packed.checksum).toBe(createHash('sha256').update(packed.bytes).digest('hex'));
    expect(Object.keys(unzipSync(packed.bytes))).toEqual(packed.files.map(({ path }) => path));
    expect(await checkArchive(bytesInMemory(packed.bytes), defaultArchiveRules)).toMatchObject({
      kind: 'accepted',
      problems: [],
      archive: {
        manifest: { name: 'alice/json' },
        files: packed.files.map(({ path, sizeBytes }) => ({ path, sizeBytes })),
      },
    });
  });

  test('gives the same bytes for the same files, whatever their times, permissions and the order of making them', async () => {
    const copy = mkdtempSync(join(tmpdir(), 'pack-copy-'));
    cpSync(folder, copy, { recursive: true });
    for (const name of ['moon.mod', 'README.md']) {
      utimesSync(join(copy, name), new Date(0), new Date(0));
      chmodSync(join(copy, name), 0o606);
    }
    const [here, there] = [await pack(), await pack(copy)];
    expect(there.bytes.equals(here.bytes)).toBe(true);
    chmodSync(join(copy, 'README.md'), 0o755);
    expect((await pack(copy)).checksum).not.toBe(here.checksum);
    rmSync(copy, { recursive: true });
  });

  test('gives these bytes, in every release: whoever packs the same again gets what was published', async () => {
    const { bytes, checksum } = await pack();
    expect(checksum).toBe('9efe88dc9fb1bb5f4fefc24a07d9a38ec9194fbdb2897eb8252c8caca335e0b4');
    // The date in the first header: 1 January 1980.
    expect(bytes.subarray(10, 14).toString('hex')).toBe('00002100');
  });

  test('takes the path of the manifest for its folder, and prefers moon.mod', async () => {
    write({ 'moon.mod.json': '{"name": "alice/json", "version": "1.2.3"}' });
    expect((await pack(join(folder, 'moon.mod'))).checksum).toBe((await pack()).checksum);
  });

  test('holds names of every kind', async () => {
    const names = ['0', '10', '9', '__proto__', 'constructor', 'src/日本.mbt', 'src/🐫.mbt', 'toString'];
    write(Object.fromEntries(names.map((name) => [name, name])));
    const { bytes } = await pack();
    const check = await checkArchive(bytesInMemory(bytes), defaultArchiveRules);
    expect(check.kind === 'accepted' && check.archive.files.map(({ path }) => path)).toEqual(
      expect.arrayContaining(names),
    );
    const unpacked = unzipSync(bytes);
    // fflate itself loses that one.
    for (const name of names.filter((one) => one !== '__proto__'))
      expect(Buffer.from(unpacked[name] ?? []).toString()).toBe(name);
  });

  test('holds what a link to a file of the module leads to, and says so', async () => {
    rmSync(join(folder, 'README.md'));
    write({ 'README.mbt.md': '# json' });
    symlinkSync('README.mbt.md', join(folder, 'README.md'));
    const { bytes, remarks } = await pack();
    expect(Buffer.from(unzipSync(bytes)['README.md'] ?? []).toString()).toBe('# json');
    expect(remarks).toEqual([expect.stringContaining('"README.md" is a symbolic link')]);
    expect((await checkArchive(bytesInMemory(bytes), defaultArchiveRules)).problems).toEqual([]);
  });

  test('goes by the lists of the manifest, and says that new clients do not', async () => {
    write({
      'moon.mod': `${manifest}options(exclude: ["keys"], include: ["keys/public"])`,
      'keys/secret': 'x',
      'keys/public': 'y',
    });
    const { files, remarks } = await pack();
    expect(files.map(({ path }) => path).filter((path) => path.startsWith('keys'))).toEqual(['keys/public']);
    expect(remarks).toHaveLength(2);
  });

  test('refuses links that lead elsewhere, all at once, with what helps', async () => {
    symlinkSync('/etc/passwd', join(folder, 'passwd'));
    symlinkSync('..', join(folder, 'up'));
    const { code, message, hint } = await failure();
    expect(code).toBe('usage');
    expect(message).toContain('"passwd" is a symbolic link');
    expect(message).toContain('"up" is a symbolic link');
    expect(hint).toContain('.moonignore');
  });

  test('refuses a folder without a module, with one that cannot be read, and one that leaves its manifest out', async () => {
    write({ '.moonignore': '*.mod\n' });
    expect(await failure()).toMatchObject({
      code: 'usage',
      hint: 'add the line "!/moon.mod" to .moonignore or .gitignore',
    });
    write({ '.moonignore': '*.mod\n!/moon.mod\n' });
    expect((await pack()).files.map(({ path }) => path)).toContain('moon.mod');
    write({ 'moon.mod': 'name = ' });
    expect(await failure()).toMatchObject({
      code: 'usage',
      message: expect.stringContaining('line 1, column 8'),
    });
    expect(await failure(join(folder, 'src'))).toMatchObject({ code: 'not-found' });
  });

  test('refuses what would be larger than may be published before it reads it, and names the largest files', async () => {
    write({ 'data/large.bin': Buffer.alloc(5000) });
    const { message, hint } = await failure(folder, 5000);
    expect(message).toMatch(/have 50\d\d bytes together, and 5000 may be published/);
    expect(hint).toContain('"data/large.bin" has 5000 bytes');
    const few = packModule(folder, { ...defaultArchiveRules, maxEntries: 4 });
    await expect(few).rejects.toMatchObject({
      message: expect.stringContaining('it has 5 files, and 4 may be'),
    });
  });
});
