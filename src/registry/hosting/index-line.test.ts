import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { realIndexBundle } from '../../../test/support/real-index.ts';
import { formatIndexLine } from '../../demo/index-line.ts';
import type { Checksum } from '../../model/checksum.ts';
import { readManifestSyntax } from '../../model/manifest-syntax.ts';
import { formatManifestValue } from '../../model/manifest-text.ts';
import { readManifestFields } from '../../model/project-manifest.ts';
import { createIndexLine, yankIndexLine } from './index-line.ts';

const checksum = 'ab'.repeat(32) as Checksum;
const createdAt = new Date('2026-11-28T03:22:47.123Z');

function lineOf(json: string): string {
  const { fields } = readManifestFields('moon.mod.json', json);
  const read = createIndexLine(fields, { checksum, createdAt });
  if (read.kind === 'malformed') throw new Error(read.reason);
  return read.line.text;
}

function yank(line: string, reason: string | undefined): string {
  const read = yankIndexLine(line, reason);
  if (read.kind === 'malformed') throw new Error(read.reason);
  return read.line.text;
}

const rewritten = (line: string) => formatManifestValue(readManifestSyntax('line', line).value());

describe('createIndexLine', () => {
  test('is the manifest and what the registry says, as official lines look', () => {
    expect(lineOf('{"name":"a/b","version":"1.0.0"}')).toBe(
      `{"name": "a/b", "version": "1.0.0", "checksum": "${checksum}", "created_at": "2026-11-28T03:22:47.123000+00:00", "yanked": false, "yanked_reason": null}`,
    );
  });

  test('keeps numbers, order and unknown keys, and has ASCII only', () => {
    const json =
      '{"name": "a/b", "version": "1.0.0", "9": 1.0, "1": 1, "big": 123456789012345678901234567890, "small": 1e-400, "neg": -0.0, "": "\\u007f\\u00e9\\ud83d\\udc2b\\n\\t\\"\\\\"}';
    expect(lineOf(json)).toContain(json.slice(0, -1));
    expect(lineOf('{"name": "a/b", "version": "1.0.0", "x": "\\/é\\u0041"}')).toContain(
      '"x": "/\\u00e9A", "checksum"',
    );
  });

  test('gives what our strict reader of lines reads, or why it cannot', () => {
    const fields = (json: string) => readManifestFields('moon.mod.json', json).fields;
    expect(
      createIndexLine(fields('{"version": "1.0.0", "deps": {"c/d": "2.0.0"}}'), { checksum, createdAt }),
    ).toMatchObject({ line: { entry: { version: '1.0.0', checksum, dependencies: [{ module: 'c/d' }] } } });
    for (const json of [
      '{}',
      '{"version": "1"}',
      '{"version": "1.0.0", "deps": {"c/d": "*"}}',
      '{"version": "1.0.0", "checksum": "x"}',
    ])
      expect(createIndexLine(fields(json), { checksum, createdAt })).toMatchObject({ kind: 'malformed' });
  });

  test('whatever a manifest holds, it is one line of ASCII that means the same and is written the same again', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue()), (more) => {
        const known = ['version', 'checksum', 'deps', 'yanked', 'yanked_reason', 'created_at', '__proto__'];
        const kept = Object.fromEntries(Object.entries(more).filter(([key]) => !known.includes(key)));
        const manifest = { name: 'a/b', version: '1.0.0', ...kept };
        const line = lineOf(JSON.stringify(manifest));
        expect(line).toMatch(/^[ -~]+$/);
        expect(JSON.parse(line)).toMatchObject(JSON.parse(JSON.stringify(manifest)));
        expect(rewritten(line)).toBe(line);
        expect(yank(yank(line, 'broken'), undefined)).toBe(line);
        // The demo writes lines independently of the product.
        const said = {
          checksum,
          created_at: '2026-11-28T03:22:47.123000+00:00',
          yanked: false,
          yanked_reason: null,
        };
        const noNumberKeys = Object.keys(kept).every((key) => !/^\d/.test(key));
        if (noNumberKeys && !/[0-9.]e|-0\b/.test(line))
          expect(line).toBe(formatIndexLine({ ...manifest, ...said }));
      }),
      { numRuns: 200 },
    );
  });
});

describe('yankIndexLine', () => {
  test('sets both keys where they stand, or at the end of a line that has none', () => {
    const line = lineOf('{"name": "a/b", "version": "1.0.0", "x": 1.0}');
    expect(yank(line, 'it "breaks"\nthings')).toBe(
      line.replace(
        '"yanked": false, "yanked_reason": null',
        '"yanked": true, "yanked_reason": "it \\"breaks\\"\\nthings"',
      ),
    );
    expect(yank(`{"yanked": true, "version": "1.0.0", "checksum": "${checksum}"}`, undefined)).toBe(
      `{"yanked": false, "version": "1.0.0", "checksum": "${checksum}", "yanked_reason": null}`,
    );
  });

  test.each(['', '[]', '{"version": ', '{"version": "1.0.0"}'])('says what is no line: %s', (line) => {
    expect(yankIndexLine(line, 'x')).toMatchObject({ kind: 'malformed', reason: expect.any(String) });
  });
});

const bundle = realIndexBundle();
test.skipIf(!bundle)('every line of the official index is written as it stands', () => {
  const lines = readBundle(bundle ?? '');
  expect(lines.length).toBeGreaterThan(6000);
  for (const line of lines) expect(rewritten(line)).toBe(line);
});

function readBundle(path: string): string[] {
  const git = (...args: string[]) =>
    execFileSync('git', args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  const folder = mkdtempSync(join(tmpdir(), 'official-index-'));
  try {
    git('clone', '-q', '--bare', path, folder);
    return git('-C', folder, 'grep', '-h', '-I', '', 'main', '--', 'user').trimEnd().split('\n');
  } finally {
    rmSync(folder, { recursive: true });
  }
}
