/** Data flows one way: each layer imports only from itself and from those to its right. */
import { readdirSync, readFileSync } from 'node:fs';
import { STATUS_CODES } from 'node:http';
import { join, relative } from 'node:path';
import { expect, test } from 'vitest';

const layers = [
  'main',
  'start',
  'cli',
  'demo',
  'author',
  'server',
  'packs',
  'http',
  'registry/backup',
  // What opens a registry as a whole: `open`, `parts`, and what looks at one that may be too damaged for that.
  'registry',
  'registry/upkeep',
  'registry/hosting',
  'registry/mirror',
  'registry/deliver',
  'registry/sync',
  'registry/access',
  'registry/record',
  'registry/decide',
  'registry/shapes',
  'config',
  'sources',
  'index',
  'archives',
  'model',
  'support',
  'errors',
];
/** What the rooms of the registry have in common: where data are, and what may be done to them. */
const shapes = ['data-layout', 'registry-lock', 'open-mode'].map((name) => `registry/${name}.ts`);
const source = join(import.meta.dirname, '..', 'src');
const statuses = { ...STATUS_CODES, 499: 'of the log' };

function layerOf(path: string): string {
  if (shapes.includes(path)) return 'registry/shapes';
  const [first = '', second = ''] = path.split('/');
  if (first === 'registry' && second !== '' && !second.endsWith('.ts')) return `${first}/${second}`;
  return first.replace(/\.ts$/, '');
}

const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter(
  (name) => name.endsWith('.ts') && !name.endsWith('.test.ts'),
);

/** Of types alone, too. */
function importsOf(file: string): string[] {
  const text = readFileSync(join(source, file), 'utf8');
  return [...text.matchAll(/(?:from|import\()\s*'(\.[^']+\.ts)'/g)].map(([, path = '']) =>
    relative(source, join(source, file, '..', path)),
  );
}

test('no file imports from a layer to its left', () => {
  const violations = files.flatMap((file) => {
    const text = readFileSync(join(source, file), 'utf8');
    const imports = importsOf(file);
    const typeOnly = [...text.matchAll(/import type [^;]*from '(\.[^']+)'/g)].map(([, path = '']) =>
      relative(source, join(source, file, '..', path)),
    );
    return (
      imports
        .filter((path) => layers.indexOf(layerOf(path)) < layers.indexOf(layerOf(file)))
        // The configuration's shape is plain data that sources are made from.
        .filter((path) => !(path === 'config/config.ts' && typeOnly.includes(path)))
        .map((path) => `${file} imports ${path}`)
    );
  });
  expect(violations).toEqual([]);
});

test('no file imports itself by way of others', () => {
  const imports = new Map(files.map((file) => [file, importsOf(file)]));
  const done = new Set<string>();
  const findCycle = (file: string, path: readonly string[]): string[] => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return [];
    const cycle = (imports.get(file) ?? []).map((next) => findCycle(next, [...path, file]));
    done.add(file);
    return cycle.find(({ length }) => length > 0) ?? [];
  };
  expect(files.map((file) => findCycle(file, [])).filter(({ length }) => length > 0)).toEqual([]);
});

test('every file belongs to a layer', () => {
  expect(files.filter((file) => !layers.includes(layerOf(file)))).toEqual([]);
  expect(files.length).toBeGreaterThan(50);
});

