import { describe, expect, test } from 'vitest';
import type { Version } from '../../model/version.ts';
import { checkResolvable } from './check-dependencies.ts';
import { checkManifest } from './check-manifest.ts';
import { createIndexLine } from './index-line.ts';
import type { ManifestFileName } from './placed-manifest.ts';
import { createProblemList } from './publish-problem.ts';

function check(fileName: ManifestFileName, text: string | Buffer, runsCode: 'remark' | 'refuse' = 'remark') {
  const problems = createProblemList();
  const manifest = checkManifest(fileName, Buffer.from(text), { runsCode }, problems);
  const all = problems.all().map(({ code, severity, text: words }) => `${severity} ${code}: ${words}`);
  return { manifest, problems: all };
}
const json = (fields: string) =>
  check('moon.mod.json', `{"name": "alice/json", "version": "1.2.3"${fields}}`);
const statements = (more: string) => check('moon.mod', `name = "alice/json"\nversion = "1.2.3"\n${more}`);
const fieldsOf = (result: ReturnType<typeof check>) => {
  const line =
    result.manifest &&
    createIndexLine(result.manifest.fields, { checksum: 'a'.repeat(64) as never, createdAt: new Date(0) });
  if (line?.kind !== 'line') throw new Error(result.problems.join('\n'));
  return line.line.text.replace(/, "checksum": .*$/, '}');
};

