import type { Random } from './random.ts';
import type { NamedPosition } from './world-names.ts';

/**
 * The keys of a module's index lines that no client reads, as often as on the official registry
 * (moon-protocol §2.4): web metadata, build settings, and keys that nobody knows.
 */
export function createManifest(random: Random, { name, oddity }: NamedPosition): Record<string, unknown> {
  const repository = `https://github.com/${encodeURI(name.split('/').slice(0, 2).join('/'))}`;
  const all: readonly (readonly [share: number, key: string, value: () => unknown])[] = [
    [0.94, 'readme', () => random.pick(['README.md', 'README.md', 'README.mbt.md'])],
    [0.97, 'repository', () => repository],
    [
      0.985,
      'license',
      () => random.pick(['Apache-2.0', 'Apache-2.0', 'Apache-2.0', 'MIT', 'MIT', 'MulanPSL-2.0']),
    ],
    [0.946, 'keywords', () => pickWords(random, random.pick([0, 1, 2, 3, 4, 5, 5]))],
    [0.92, 'description', () => describe(random)],
    [0.42, 'source', () => 'src'],
    [0.15, 'preferred-target', () => random.pick(['wasm-gc', 'js', 'native'])],
    [0.045, 'exclude', () => ['target', '.mooncakes', 'examples']],
    [0.03, 'include', () => ['src', 'moon.mod.json', 'README.md']],
    [0.03, 'warn-list', () => random.pick(['-29', '-1-2-28', '+a-31'])],
    [0.0175, 'scripts', () => ({ postadd: random.pick(['python3 build.py', 'node scripts/prepare.js']) })],
    [0.0085, 'alert-list', () => '-alert_unstable'],
    [0.007, 'homepage', () => `${repository}#readme`],
    [0.007, 'targets', () => ({ 'only-js': ['js'], 'only-wasm': ['wasm', 'wasm-gc'] })],
    [0.0045, '--moonbit-unstable-prebuild', () => 'build.js'],
    [0.002, 'authors', () => ['Ada <ada@example.com>', '林']],
    [0.002, 'supported-targets', () => ['js', 'native']],
  ];
  const kept = all.filter(([share]) => random.chance(share)).map(([, key, value]) => [key, value()] as const);
  const unknown =
    oddity === 'unknown-keys'
      ? { 'x-team': { lead: null, size: 1.5, 'on call': [true, []] }, deprecated: 'use 🦊' }
      : {};
  return { ...Object.fromEntries(kept), ...unknown };
}

function describe(random: Random): string {
  const sentence = pickWords(random, 4 + random.below(5)).join(' ');
  const text = `${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}`;
  if (random.chance(0.03)) return `✨ ${text}`;
  if (random.chance(0.03)) return `${text}：月兔的${random.pick(['解析器', '数学库', '工具箱'])}`;
  return random.chance(0.3) ? `${text}.` : text;
}

function pickWords(random: Random, count: number): string[] {
  return Array.from({ length: count }, () => random.pick(words));
}

const words: readonly [string, ...string[]] = [
  'moonbit',
  'library',
  'fast',
  'simple',
  'parser',
  'bindings',
  'for',
  'with',
  'and',
  'typed',
  'streaming',
  'collections',
  'algorithms',
  'terminal',
  'generator',
  'wasm',
  'graphics',
  'portable',
  'numeric',
  'encoding',
  'compression',
  'protocol',
  'client',
  'validation',
  'testing',
  'immutable',
];
