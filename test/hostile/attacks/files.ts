/** Files of an index that are no such files, and lines that are no such lines. */

import { unsafeText } from '../../support/hostile-speaker.ts';
import type { Random } from '../../worlds/random.ts';
import { type Attack, type Channel, oneOf, someOf } from '../attack.ts';
import type { HostileHost } from '../host.ts';
import { nodesOf } from '../index-nodes.ts';

type File = string | Buffer;

const megabyte = 1024 * 1024;

/** What nobody can read a version of. */
const rubbish: Readonly<Record<string, (random: Random, before: string) => File>> = {
  empty: () => '',
  zeros: (random) => Buffer.alloc(oneOf(random, [1, 4096, megabyte, 17 * megabyte, 40 * megabyte])),
  'a web page': () => '<!doctype html>\n<title>502 Bad Gateway</title>\n<h1>zebra-quagga</h1>\n',
  noise: (random) => Buffer.from(random.hex(2 * (1 + random.below(20_000))), 'hex'),
  'blank lines': (random) => oneOf(random, ['\n', ' \n', '\t\r\n', '\r\n']).repeat(1 + random.below(125_000)),
  'UTF-16': (_, before) => Buffer.from(`\ufeff${before}`, 'utf16le'),
  'one line without end': (random) => `{"x":"${'x'.repeat(oneOf(random, [1000, megabyte, 17 * megabyte]))}`,
  'half a line': (_, before) => before.slice(0, 20),
  'a link to it': () => '../../../../etc/passwd',
  'what git lfs leaves': () =>
    `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 1\n`,
  'marks of a merge': (_, before) => `<<<<<<< HEAD\n${before.slice(0, 10)}\n=======\n>>>>>>> zebra-quagga\n`,
};

/** Own files that cannot be read: nothing of them may go. */
export const brokenFiles: Channel = (random): Attack => {
  const what = oneOf(random, Object.keys(rubbish));
  const breaks = someOf(random, ['evil/tool', 'evil/kit', 'evil/deep/nested'], 1 + random.below(2));
  return {
    name: `files: ${what} in ${breaks.join(', ')}`,
    breaks,
    apply(host) {
      const files = new Map<string, File>(host.ownFiles);
      for (const module of breaks)
        files.set(module, rubbish[what]?.(random, host.ownFiles.get(module) ?? '') ?? '');
      host.put(nodesOf(files));
    },
  };
};

const loneSurrogate = '\\ud800';
const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
const nestedObjects = (depth: number) => '{"x":'.repeat(depth) + 1 + '}'.repeat(depth);

/** JSON text for any field. */
const oddValues: readonly string[] = [
  'null',
  'true',
  '0',
  '-0',
  '1e999',
  'NaN',
  '123456789012345678901234567890',
  '""',
  '" "',
  `"${loneSurrogate}"`,
  '"\\u0000"',
  '"\\u202e\\u0007\\u009b"',
  '[]',
  '{}',
  '[1]',
  '{"__proto__":{"x":1}}',
  nested(70),
  nested(5000),
  nestedObjects(5000),
  `"${'x'.repeat(70_000)}"`,
  JSON.stringify(unsafeText),
];
const oddVersions: readonly string[] = [
  ...[
    '1',
    '1.0',
    'v1.0.0',
    '1.0.0 ',
    ' 1.0.0',
    '01.0.0',
    '1.0.0-',
    '1.0.0-01',
    '1.0.0+',
    '1.0.0-a..b',
    '../../x',
  ],
  ...[
    '99999999999999999999.0.0',
    '18446744073709551615.0.0',
    '1.0.0-\u212a',
    '1.0.0/../../x',
    '1.0.0\u0000',
    '*',
    '^1.0.0',
  ],
  `1.0.0-${'x'.repeat(300)}`,
  '1.0.0+build.1',
].map((version) => JSON.stringify(version));
const oddChecksums: readonly string[] = [
  ...[
    '',
    'A'.repeat(64),
    'a'.repeat(63),
    'a'.repeat(65),
    'g'.repeat(64),
    '../'.repeat(21),
    `sha256:${'a'.repeat(64)}`,
  ],
].map((checksum) => JSON.stringify(checksum));

function oddDeps(random: Random, names: readonly string[]): string {
  const name = oneOf(random, names);
  const forms = [
    `{"x/y":${nested(5000)}}`,
    `{"${name}":"1.0.0"}`,
    `{"${name}":"99.0.0","${name}":"1.0.0"}`,
    `{"${name}":{"version":"1.0.0","path":"/etc"}}`,
    `{"${name}":{"git":"ext::sh"}}`,
    `{"${name}":null}`,
    `{"${name}":"^1.0.0"}`,
    `{"${name}":${loneSurrogate}}`,
    `{"__proto__":"1.0.0","constructor":"1.0.0"}`,
    `{"":""}`,
    `{"${name}\\u0000":"1.0.0"}`,
    `{${Array.from({ length: 3000 }, (_, at) => `"x/m${at}":"1.0.0"`).join(',')}}`,
    '[]',
    '"x"',
    '{',
  ];
  return oneOf(random, forms);
}