describe('moon.mod.json', () => {
  test('is passed on as it is: order, unknown keys, numbers', () => {
    const text =
      '{"version": "1.2.3", "name": "alice/json", "10": 1.0, "2": 12345678901234567890, "x-y": {"b": -0.5e+10, "a": [true, null]}, "__proto__": {"deps": {}}, "deps": {"a/b": "1.0.0"}}';
    const result = check('moon.mod.json', text);
    expect(result.problems).toEqual([]);
    expect(fieldsOf(result)).toBe(text);
    expect(result.manifest).toMatchObject({
      name: 'alice/json',
      version: '1.2.3',
      dependencies: [{ module: 'a/b', requirement: '1.0.0' }],
    });
  });

  test('may have comments and commas at the end, as moon takes them', () => {
    const result = check(
      'moon.mod.json',
      '{ // mine\n"name": "alice/json", "version": "1.2.3", "keywords": ["a", /* b */ "c",], }\n',
    );
    expect(result.problems).toEqual([]);
    expect(fieldsOf(result)).toBe('{"name": "alice/json", "version": "1.2.3", "keywords": ["a", "c"]}');
  });

  test.each([
    [
      ', "deps": {"a/b": "1.0.0", "c/d": {"version": "2.0.0"}}, "bin-deps": {"t/u": {"path": "x"}, "v/w": "1.0.0"}',
    ],
    [', "license": "Apache-2.0 OR MIT"'],
    [', "license": ""'],
    [', "license": null, "keywords": null, "deps": null'],
    [', "rule": {"name": "a", "command": "b"}'],
    [', "rule": [{"name": "a", "command": "b"}, {"name": "c", "command": "d"}]'],
    [', "supported-targets": ["js"], "preferred-target": "js", "source": "src", "scripts": {"build": "x"}'],
    [', "preferred_target": 5, "link": {"native": {}}, "warnings": []'],
  ])('nothing is said against %s', (fields) => {
    expect(json(fields).problems).toEqual([]);
  });

  test.each([
    [', "deps": {"a/b": "*"}', 'dependency', 'line 1, column 53: "a/b" is nothing that clients can read'],
    [', "deps": {"a/b": "1.0"}', 'dependency', 'exact version'],
    [', "deps": {"a/b": "^1.0.0"}', 'dependency', 'exact version'],
    [', "deps": {"a/b": 1}', 'dependency', 'exact version'],
    [', "deps": {"a/b": null}', 'dependency', 'exact version'],
    [', "deps": {"a/b": {"git": "https://h/x"}}', 'dependency', 'exact version'],
    [', "deps": {"a/b": {"version": "1.0.0", "alias": "x"}}', 'dependency', 'exact version'],
    [', "deps": {"a/b": {"path": "../b"}}', 'dependency', 'has no version'],
    [', "deps": {"a/b": {}}', 'dependency', 'has no version'],
    [', "deps": {"json": "1.0.0"}', 'dependency', 'names no module: it has no owner'],
    [', "deps": {"alice/json": "1.0.0"}', 'dependency', 'the module itself'],
    [`, "deps": {"a/b": "1.0.0-${'x'.repeat(300)}"}`, 'dependency', 'too long'],
    [', "deps": ["a/b"]', 'wrong-value', 'expected "deps" to be an object'],
    [', "bin-deps": {"a/b": 1}', 'dependency', 'neither a version nor an object'],
    [', "license": 5', 'wrong-value', 'expected "license" to be a string'],
    [', "keywords": "a"', 'wrong-value', 'a list of strings'],
    [', "keywords": [1]', 'wrong-value', 'a list of strings'],
    [', "scripts": {"postadd": 1}', 'wrong-value', 'whose values are strings'],
    [', "rule": {"name": "a"}', 'wrong-value', 'a name and a command'],
    [
      ', "rule": [{"name": "a", "command": "b"}, {"name": "a", "command": "c"}]',
      'wrong-value',
      'no name twice',
    ],
    [', "source": "../other"', 'wrong-value', 'a folder of the module'],
    [', "source": "/etc"', 'wrong-value', 'a folder of the module'],
    [', "checksum": "x"', 'reserved-key', '"checksum" is said by the registry'],
    [', "yanked": true', 'reserved-key', 'leave it out'],
    [', "created_at": "x", "yanked_reason": null', 'reserved-key', 'created_at'],
    [', "name": "alice/other"', 'manifest-damaged', '"name" is stated twice'],
    [', "link": {"a": {"b": 1, "b": 2}}', 'manifest-damaged', 'column 67: "b" is stated twice'],
    [', "deps": {"a/b": "1.0.0", "a/b": "1.0.0"}', 'manifest-damaged', '"a/b" is stated twice'],
    [', "description": "\\ud800"', 'manifest-damaged', 'not Unicode text'],
    [', "x": {"\\udc00": 1}', 'manifest-damaged', 'this key is not Unicode text'],
    [', "x": 007', 'manifest-damaged', 'no number of JSON'],
    [', "x": native(a: 1)', 'manifest-damaged', 'is no value'],
    [', x: 1', 'manifest-damaged', 'expected a string'],
    [`, "x": ${'['.repeat(200)}${']'.repeat(200)}`, 'manifest-damaged', 'nested too deeply'],
  ])('%s is refused', (fields, code, words) => {
    const { manifest, problems } = json(fields);
    expect(manifest).toBeUndefined();
    const errors = problems.filter((problem) => problem.startsWith('error'));
    expect(errors.every((problem) => /^error [a-z-]+: /.test(problem))).toBe(true);
    expect(errors.filter((problem) => problem.startsWith(`error ${code}: `)).join('\n')).toContain(words);
  });

  test.each([
    [Buffer.from([0x7b, 0xff]), 'moon.mod.json is not UTF-8'],
    [Buffer.from('\ufeff{"name": "alice/json", "version": "1.2.3"}'), 'is not JSON that clients can read'],
    ['', 'the file ends here'],
    ['[]', 'expected an object'],
    ['{"name": "alice/json", "version": "1.2.3"} x', 'expected the end of the file'],
  ])('%s is no manifest', (text, words) => {
    expect(check('moon.mod.json', text).problems).toEqual([expect.stringContaining(words)]);
  });

  test('all that is wrong is said at once', () => {
    const { problems } = check(
      'moon.mod.json',
      '{"name": "json",\n "version": "1",\n "deps": {"a/b": "*", "c/d": 1},\n "license": "mine", "checksum": ""}',
    );
    expect(problems.map((problem) => problem.split(' ').slice(0, 6).join(' '))).toEqual([
      'error reserved-key: moon.mod.json: line 4, column',
      'error module-name: moon.mod.json: line 1, column',
      'error module-version: moon.mod.json: line 2, column',
      'error dependency: moon.mod.json: line 3, column',
      'error dependency: moon.mod.json: line 3, column',
      'remark licence: moon.mod.json: line 4, column',
    ]);
  });
});

