import { describe, expect, test } from 'vitest';
import { ConfigError } from '../errors.ts';
import { parseProjectManifest } from './project-manifest.ts';

const requirements = (dependencies: readonly { module: string; requirement: string | undefined }[]) =>
  Object.fromEntries(dependencies.map(({ module, requirement }) => [module, requirement]));

function problemOf(fileName: string, text: string) {
  try {
    parseProjectManifest(fileName, text);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    expect(error.message).toContain(fileName);
    const [problem] = error.problems;
    expect(error.message).toContain(`line ${problem?.line}, column ${problem?.column}`);
    return problem;
  }
  return undefined;
}

describe('parseProjectManifest of moon.mod.json', () => {
  const parse = (text: string) => parseProjectManifest('moon.mod.json', text);

  test('reads name, version and both kinds of dependencies', () => {
    const manifest = parse(
      '{"name":"me/app","version":"0.1.0","deps":{"a/b":"1.2.3","c/d/e":{"version":"0.1.0+b"}},"bin-deps":{"t/u":"2.0.0"}}',
    );
    expect(manifest).toEqual({
      name: 'me/app',
      version: '0.1.0',
      dependencies: [
        { module: 'a/b', requirement: '1.2.3', written: '"1.2.3"' },
        { module: 'c/d/e', requirement: '0.1.0+b', written: '{"version":"0.1.0+b"}' },
      ],
      binDependencies: [{ module: 't/u', requirement: '2.0.0', written: '"2.0.0"' }],
    });
  });

  test('comments, trailing commas, a byte order mark and CRLF are fine', () => {
    const text =
      '\ufeff{ // head\r\n "name": "me/app", /* "name": "no" */\r\n "deps": { "a/b": "1.0.0", }, \r\n}\r\n// end';
    expect(parse(text)).toMatchObject({ name: 'me/app', dependencies: [{ module: 'a/b' }] });
  });

  test('what looks like a comment inside a string is text', () => {
    expect(parse('{"name":"a//b /* c */, }"}').name).toBe('a//b /* c */, }');
  });

  test('escapes mean what they mean in JSON, surrogate pairs included', () => {
    const name = 'tab\t"quote" \\ / \u{1f600} é\n';
    expect(parse(JSON.stringify({ name })).name).toBe(name);
    expect(parse('{"name":"\\ud83d\\ude00\\/"}').name).toBe('\u{1f600}/');
  });

  test('absent and null are the same', () => {
    const nothing = { name: undefined, version: undefined, dependencies: [], binDependencies: [] };
    expect(parse('{}')).toEqual(nothing);
    expect(parse('{"name":null,"version":null,"deps":null,"bin-deps":null}')).toEqual(nothing);
  });

  test('a local or git dependency has no requirement, even with a version', () => {
    const { dependencies } = parse(
      '{"deps":{"a/path":{"path":"../x","version":"1.0.0"},"a/git":{"git":"https://h/x"},"a/any":"*","a/null":{"version":"1.0.0","path":null}}}',
    );
    expect(requirements(dependencies)).toEqual({
      'a/path': undefined,
      'a/git': undefined,
      'a/any': undefined,
      'a/null': '1.0.0',
    });
    expect(dependencies[0]?.written).toBe('{"path":"../x","version":"1.0.0"}');
  });

  test('keys of any kind that it does not read are ignored', () => {
    const text =
      '{"__proto__":{"name":"x"},"link":{"a":[1,-2.5e3,true,false,null,{}]},"deps":{"__proto__/x":"1.0.0"}}';
    expect(parse(text)).toMatchObject({ name: undefined, dependencies: [{ module: '__proto__/x' }] });
  });

  test.each([
    ['{', 1, 2, 'expected a string, but found the end'],
    ['{a: 1}', 1, 2, 'expected a string, but found "a"'],
    ['{"deps":\n  {"a/b" "1"}}', 2, 10, 'expected ":", but found'],
    ['{"deps":\r\n{"a/b": 1}}', 2, 9, 'a version or an object'],
    ['{"deps": []}', 1, 10, 'to be an object'],
    ['{"deps": {"a/b": {"version": 1}}}', 1, 30, 'to be a string'],
    ['{"name": 5}', 1, 10, 'to be a string'],
    ['{"name": "x}', 1, 10, 'has no end'],
    ['{"name": "\\x"}', 1, 10, 'escape'],
    ['{"name": "x"} {}', 1, 15, 'the end of the file'],
    ['{"a" "b"}', 1, 6, 'expected ":"'],
    ['{"a": 1 "b": 2}', 1, 9, 'expected "," or "}"'],
    ['{"a": [1,, 2]}', 1, 10, 'expected a value'],
    ['{"a": }', 1, 7, 'expected a value'],
    ['[]', 1, 1, 'expected an object'],
    ['', 1, 1, 'the file ends here'],
    ['// nothing\n', 2, 1, 'the file ends here'],
    [`{"a": ${'['.repeat(100_000)}`, 1, 106, 'nested too deeply'],
  ])('%s is refused at its place', (text, line, column, message) => {
    expect(problemOf('moon.mod.json', text)).toMatchObject({
      line,
      column,
      message: expect.stringContaining(message),
    });
  });
});

