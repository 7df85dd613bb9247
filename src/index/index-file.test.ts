import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { git } from '../../test/support/git-client.ts';
import { realIndexBundle } from '../../test/support/real-index.ts';
import { suiteDirectory } from '../../test/support/temporary-directory.ts';
import { createGitObjectReader } from '../support/git-objects.ts';
import { findEntry, formatIndexFile, parseIndexFile } from './index-file.ts';
import { indexPathOf, readIndexPath } from './layout.ts';

const sum = (digit: string) => digit.repeat(64);
const line = (version: string, digit: string, more = '') =>
  `{"version": "${version}", "checksum": "${sum(digit)}"${more}}`;
const parse = (text: string | Buffer) => parseIndexFile(Buffer.from(text));

describe('an index file', () => {
  test('has its lines as they are, with their numbers', () => {
    const first = line('1.0.0', 'a', ', "x": "\\ud83d\\udc2b"');
    const file = parse(`${first}\n${line('1.1.0', 'b')}\r\n`);
    expect(file.malformed).toEqual([]);
    expect(file.lines.map(({ number, bytes }) => [number, bytes.toString()])).toEqual([
      [1, first],
      [2, `${line('1.1.0', 'b')}\r`],
    ]);
  });

  test('may be empty', () => {
    expect(parse('')).toEqual({ lines: [], malformed: [] });
    expect(formatIndexFile([])).toEqual(Buffer.alloc(0));
  });

  test('without a newline at its end loses no line, and gets one when written anew', () => {
    const text = `${line('1.0.0', 'a')}\n${line('1.1.0', 'b')}`;
    expect(formatIndexFile(parse(text).lines).toString()).toBe(`${text}\n`);
  });

  test('gives each bad line by its number, and keeps those around it', () => {
    const bad = [
      '',
      '{',
      '<html>',
      line('1.0', 'a'),
      line('../../x', 'a'),
      line('1.0.0', 'A'),
      '{"version": "1.0.0"}',
    ];
    const file = parse(`${[line('0.1.0', 'a'), ...bad, line('0.2.0', 'b')].join('\n')}\n`);
    expect(file.malformed.map(({ number }) => number)).toEqual([2, 3, 4, 5, 6, 7, 8]);
    expect(formatIndexFile(file.lines).toString()).toBe(`${line('0.1.0', 'a')}\n${line('0.2.0', 'b')}\n`);
  });

  test.each([
    ['a blank line at the end', `${line('1.0.0', 'a')}\n\n`, 2],
    [
      'bytes that are not UTF-8',
      Buffer.concat([Buffer.from(line('1.0.0', 'a', ', "x": "')), Buffer.of(0xff)]),
      1,
    ],
    ['a byte order mark', `\ufeff${line('1.0.0', 'a')}\n`, 1],
    ['UTF-16', Buffer.from(`${line('1.0.0', 'a')}`, 'utf16le'), 1],
    ['only newlines', '\n', 1],
  ])('with %s has that line dropped', (_, text, number) => {
    const { malformed } = parse(text);
    expect(malformed.map((bad) => bad.number)).toEqual([number]);
  });

  test('that is larger than any real one by far is dropped as a whole', () => {
    const text = `${line('1.0.0', 'a')}\n`;
    const file = parse(text.repeat(Math.ceil((17 * 1024 * 1024) / text.length)));
    expect(file.lines).toEqual([]);
    expect(file.malformed).toHaveLength(1);
  });

  test('answers for a version with its last line, as clients read it', () => {
    const file = parse(
      [line('1.0.0', 'a'), line('1.0.0+1', 'b'), line('1.0.0', 'c'), line('0.9.0', 'd')].join('\n'),
    );
    expect(findEntry(file, '1.0.0')?.checksum).toBe(sum('c'));
    expect(findEntry(file, '1.0.0+1')?.checksum).toBe(sum('b'));
    expect(findEntry(file, '1.0')).toBeUndefined();
  });
});

const bundle = realIndexBundle();
if (!bundle) console.warn('the real index is not here: tests that read it are skipped');

describe.skipIf(!bundle)('the real index', () => {
  const directory = join(suiteDirectory(), 'real.git');

  test('round-trips byte for byte, every line of it', async () => {
    await git(['clone', '--quiet', '--bare', bundle ?? '', directory]);
    const listing = await git(['--git-dir', directory, 'ls-tree', '-r', '-z', '--name-only', 'main']);
    const paths = listing.split('\0').filter((path) => path !== '');
    const objects = createGitObjectReader(directory);
    let lines = 0;
    for (const path of paths) {
      const target = readIndexPath(path);
      expect(target.kind, path).toBe('module');
      if (target.kind === 'module') expect(indexPathOf(target.module)).toBe(path);
      const content = (await objects.read(`main:${path}`))?.content ?? Buffer.from('missing');
      const file = parseIndexFile(content);
      expect(file.malformed, path).toEqual([]);
      expect(formatIndexFile(file.lines).equals(content), path).toBe(true);
      lines += file.lines.length;
    }
    objects.close();
    expect([paths.length, lines]).toEqual([887, 6548]);
  });
});