describe('moon.mod', () => {
  test('is shown as the official index shows it', () => {
    const result = statements(`
import {
  "bobzhang/jsonl@0.2.0",
  "moonbitlang/x@0.4.6",
}
preferred_target = "native"
rule(name: "md", command: "moon run \\"$input\\"")
options(
  source: "src",
  "x-own": { "a": [ 1, -2, true ], },
)
description = "日本 🐫"
`);
    expect(result.problems).toEqual([]);
    expect(fieldsOf(result)).toBe(
      '{"name": "alice/json", "version": "1.2.3", "deps": {"bobzhang/jsonl": "0.2.0", "moonbitlang/x": "0.4.6"}, "preferred_target": "native", "rule": {"name": "md", "command": "moon run \\"$input\\""}, "source": "src", "x-own": {"a": [1, -2, true]}, "description": "\\u65e5\\u672c \\ud83d\\udc2b"}',
    );
  });

  test('several rules are a list, and imports win over the option deps', () => {
    const result = statements(`
rule(name: "a", command: "b")
options(deps: { "a/b": "1.0.0", "c/d": "2.0.0" })
rule(name: "c", command: "d")
import { "a/b@1.5.0" }
`);
    expect(fieldsOf(result)).toBe(
      '{"name": "alice/json", "version": "1.2.3", "rule": [{"name": "a", "command": "b"}, {"name": "c", "command": "d"}], "deps": {"c/d": "2.0.0", "a/b": "1.5.0"}}',
    );
  });

  test.each([
    ['author = "me"\ncolour = "blue"', 'unknown-key', 'line 3, column 1: moon knows no "author" here'],
    ['deps(a: "1.0.0")', 'unknown-key', '"deps"'],
    ['import { "a/b@1" }', 'dependency', 'exact version'],
    ['import { "a/b@1.0.0", "a/b@1.1.0" }', 'manifest-damaged', '"a/b" is stated twice'],
    ['options(deps: { "a/b": { "path": "../b", "version": "1.0.0" } })', 'dependency', 'moon.work'],
    ['options(x: null)', 'manifest-damaged', 'no null'],
    ['options(x: 1.5)', 'manifest-damaged', 'whole numbers'],
    ['options(x: 1e5)', 'manifest-damaged', 'whole numbers'],
    ['options(x: f(a: 1))', 'manifest-damaged', 'in braces'],
    ['options(x: 1, x: 2)', 'manifest-damaged', 'already set'],
    ['options(checksum: "x")', 'reserved-key', '"checksum"'],
    ['rule(name: "a", command: "b")\nrule(name: "a", command: "c")', 'wrong-value', 'no name twice'],
    ['rule(name: "a")', 'wrong-value', 'a name and a command'],
    ['keywords = "a"', 'wrong-value', 'a list of strings'],
    ['preferred_target = 1', 'wrong-value', 'a string'],
    ['import { "a/b" }', 'manifest-damaged', 'OWNER/NAME@VERSION'],
  ])('%s is refused', (more, code, words) => {
    const { manifest, problems } = statements(more);
    expect(manifest).toBeUndefined();
    expect(problems.filter((problem) => problem.startsWith(`error ${code}: `)).join('\n')).toContain(words);
  });

  test('every unknown key is named', () => {
    expect(statements('author = "me"\ncolour = "blue"').problems).toHaveLength(2);
  });
});

