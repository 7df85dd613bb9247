import { describe, expect, test } from 'vitest';
import { isChecksum } from './checksum.ts';
import { parseDependencies, parseIndexLine } from './index-entry.ts';
import { requirementsDigest } from './requirements.ts';

const checksum = '0123456789abcdef'.repeat(4);
const line = (fields: Record<string, unknown>) => JSON.stringify({ version: '1.0.0', checksum, ...fields });

describe('a line of an index file', () => {
  test('gives what the registry reads of it', () => {
    const text = line({
      name: 'alice/json',
      version: '0.1.0+2',
      deps: { 'bob/x': '0.2.0', 'bob/y': '1.0.0-a' },
      'bin-deps': { 'bob/tool': '0.3.0' },
      'unknown-key': { nested: [1, null] },
      keywords: 'not a list',
    });
    const written = JSON.stringify;
    expect(parseIndexLine(text)).toEqual({
      kind: 'entry',
      entry: {
        version: '0.1.0+2',
        checksum,
        dependencies: [
          { module: 'bob/x', requirement: '0.2.0', written: written('0.2.0') },
          { module: 'bob/y', requirement: '1.0.0-a', written: written('1.0.0-a') },
        ],
        binDependencies: [{ module: 'bob/tool', requirement: '0.3.0', written: written('0.3.0') }],
        requirements: requirementsDigest({
          deps: new Map([
            ['bob/x', { version: '0.2.0' }],
            ['bob/y', { version: '1.0.0-a' }],
          ]),
          binDeps: ['{"bob/tool":"0.3.0"}'],
        }),
      },
    });
  });

  test.each([
    ['without deps', {}],
    ['with no deps', { deps: {} }],
    ['with deps that say nothing', { deps: null }],
    ['with odd bin-deps', { 'bin-deps': [1] }],
  ])('%s has no dependencies', (_, fields) => {
    expect(parseIndexLine(line(fields))).toMatchObject({
      kind: 'entry',
      entry: { dependencies: [], binDependencies: [] },
    });
  });

  test('may carry a key that is special in JavaScript', () => {
    const text = `{"__proto__":{"version":"9.9.9"},"version":"1.0.0","checksum":"${checksum}","deps":{"__proto__":"0.1.0"}}`;
    expect(parseIndexLine(text)).toMatchObject({
      entry: { version: '1.0.0', dependencies: [{ module: '__proto__', requirement: '0.1.0' }] },
    });
  });

  test.each([
    ['blank', ''],
    ['white space', ' \t\r'],
    ['no JSON', '{"version":"1.0.0"'],
    ['a web page', '<!doctype html>'],
    ['two objects', `${line({})}${line({})}`],
    ['a string', '"1.0.0"'],
    ['a list', '[]'],
    ['null', 'null'],
    ['a number', '1'],
    ['an object with a byte order mark', `\ufeff${line({})}`],
    ['without a version', JSON.stringify({ checksum })],
    ['with a version that is no text', line({ version: 1 })],
    ['with a version that is null', line({ version: null })],
    ['with a short version', line({ version: '1.0' })],
    ['with a v', line({ version: 'v1.0.0' })],
    ['with a path for a version', line({ version: '../../x' })],
    ['with a version beyond u64', line({ version: '18446744073709551616.0.0' })],
    ['without a checksum', line({ checksum: undefined })],
    ['with a null checksum', line({ checksum: null })],
    ['with an uppercase checksum', line({ checksum: checksum.toUpperCase() })],
    ['with a prefixed checksum', line({ checksum: `sha256:${checksum}` })],
    ['with a short checksum', line({ checksum: checksum.slice(1) })],
    ['with a long checksum', line({ checksum: `${checksum}0` })],
    ['with a newline in its checksum', line({ checksum: `${checksum}\n` })],
    ['with a checksum that is no text', line({ checksum: [checksum] })],
    ['with deps that are a list', line({ deps: ['bob/x'] })],
    ['with deps that are text', line({ deps: 'bob/x' })],
    ['with a version too long for a file name', line({ version: `1.0.0-${'a'.repeat(300)}` })],
  ])('is malformed: %s', (_, text) => {
    expect(parseIndexLine(text)).toMatchObject({
      kind: 'malformed',
      reason: expect.stringMatching(/^[ -~…]+$/),
    });
  });

  test.each([
    ['a dependency on anything', line({ deps: { 'bob/x': '*' } }), '1.0.0'],
    [
      'its version after what is wrong',
      `{"deps":${'['.repeat(5000)}${']'.repeat(5000)},"version":"1.2.0"}`,
      '1.2.0',
    ],
    ['half a line', line({ version: '0.3.0', name: 'x' }).slice(0, 60), '0.3.0'],
    ['no usable checksum', line({ checksum: 'x' }), '1.0.0'],
    ['one version twice', '{"version":"1.0.0","version":"1.0.0"}', '1.0.0'],
    ['two versions', '{"version":"1.0.0","version":"1.0.1"}', undefined],
    ['half a version', '{"version":"1.0', undefined],
    ['no semantic version', line({ version: '1.0' }), undefined],
    ['nothing', '', undefined],
    ['a web page', '<html>', undefined],
  ])('tells which version became unreadable with %s', (_, text, version) => {
    expect(parseIndexLine(text)).toMatchObject({ kind: 'malformed', version });
  });

  test.each([
    ['the order of keys', { deps: { a: '1.0.0', b: {} } }, { deps: { b: {}, a: '1.0.0' } }],
    ['an empty object', { deps: {} }, {}],
    ['a null', { deps: null, 'bin-deps': null }, { 'bin-deps': {} }],
    ['an object around a version', { deps: { a: '1.0.0' } }, { deps: { a: { version: '1.0.0' } } }],
    ['a list of what an object states', { deps: { a: { path: 'x' } } }, { deps: { a: ['x', null] } }],
    [
      'all that is not required',
      { deps: { a: '1.0.0' }, license: 'MIT' },
      { name: 'x', deps: { a: '1.0.0' } },
    ],
  ])('has the same requirements whatever %s', (_, left, right) => {
    const requirementsOf = (fields: Record<string, unknown>) => {
      const parsed = parseIndexLine(line(fields));
      return parsed.kind === 'entry' ? parsed.entry.requirements : parsed.reason;
    };
    expect(requirementsOf(left)).toBe(requirementsOf(right));
    expect(requirementsOf(left)).toMatch(/^(none|[0-9a-f]{64})$/);
  });

  test('shows little of a hostile version', () => {
    const parsed = parseIndexLine(line({ version: `\u001b[2J${'x'.repeat(100_000)}` }));
    if (parsed.kind !== 'malformed') throw new Error('it is malformed');
    expect(parsed.reason).not.toContain('\u001b');
    expect(parsed.reason.length).toBeLessThan(200);
  });
});