test('deciding does no I/O: the model imports nothing of Node but Buffer and hashes', () => {
  const impure = files
    .filter((file) => layerOf(file) === 'model')
    .filter((file) => /from 'node:(?!buffer|crypto)/.test(readFileSync(join(source, file), 'utf8')));
  expect(impure).toEqual([]);
});

/** What the values are made with that a file has; types alone, and the configuration's own rules, are not followed. */
function everythingBehind(start: readonly string[]): Map<string, string> {
  const found = new Map<string, string>();
  const follow = (file: string) => {
    if (found.has(file) || file.startsWith('config/')) return;
    const text = readFileSync(join(source, file), 'utf8');
    found.set(file, text);
    for (const [, path = ''] of text.matchAll(/^(?:import|export) (?!type )[^;]*?from '(\.[^']+)';/gm))
      follow(relative(source, join(source, file, '..', path)));
  };
  for (const file of start) follow(file);
  return found;
}

test('deciding is pure: no disk, no network, no git, no clock, no chance, nothing to wait for', () => {
  const own = files.filter((file) => layerOf(file) === 'registry/decide');
  const behind = [...everythingBehind(own)];
  // `new Date(time)` asks no clock.
  const impure =
    /from 'node:(?!buffer|crypto)|\b(?:Date\.now|new Date(?!\([^)])|Math\.random|performance|process\.\w+|randomUUID|randomBytes)\b/;
  expect(
    behind.filter(([file]) => /^support\/(disk|net|git|flow)\//.test(file)).map(([file]) => file),
  ).toEqual([]);
  expect(behind.filter(([, text]) => impure.test(text)).map(([file]) => file)).toEqual([]);
  const waits = own.filter((file) =>
    /\b(?:async|await|Promise|setTimeout)\b/.test(readFileSync(join(source, file), 'utf8')),
  );
  expect(waits).toEqual([]);
  expect(own.length).toBeGreaterThan(10);
});

test('only main and start touch the process, one file its environment, and only parts.ts puts implementations together', () => {
  const uses = (pattern: RegExp) =>
    files.filter((file) => pattern.test(readFileSync(join(source, file), 'utf8')));
  expect(uses(/\bprocess\.(argv|exit|exitCode|stdout|stderr|on|cwd)\b/).sort()).toEqual([
    'main.ts',
    'start.ts',
  ]);
  expect(uses(/\bprocess\.env\b|from 'node:process'/)).toEqual(['support/environment.ts']);
  // Whatever people read is written by Output, which escapes it: commands have no stream to write to.
  expect(uses(/\bio\.std(out|err)\b|\bstd(out|err)\.write|\bconsole\./).sort()).toEqual([
    'cli/output.ts',
    'cli/run.ts',
    'main.ts',
  ]);
  expect(uses(/\btoRaw\(\)|\bwriteRaw\(/).sort()).toEqual(['cli/output.ts', 'cli/terminal.ts']);
  expect(uses(/\bopenFileArchiveStore\(directory|= openFileArchiveStore\(/).sort()).toEqual([
    'archives/file-archive-store.ts',
    'registry/parts.ts',
  ]);
});

/** Lines with a number that is no status. */
const lengthsAndTimes = [
  "export const archiveCaching = 'public, max-age=300, stale-if-error=86400, no-transform';",
  'export const longestList = 200;',
  "userAgent: request.headers['user-agent']?.slice(0, 200),",
];

test('statuses are decided in one table: whoever answers names an outcome', () => {
  const literals = files
    .filter((file) => /^(server|http)\//.test(file) && file !== 'http/status.ts')
    .flatMap((file) => readFileSync(join(source, file), 'utf8').split('\n'))
    .filter((line) => !/^\s*(\/\*|\*|\/\/)/.test(line))
    .filter((line) => (line.match(/\b\d{3}\b/g) ?? []).some((text) => text >= '200' && text in statuses));
  expect(literals.map((line) => line.trim()).sort()).toEqual(lengthsAndTimes);
});

test('kinds of sources are told apart in one table', () => {
  const asking =
    /[!=]== '(?:mooncakes|moonbit-registry|custom)'|case '(?:mooncakes|moonbit-registry|custom)'|'custom'/;
  const telling = files.filter((file) => asking.test(readFileSync(join(source, file), 'utf8')));
  expect(telling).toEqual(['sources/kinds.ts']);
});

test('nobody outside archives builds or opens a path below a store of them', () => {
  const uses = (pattern: RegExp) =>
    files
      .filter((file) => layerOf(file) !== 'archives')
      .filter((file) => pattern.test(readFileSync(join(source, file), 'utf8')))
      .sort();
  expect(uses(/\bjoin\([^)]*['"`](packages|quarantine)/)).toEqual(['registry/data-layout.ts']);
  // The names of what is in a backup, which is a format of its own.
  expect(uses(/\b(packages|quarantine)\//)).toEqual(['registry/backup/members.ts']);
  // Where a store begins is for whoever opens it, and where an archive is, for people.
  const paths = 'join|resolve|dirname|basename|open|stat|readdir|readFile|rm|rename|access|writeFile';
  expect(uses(new RegExp(`\\b(?:${paths})\\([^)]*(?:\\.packages\\b|\\.locate\\()`))).toEqual([]);
});

/** Whose commands hold numbers, words of ours, or nothing but names of configured sources and what the operator typed. */
const holdsNothingForeign = [
  ...['cli/commands/completion.ts', 'demo/demo.ts', 'registry/upkeep/doctor/doctor-data.ts'],
  ...['cli/mirror-text.ts', 'registry/mirror/mirror-selection.ts', 'registry/mirror/mirror-targets.ts'],
];
const unquotedCommand =
  /(\w*)`[^`]*moonbit-registry (?:source|config|mirror|explain|conflicts|block|unblock|list|path|restore)\b[^`\n]*?\$\{/g;

test('a command to be pasted that names something is quoted, by shellLine', () => {
  const unquoted = files
    .filter((file) => !holdsNothingForeign.includes(file))
    .flatMap((file) =>
      [...readFileSync(join(source, file), 'utf8').matchAll(unquotedCommand)]
        .filter(([, tag]) => tag !== 'shellLine')
        .map(([text]) => `${file}: ${text}`),
    );
  expect(unquoted).toEqual([]);
  expect(['`moonbit-registry explain $', '{module}`'].join('')).toMatch(unquotedCommand);
});