describe('name and version', () => {
  const named = (name: string, version: string) =>
    check('moon.mod', `name = ${JSON.stringify(name)}\nversion = ${JSON.stringify(version)}`).problems;

  test.each([
    ['alice/json', '0.0.0-rc.1+b'],
    ['alice/deep/name/v2', '2.1.0-rc.1'],
    ['alice/v2', '0.1.0'],
    ['alice/deep/v02', '0.1.0'],
    ['CAIMEOX/原来可以发中文包', '1.0.0'],
  ])('%s %s', (name, version) => {
    expect(named(name, version)).toEqual([]);
  });

  test.each([
    ['json', '1.0.0', 'has no owner'],
    ['a/../b', '1.0.0', 'the part ".."'],
    ['a/b c', '1.0.0', 'the character U+0020'],
    ['a/b', '1', 'no semantic version'],
    ['a/b', 'v1.0.0', 'no semantic version'],
    ['a/b/v2', '3.0.0', 'has versions 2.x only'],
    ['a/b/v2', '1.0.0', 'has versions 2.x only'],
    ['a/b/v1', '1.0.0', 'is refused by clients'],
    ['a/b/v0', '0.1.0', 'is refused by clients'],
  ])('%s %s is refused', (name, version, words) => {
    expect(named(name, version)).toEqual([expect.stringContaining(words)]);
  });

  test('have to be stated', () => {
    expect(check('moon.mod', '').problems).toEqual([
      'error module-name: moon.mod states no name: a module is named OWNER/NAME',
      'error module-version: moon.mod states no version',
    ]);
    expect(check('moon.mod.json', '{"name": null, "version": null}').problems).toHaveLength(2);
    expect(check('moon.mod.json', '{"name": 1, "version": []}').problems).toEqual([
      expect.stringContaining('expected "name" to be a string'),
      expect.stringContaining('expected "version" to be a string'),
    ]);
  });
});

describe('remarks keep nobody from publishing', () => {
  test.each([
    [', "license": "MITx"', 'licence', '"MITx" is no SPDX licence expression'],
    [', "license": "see LICENSE"', 'licence', 'SPDX'],
    [`, "license": "${'('.repeat(100_000)}"`, 'licence', 'SPDX'],
    [', "deps": {"a/b": {"path": "../b", "version": "1.0.0"}}', 'dependency', 'others take its version'],
    [', "bin-deps": {"a/b": "*"}', 'dependency', 'no exact version'],
    [', "scripts": {"postadd": "python3 build.py"}', 'runs-code', '"postadd" runs code'],
    [', "--moonbit-unstable-prebuild": "build.js"', 'runs-code', 'runs code'],
  ])('%s', (fields, code, words) => {
    const { manifest, problems } = json(fields);
    expect(manifest?.name).toBe('alice/json');
    expect(problems).toEqual([expect.stringMatching(`^remark ${code}: .*`)]);
    expect(problems[0]).toContain(words);
  });

  test('but by rule scripts that run where a module is installed do', () => {
    const { problems } = check(
      'moon.mod.json',
      '{"name": "a/b", "version": "1.0.0", "scripts": {"postadd": "x"}, "--moonbit-unstable-prebuild": "y"}',
      'refuse',
    );
    expect(problems.map((problem) => problem.slice(0, 16))).toEqual(['error runs-code:', 'error runs-code:']);
  });
});

test('a dependency that is not here is a remark, or an error where that is wanted', () => {
  const versions: Record<string, Version[]> = { 'a/b': ['1.0.0' as Version, '1.5.0' as Version] };
  const told = (isRequired: boolean, ...asked: [string, string][]) => {
    const problems = createProblemList();
    const dependencies = asked.map(([module, requirement]) => ({
      module,
      requirement: requirement as Version,
      written: '',
    }));
    checkResolvable(dependencies, (module) => versions[module] ?? [], isRequired, problems);
    return problems.all().map(({ severity, text }) => `${severity}: ${text}`);
  };
  expect(told(true, ['a/b', '1.0.0'], ['a/b', '1.2.0'], ['a/b', '0.1.0'])).toEqual([]);
  expect(told(false, ['a/b', '1.6.0'], ['c/d', '1.0.0'])).toEqual([
    'remark: no version of "a/b" that is listed here satisfies 1.6.0, which it depends on',
    'remark: no module "c/d" is listed here, which it depends on',
  ]);
  expect(told(true, ['a/b', '2.0.0'])).toEqual([expect.stringMatching(/^error: .*: publish that first$/)]);
});