describe('dependencies', () => {
  test.each([
    ['a version', '0.2.0', '0.2.0'],
    ['an object with a version', { version: '0.2.0' }, '0.2.0'],
    ['a version beside an alias', { version: '0.2.0', alias: 'j' }, '0.2.0'],
    ['a version beside a path', { version: '0.2.0', path: '../x' }, '0.2.0'],
    ['a path alone', { path: '../x' }, undefined],
    ['a range', '^0.0.4', undefined],
    ['anything', '*', undefined],
    ['a short version', '0.16', undefined],
    ['a number', 1, undefined],
    ['null', null, undefined],
    ['a list', ['0.2.0'], undefined],
  ])('keep %s', (_, written, requirement) => {
    expect(parseDependencies({ 'bob/x': written })).toEqual([
      { module: 'bob/x', requirement, written: JSON.stringify(written) },
    ]);
  });

  test('are shown short, however long or deep they are written', () => {
    const deep = JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`);
    const [long, nested] = parseDependencies({
      'bob/x': '\u202e'.repeat(100_000),
      'bob/y': { version: '1.0.0', deep },
    });
    expect(long?.written).toBe(`"${'\\u202e'.repeat(9)}\\u20…`);
    expect(nested).toEqual({
      module: 'bob/y',
      requirement: '1.0.0',
      written: '{"version":"1.0.0","deep":"…"}',
    });
  });

  test.each([undefined, null, 'bob/x', ['bob/x'], 1])('are none of %j', (value) => {
    expect(parseDependencies(value)).toEqual([]);
  });
});

describe('a checksum', () => {
  test('is 64 lowercase hexadecimal digits and nothing else', () => {
    expect(isChecksum(checksum)).toBe(true);
    for (const other of [
      checksum.toUpperCase(),
      `${checksum}\n`,
      ` ${checksum}`,
      checksum.slice(1),
      '',
      null,
      64,
    ])
      expect(isChecksum(other)).toBe(false);
  });
});

describe('a key stated twice', () => {
  const checksum = 'a'.repeat(64);
  test.each([
    `{"version":"1.0.0","version":"2.0.0","checksum":"${checksum}"}`,
    `{"checksum":"${checksum}","version":"1.0.0","\\u0063hecksum":"${checksum}"}`,
    `{"version":"1.0.0","deps":{},"checksum":"${checksum}","deps":{}}`,
  ])('is malformed, since clients refuse it: %s', (line) => {
    expect(parseIndexLine(line)).toMatchObject({
      kind: 'malformed',
      reason: expect.stringContaining('more than once'),
    });
  });

  test('counts at the outermost level only, and not inside text', () => {
    const line = `{"version":"1.0.0","checksum":"${checksum}","deps":{"a/b":{"version":"1.0.0"}},"description":"\\"version\\": \\u00e9"}`;
    expect(parseIndexLine(line).kind).toBe('entry');
  });
});