describe('parseProjectManifest of moon.mod', () => {
  const parse = (text: string) => parseProjectManifest('moon.mod', text);

  test('reads assignments, imports and options', () => {
    const manifest = parse(`
      // a project
      name = "me/app"
      version = "0.1.0"
      import {
        "alice/json@1.2.3", // exact
        "bob/deep/name@0.4.0-rc.1+b5"
      }
      keywords = [ "a", "b", ]
      preferred_target = "native"
      rule(name: "x", command: "y")
      rule(name: "z", command: "y")
      options(
        source: "src",
        "bin-deps": { "tools/yacc": "0.7.13", "me/tool": { "path": "../tool", "bin_pkg": [ "main" ] }, },
        max: -3,
        nested: call(a: true, "b": false),
      );
    `);
    expect(manifest).toEqual({
      name: 'me/app',
      version: '0.1.0',
      dependencies: [
        { module: 'alice/json', requirement: '1.2.3', written: '"1.2.3"' },
        { module: 'bob/deep/name', requirement: '0.4.0-rc.1+b5', written: '"0.4.0-rc.1+b5"' },
      ],
      binDependencies: [
        { module: 'tools/yacc', requirement: '0.7.13', written: '"0.7.13"' },
        { module: 'me/tool', requirement: undefined, written: '{"path":"../tool","bin_pkg":["main"]}' },
      ],
    });
  });

  test('an import overrides the same module in the option deps', () => {
    const { dependencies } = parse(
      'options("deps": {"a/b": "1.0.0", "c/d": "2.0.0"}) import { "a/b@1.5.0" }',
    );
    expect(requirements(dependencies)).toEqual({ 'a/b': '1.5.0', 'c/d': '2.0.0' });
  });

  test('an empty file and an empty import are no dependencies', () => {
    expect(parse('').dependencies).toEqual([]);
    expect(parse('import {}').dependencies).toEqual([]);
  });

  test('a requirement that is no version is kept as written', () => {
    expect(parse('import { "a/b@1.2" }').dependencies).toEqual([
      { module: 'a/b', requirement: undefined, written: '"1.2"' },
    ]);
  });

  test.each([
    ['name = ', 1, 8, 'the file ends here'],
    ['name "x"', 1, 6, 'expected "="'],
    ['\n\n  = 1', 3, 3, 'expected a name'],
    ['name = "x"\nname = "y"', 2, 1, 'already set'],
    ['name = "x"\noptions(name: "y")', 2, 9, 'already set'],
    ['import { "a/b" }', 1, 10, 'OWNER/NAME@VERSION'],
    ['import { "@1.0.0" }', 1, 10, 'OWNER/NAME@VERSION'],
    ['import { "a/b@" }', 1, 10, 'OWNER/NAME@VERSION'],
    ['import { "a/b@1.0.0" @x }', 1, 22, 'no alias'],
    ['import { "a/b@1.0.0" as @x }', 1, 22, 'no alias'],
    ['import { "a/b@1.0.0" * }', 1, 22, 'no alias'],
    ['import { "a/b@1.0.0" "c/d@1.0.0" }', 1, 22, 'expected "," or "}"'],
    ['import { "a/b@1.0.0" } for "test"', 1, 24, 'moon.pkg'],
    ['import { "a/b@1.0.0" }\nimport { "c/d@1.0.0" }', 2, 1, 'already set'],
    ['#cfg(true) import {}', 1, 1, 'expected a name, but found "#"'],
    ['options("deps": 1) import { "a/b@1.0.0" }', 1, 17, 'to be an object'],
    ['version = 1', 1, 11, 'to be a string'],
  ])('%s is refused at its place', (text, line, column, message) => {
    expect(problemOf('moon.mod', text)).toMatchObject({
      line,
      column,
      message: expect.stringContaining(message),
    });
  });
});
