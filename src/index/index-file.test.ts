import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { git } from '../../test/support/git-client.ts';
import { realIndexBundle } from '../../test/support/real-index.ts';
import { suiteDirectory } from '../../test/support/temporary-directory.ts';
import { createGitObjectReader } from '../support/git/git-objects.ts';
import { findEntry, formatIndexFile, parseIndexFile } from './index-file.ts';
import { indexPathOf, readIndexPath } from './layout.ts';

const sum = (digit: string) => digit.repeat(64);
const line = (version: string, digit: string, more = '') =>
  `{"version": "${version}", "checksum": "${sum(digit)}"${more}}`;
const limits = { maxBytes: 4 * 1024 * 1024, maxLines: 10_000, maxMalformed: 20 };
const parse = (text: string | Buffer) => parseIndexFile(Buffer.from(text), limits);

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
    expect(parse('')).toMatchObject({ lines: [], malformed: [], unreadable: 'it is empty' });
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
    const file = parse(text.repeat(Math.ceil((4 * 1024 * 1024 + 1) / text.length)));
    expect(file).toMatchObject({
      lines: [],
      malformed: [{ number: 1, reason: 'the file is larger than 4,194,304 bytes' }],
      unreadable: 'it is larger than 4,194,304 bytes',
    });
  });

  test('has as many lines as it may have, and none beyond', () => {
    const few = { ...limits, maxLines: 2 };
    const text = `${line('1.0.0', 'a')}\n\n\n${line('1.1.0', 'b')}\n\n`;
    expect(parseIndexFile(Buffer.from(text), few)).toMatchObject({
      lines: [{ number: 1 }, { number: 4 }],
    });
    expect(parseIndexFile(Buffer.from(`${text}x`), few)).toMatchObject({
      lines: [],
      unreadable: 'it has more than 2 lines',
    });
  });

  test('has one finding for each run of blank lines, however long', () => {
    const file = parse(`\n${line('1.0.0', 'a')}\n${' \t\r\n\n'.repeat(62_500)}${line('1.1.0', 'b')}\n`);
    expect(file).toMatchObject({
      lines: [{ number: 2 }, { number: 125_003 }],
      malformed: [
        { number: 1, reason: 'it is blank' },
        { number: 3, reason: 'lines 3 to 125,002 are blank' },
      ],
      malformedCount: 2,
      unidentifiedCount: 0,
      unreadable: undefined,
    });
  });

  test.each(['\n', '\n'.repeat(4 * 1024 * 1024), ' '.repeat(1024), '\r\n'])(
    'of blanks only is empty',
    (text) => {
      expect(parse(text)).toMatchObject({ lines: [], malformedCount: 1, unreadable: 'it is empty' });
    },
  );

  test.each([
    ['a web page', '<html>\n<body>\n'],
    ['zeros', '\0'.repeat(4 * 1024 * 1024)],
    ['half a line', line('1.0.0', 'a').slice(0, 50)],
    ['brackets', '['.repeat(4 * 1024 * 1024)],
  ])('that is %s cannot be read as a whole', (_, text) => {
    expect(parse(text)).toMatchObject({
      lines: [],
      unreadable: expect.stringMatching(/^no line of it can be read \(line 1: it is not .+\)$/),
    });
  });

  test('describes some of its bad lines, counts all, and names every version that became unreadable', () => {
    const bad = Array.from({ length: 500 }, (_, patch) => `{"version":"1.0.${patch}","deps":{"a/b":"*"}}`);
    const file = parse(
      Buffer.concat([
        Buffer.from([...bad, 'x', '{', '', line('2.0.0', 'a'), '{"version":"3.0.0","x":"'].join('\n')),
        Buffer.of(0xff),
      ]),
    );
    expect(file.malformed).toHaveLength(20);
    expect(file.malformed[7]).toMatchObject({ number: 8, version: '1.0.7' });
    expect(file.malformedCount).toBe(504);
    expect(file.malformedVersions.size).toBe(501);
    expect(file.malformedVersions).toContain('1.0.499');
    expect(file.malformedVersions).toContain('3.0.0');
    expect(file.unidentifiedCount).toBe(2);
    expect(file.lines).toHaveLength(1);
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

  test('round-trips byte for byte, but for the lines that no client can parse', async () => {
    await git(['clone', '--quiet', '--bare', bundle ?? '', directory]);
    const listing = await git(['--git-dir', directory, 'ls-tree', '-r', '-z', '--name-only', 'main']);
    const paths = listing.split('\0').filter((path) => path !== '');
    const objects = createGitObjectReader(directory);
    let lines = 0;
    const dropped: string[] = [];
    for (const path of paths) {
      const target = readIndexPath(path);
      expect(target.kind, path).toBe('module');
      if (target.kind === 'module') expect(indexPathOf(target.module)).toBe(path);
      const content = (await objects.read(`main:${path}`))?.content ?? Buffer.from('missing');
      const file = parseIndexFile(content);
      dropped.push(...file.malformed.map(({ version }) => `${path} ${version}`));
      const texts = content.toString().trimEnd().split('\n');
      const passed = texts.filter((_, at) => file.malformed.every(({ number }) => number !== at + 1));
      expect(formatIndexFile(file.lines).toString(), path).toBe(passed.map((text) => `${text}\n`).join(''));
      lines += file.lines.length + file.malformedCount;
    }
    objects.close();
    expect([paths.length, lines]).toEqual([887, 6548]);
    // Those that a client built from source refuses, and no other.
    expect(dropped).toEqual([
      'user/BigOrangeQWQ/wit-wasi-clocks.index 0.2.6',
      'user/BigOrangeQWQ/wit-wasi-io.index 0.2.6',
      'user/Demonmasterlqx/moonbit_stickman_map_loader.index 0.0.4',
      'user/Demonmasterlqx/moonbit_stickman_map_loader.index 0.0.7',
      'user/dijdzv/websys.index 0.1.6',
      'user/f4ah6o/jww_parser.index 0.202601.6',
      'user/f4ah6o/jww_parser.index 0.202601.7',
      'user/f4ah6o/jww_parser.index 0.202601.9',
      'user/horideicom/jww_parser.index 0.202601.8',
      'user/horideicom/jww_parser.index 0.202602.0',
    ]);
  });
});