/** A good line as its fields, each JSON text; fields may repeat. */
type Fields = [string, string][];

function mutateFields(random: Random, fields: Fields, names: readonly string[]): Fields {
  const at = random.below(fields.length);
  const [key = ''] = fields[at] ?? [];
  const value = random.chance(0.5)
    ? oneOf(random, oddValues)
    : key === 'version'
      ? oneOf(random, oddVersions)
      : key === 'checksum'
        ? oneOf(random, oddChecksums)
        : oddDeps(random, names);
  const mutations: (() => Fields)[] = [
    () => fields.with(at, [key, value]),
    () => [...fields, [key, value]],
    () => [[key, value], ...fields],
    () => fields.toSpliced(at, 1),
    () => [
      ...fields,
      [oneOf(random, ['deps', 'bin-deps', 'yanked', 'yanked_reason', 'x', '__proto__', 'name']), value],
    ],
    () => [...fields, ['deps', oddDeps(random, names)]],
    () => [...fields, ['bin-deps', oddDeps(random, names)]],
    () => [...fields, [loneSurrogate, value]],
    () => [...fields, ['description', JSON.stringify(unsafeText)]],
  ];
  return oneOf(random, mutations)();
}

function mutateText(random: Random, text: string): string {
  const at = random.below(text.length + 1);
  const piece = oneOf(random, [
    '"',
    '\\',
    '{',
    '}',
    ',',
    '\n',
    '\r',
    '\0',
    '\ufeff',
    '//',
    '/**/',
    '\u2028',
    '#',
    '\ud800',
  ]);
  const end = Math.min(text.length, at + random.below(12));
  return oneOf(random, [
    () => text.slice(0, at) + piece + text.slice(at),
    () => text.slice(0, at) + text.slice(end),
    () => text.slice(0, at),
    () => text.slice(0, at) + text.slice(at, end).repeat(2) + text.slice(end),
    () => `\ufeff${text}`,
    () => ` ${text} `,
    () => text.repeat(2),
  ])();
}

function mutatedLine(random: Random, line: string, names: readonly string[]): string {
  let fields: Fields = Object.entries(JSON.parse(line)).map(([key, value]) => [key, JSON.stringify(value)]);
  for (let round = 1 + random.below(3); round > 0 && fields.length > 0; round--)
    fields = mutateFields(random, fields, names);
  const text = `{${fields.map(([key, value]) => `"${key}":${value}`).join(',')}}`;
  return random.chance(0.3) ? mutateText(random, text) : text;
}

function writeLines(host: HostileHost, random: Random, names: readonly string[]): void {
  const files = new Map<string, File>();
  for (const [module, file] of host.ownFiles) {
    const lines = file.trimEnd().split('\n');
    const made = lines.flatMap((line) => {
      const odd = mutatedLine(random, line, names);
      return oneOf(random, [[line], [odd], [line, odd], [odd, line], [line, '', odd], [line, line]]);
    });
    files.set(module, `${made.join('\n')}${oneOf(random, ['\n', '', '\r\n', '\n\n\n'])}`);
  }
  const one = host.ownFiles.get('evil/kit')?.trimEnd() ?? '{}';
  for (const name of someOf(random, names, random.below(3))) files.set(name, mutatedLine(random, one, names));
  host.put(nodesOf(files));
}

/** Lines changed in every way, for its own modules and for those of others. */
export const lines: Channel = (random, { known, fresh }): Attack => ({
  name: 'files: changed lines',
  apply: (host) => writeLines(host, random, [...known, ...fresh]),
});

/** Other requirements, or other bytes, for versions that are served. */
export const pinned: Channel = (random, { known, fresh }): Attack => {
  const what = oneOf(random, ['requirements', 'checksum', 'both']);
  return {
    name: `files: other ${what} of served versions`,
    apply(host) {
      const files = new Map<string, File>();
      for (const [module, file] of host.ownFiles) {
        const made = file
          .trimEnd()
          .split('\n')
          .map((line) => {
            const fields = JSON.parse(line);
            if (what !== 'checksum') fields.deps = { [oneOf(random, [...known, ...fresh])]: '1.0.0' };
            if (what !== 'requirements') fields.checksum = random.hex(64);
            return JSON.stringify(fields);
          });
        files.set(module, `${made.join('\n')}\n`);
      }
      host.put(nodesOf(files));
    },
  };
};
