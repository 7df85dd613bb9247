import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readClientLine } from './client-line.ts';
import { parseIndexLine } from './index-entry.ts';

const sum = 'a'.repeat(64);
/** A line with `members` beside its version and checksum. */
const lineWith = (...members: string[]) =>
  `{${[`"version":"1.0.0"`, `"checksum":"${sum}"`, ...members].join(',')}}`;
const dep = (value: string) => lineWith(`"deps":{"a/b":${value}}`);
const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);

// Each tried with the parser of a client built from source; so were 160,000 generated lines, which agreed.
const accepted: [string, string][] = [
  ['nothing', '{}'],
  ['null for every field', '{"version":null,"checksum":null,"deps":null,"yanked":null,"yanked_reason":null}'],
  ['a version that is none', '{"version":"1.0"}'],
  ['a yank', lineWith('"yanked":true', '"yanked_reason":"broken"')],
  ['white space', ` \t{ "version" :\r"1.0.0" } \r`],
  ['a comma after the last member', `{"version":"1.0.0","deps":{"a/b":{"version":"1.0.0",},"c/d":["x",],},}`],
  ['comments', '/**/{"version"/* x */:"1.0.0"/*/,/***/"x":1}// the rest " } {'],
  ['an escaped key', '{"\\u0076ersion":"1.0.0"}'],
  ['keys like typed ones', lineWith('"Version":1', '"yanked-reason":1', '"dep":1', '"":1', '"__proto__":1')],
  ['a dependency that is a version', dep('"0.1.0-a.1+b"')],
  ['a dependency on a very long version', dep(`"1.0.0-${'a.1.'.repeat(1000)}b"`)],
  ['a dependency that is a path', dep('{"path":"../x"}')],
  ['a dependency that is an empty path', dep('{"path":""}')],
  ['a dependency that is a path and a version', dep('{"version":"1.0.0","path":"../x"}')],
  ['a dependency that is a version in an object', dep('{"version":"1.0.0"}')],
  ['a dependency without a version', dep('{}')],
  ['a dependency whose version is null', dep('{"version":null}')],
  ['a dependency that is a list of a path', dep('["../x"]')],
  ['a dependency that is a list of a path and a version', dep('["../x","1.0.0"]')],
  ['a dependency that is an empty list', dep('[]')],
  ['a dependency that is a list of nothing', dep('[null]')],
  ['a dependency stated twice', lineWith('"deps":{"a/b":"1.0.0","a/b":"2.0.0"}')],
  ['a dependency without a name', lineWith('"deps":{"":"1.0.0"}')],
  ['a dependency with a name of JavaScript', lineWith('"deps":{"__proto__":"1.0.0","toString":{}}')],
  ['deep nesting elsewhere', lineWith(`"x":${nested(3000)}`)],
  ['very deep nesting elsewhere', lineWith(`"x":${'{"a":['.repeat(100_000)}${']}'.repeat(100_000)}`)],
  ['half a surrogate pair elsewhere', lineWith('"x":"\\ud800"', '"y":{"\\udc00":1}')],
  ['a key stated twice elsewhere', lineWith('"x":1', '"x":{"y":1,"y":2}')],
  ['escapes of other languages elsewhere', lineWith('"x":"\\x41\\v"')],
  [
    'numbers out of range elsewhere',
    lineWith('"x":[1e999,-0,-0.0E-999999999999,123456789012345678901234567890]'),
  ],
  ['malformed bin-deps', lineWith('"bin-deps":[{"a/b":"*"},null,1]')],
];

const refused: [string, string, string][] = [
  ['nothing', '', 'it is not a JSON object'],
  ['a web page', '<html>', 'it is not a JSON object'],
  ['a byte order mark', `\ufeff${lineWith()}`, 'it is not a JSON object'],
  ['a comment only', '// {}', 'it is not a JSON object'],
  ['a list', `["1.0.0",{},"${sum}"]`, 'it is not a JSON object'],
  ['half a line', lineWith().slice(0, -1), 'it is not JSON'],
  ['something after its end', `${lineWith()}x`, 'it is not JSON'],
  ['two objects', `${lineWith()}${lineWith()}`, 'it is not JSON'],
  ['a NUL', `${lineWith()}\0`, 'it is not JSON'],
  ['a control character in text', lineWith('"x":"\u0001"'), 'it is not JSON'],
  ['a tab in text', lineWith('"x":"\t"'), 'it is not JSON'],
  ['a comment without an end', `${lineWith()}/*`, 'it is not JSON'],
  ['half a comment', `${lineWith()}/`, 'it is not JSON'],
  ['a space of another kind', `${lineWith()}\u00a0`, 'it is not JSON'],
  ['only commas', '{,}', 'it is not JSON'],
  ['two commas at the end', '{"version":"1.0.0",,}', 'it is not JSON'],
  ['a comma after the last elsewhere', lineWith('"x":[1,]'), 'it is not JSON'],
  ['a comma after the last member elsewhere', lineWith('"x":{"y":1,}'), 'it is not JSON'],
  ['brackets that do not match', lineWith('"x":[[}]'), 'it is not JSON'],
  ['a number of another language', lineWith('"x":0x10'), 'it is not JSON'],
  ['a number with a zero before it', lineWith('"x":01'), 'it is not JSON'],
  ['a number without digits', lineWith('"x":1.'), 'it is not JSON'],
  ['a word', lineWith('"x":NaN'), 'it is not JSON'],
  ['half a surrogate pair as a key', lineWith('"\\ud800":1'), 'it is not JSON'],
  ['half a surrogate pair in a typed field', lineWith('"yanked_reason":"\\udc00"'), 'it is not JSON'],
  ['half a surrogate pair in a dependency', lineWith('"deps":{"\\ud800":"1.0.0"}'), 'it is not JSON'],
  ['an escape of other languages in a typed field', '{"version":"1.0.\\x30"}', 'it is not JSON'],
  ['a version twice', lineWith('"version":"1.0.0"'), 'it states "version" more than once'],
  ['a version twice, escaped', lineWith('"\\u0076ersion":null'), 'it states "version" more than once'],
  [
    'a reason twice',
    lineWith('"yanked_reason":null', '"yanked_reason":null'),
    'it states "yanked_reason" more than once',
  ],
  ['a version that is a number', '{"version":1}', 'its "version" is not text'],
  ['a checksum that is a list', '{"checksum":[]}', 'its "checksum" is not text'],
  ['a yank that is text', lineWith('"yanked":"false"'), 'its "yanked" is neither true nor false'],
  ['a yank that is a number', lineWith('"yanked":0'), 'its "yanked" is neither true nor false'],
  ['a reason that is false', lineWith('"yanked_reason":false'), 'its "yanked_reason" is not text'],
  ['deps that are a list', lineWith('"deps":[]'), 'its "deps" is not an object'],
  ['deps that are text', lineWith('"deps":""'), 'its "deps" is not an object'],
  ['deps that are deep', lineWith(`"deps":{"x/y":${nested(5000)}}`), 'what it asks of "x/y" is'],
  ...[
    '1',
    'null',
    'true',
    '"*"',
    '"0.16"',
    '"^0.0.6"',
    '">=1.0.0"',
    '"v1.0.0"',
    '""',
    '" 1.0.0"',
    '"1.0.0-01"',
  ]
    .concat([
      '"18446744073709551616.0.0"',
      '{"version":"1.0"}',
      '{"version":1}',
      '{"path":1}',
      '{"path":null}',
    ])
    .concat(['{"path":"x","version":"*"}', '{"version":"1.0.0","alias":"x"}', '{"path":"x","path":"x"}'])
    .concat([
      '{"git":"x"}',
      '{"git":"x","branch":"y","version":"1.0.0"}',
      '{"branch":"x"}',
      '{"path":"x","git":"y"}',
    ])
    .concat(['{"Version":"1.0.0"}', '{"":"1.0.0"}', '{"toString":"1.0.0"}', '[null,null]', '["x","y"]'])
    .concat(['["x","1.0.0","1.0.0"]', '[[]]', '[1]', '{"version":"1.0.0","bin_pkg":["x"]}'])
    .map((value): [string, string, string] => [
      `a dependency that is ${value}`,
      dep(value),
      'what it asks of "a/b" is',
    ]),
];

describe('a line as the newest client reads it', () => {
  test.each(accepted)('may have %s', (_, text) => {
    expect(readClientLine(text)).toMatchObject({ kind: 'line' });
  });

  test.each(refused)('cannot have %s', (_, text, reason) => {
    expect(readClientLine(text)).toEqual({ kind: 'refused', reason: expect.stringContaining(reason) });
  });

  test('gives what its typed fields say', () => {
    const text =
      '{"deps":{"a/b":"1.0.0","c/d":{"version":null,"path":"..\\/x"},"e/f":["x","2.0.0"],"a/b":{}},"version":"1.\\u0030.0","bin-deps":{"t":"1.0.0"}}';
    expect(readClientLine(text)).toEqual({
      kind: 'line',
      line: {
        version: '1.0.0',
        checksum: null,
        deps: new Map([
          ['a/b', {}],
          ['c/d', { path: '../x' }],
          ['e/f', { path: 'x', version: '2.0.0' }],
        ]),
        binDeps: ['{"t":"1.0.0"}'],
      },
    });
  });

  test('shows little of what is wrong', () => {
    const long = 'x'.repeat(100_000);
    for (const text of [
      dep(`"${long}"`),
      dep(`{"${long}":"\u202e"}`),
      lineWith(`"deps":{"${long}\u202e":1}`),
    ]) {
      const read = readClientLine(text);
      expect(read).toEqual({ kind: 'refused', reason: expect.stringMatching(/^[ -~…]{20,250}$/) });
    }
  });
});

describe('any line', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '\\',
      '\\u',
      '\\ud800',
      '/*',
      '*/',
      '//',
      '1e999',
      '-0',
      '\0',
    ),
    fc.constantFrom(
      '"version":',
      '"checksum":',
      '"deps":',
      '"bin-deps":',
      '"yanked":',
      '"1.0.0"',
      `"${sum}"`,
      'null',
    ),
    fc.json(),
    fc.string({ unit: 'binary', maxLength: 10 }),
  );
  const text = fc.oneof(
    fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join('')),
    fc
      .tuple(fc.json(), fc.json(), fc.json())
      .map((members) => lineWith(...members.map((one, at) => `"${at}":${one}`))),
    fc.json().map((deps) => lineWith(`"deps":${deps}`, `"bin-deps":${deps}`)),
  );

  test('is an entry or malformed with a reason, and never an exception', () => {
    fc.assert(
      fc.property(text, (line) => {
        const parsed = parseIndexLine(line);
        if (parsed.kind === 'malformed') expect(parsed.reason).toMatch(/^.{5,300}$/);
        else expect(parsed.entry.requirements).toMatch(/^(none|[0-9a-f]{64})$/);
      }),
    );
  });

  test('that is plain JSON passes whatever its other fields are', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (others) => {
        const line = JSON.stringify({
          ...others,
          version: '1.0.0',
          checksum: sum,
          deps: {},
          yanked: false,
          yanked_reason: null,
        });
        expect(parseIndexLine(line).kind).toBe('entry');
      }),
    );
  });

  test.each([
    '[',
    '{"a":',
    '"',
    '\\',
    '/*',
    '//',
    '1',
    'a.',
    '\\u0041',
    '{"a":"1.0.0"},',
    '"a":"1.0.0",',
    '[],',
  ])('of four million characters of %s anywhere is read', (unit) => {
    const long = unit.repeat(4_000_000 / unit.length);
    const lines = [long, lineWith(`"x":${long}`), lineWith(`"x":[${long}1]`), lineWith(`"bin-deps":${long}`)];
    lines.push(
      lineWith(`"deps":{${long}`),
      dep(long),
      dep(`"1.0.0-${long}`),
      dep(`"1.0.0-${long}a"`),
      `{"version":"1.0.0-${long}"}`,
    );
    for (const line of lines) expect(['entry', 'malformed']).toContain(parseIndexLine(line).kind);
  });
});
