import { createRandom } from './random.ts';

/** What is special about the module at a position of a generated world, if anything. */
export type Oddity =
  | 'build-versions'
  | 'nested'
  | 'dotted'
  | 'cjk'
  | 'emoji'
  | 'case-pair'
  | 'separator-twin'
  | 'leading-digit'
  | 'one-letter'
  | 'major-in-name'
  | 'unknown-keys'
  | 'odd-dependency'
  | 'bin-dependency'
  | 'prereleases';

export interface NamedPosition {
  readonly name: string;
  readonly oddity: Oddity | undefined;
}

/** Each block of this many modules has one of every oddity, at its beginning: small worlds have them all too. */
const blockLength = 400;
const oddNames: readonly (readonly [Oddity, string])[] = [
  ['nested', 'tree-kit'],
  ['nested', 'tree-kit/cli'],
  ['nested', 'tree-kit/cli/args'],
  ['dotted', 'prompt.mbt'],
  ['cjk', '数据结构'],
  ['emoji', '🦊'],
  ['case-pair', 'Matrix'],
  ['case-pair', 'matrix'],
  ['separator-twin', 'ring_buffer'],
  ['separator-twin', 'ring-buffer'],
  ['leading-digit', '2048'],
  ['one-letter', 'q'],
  ['major-in-name', 'router/v2'],
];
const oddContents: readonly Oddity[] = ['unknown-keys', 'odd-dependency', 'bin-dependency', 'prereleases'];

/** The module at `position` (from 0) of the world of `seed` with so many `modules`; no two have the same name. */
export function namePosition(seed: string | number, position: number, modules: number): NamedPosition {
  if (position === 0) return { name: 'moonbitlang/core', oddity: 'build-versions' };
  const block = Math.floor(position / blockLength);
  const place = position % blockLength;
  const odd = oddNames[place - 1];
  if (odd) {
    const [oddity, rest] = odd;
    return { name: `${ownerName(block * 7 + 3)}/${numberBlock(rest, block)}`, oddity };
  }
  const owner = place % 20 === 0 ? 'moonbitlang' : ownerAt(seed, position, modules);
  const oddity = place > oddNames.length ? oddContents[(place % 100) - oddNames.length - 1] : undefined;
  return { name: `${owner}/${ordinaryName(seed, position)}`, oddity };
}

/** The block's number goes into the first part, so that nested names stay together. */
function numberBlock(rest: string, block: number): string {
  if (block === 0) return rest;
  const [first = '', ...others] = rest.split('/');
  return [first.replace(/(\.mbt)?$/, `${block + 1}$1`), ...others].join('/');
}

/** Few owners have many modules, as on the official registry: 226 owners of 887 modules. */
function ownerAt(seed: string | number, position: number, modules: number): string {
  const owners = Math.ceil(modules / 4);
  return ownerName(Math.floor(owners * createRandom(seed, 'owner', position).next() ** 2));
}

function ownerName(rank: number): string {
  const given = givenNames[rank % givenNames.length] ?? '';
  const round = Math.floor(rank / givenNames.length);
  const trade = round === 0 ? '' : (trades[(round - 1) % trades.length] ?? '');
  const number = Math.floor(Math.max(round - 1, 0) / trades.length) || '';
  const name = `${given}${trade}${number}`;
  return rank % 5 === 1 ? capitalize(name) : name;
}

/** Two words joined in the fashion of the module's author, and a number once all pairs are taken. */
function ordinaryName(seed: string | number, position: number): string {
  const pairs = subjects.length * kinds.length;
  // 101 has no common divisor with the number of pairs: the walk meets every pair once.
  const pair = (position * 101) % pairs;
  const subject = subjects[pair % subjects.length] ?? '';
  const kind = kinds[Math.floor(pair / subjects.length)] ?? '';
  const number = Math.floor(position / pairs) || '';
  const fashion = createRandom(seed, 'fashion', position).below(10);
  if (fashion < 2) return `${capitalize(subject)}${capitalize(kind)}${number}`;
  return `${subject}${fashion < 5 ? '_' : '-'}${kind}${number}`;
}

function capitalize(word: string): string {
  return `${word.charAt(0).toUpperCase()}${word.slice(1)}`;
}

const givenNames =
  'ada bo cleo dmitri eun fatima goran hana ines jun kofi lin mei nadia omar priya quang rosa sven tao uma vera wei ximena yuki zane arlo birgit chidi dara'.split(
    ' ',
  );
const trades = 'smith weaver baker pilot potter fisher mason tanner miller carter wright fletcher'.split(' ');
const subjects =
  'json yaml toml csv html markdown regex unicode date color image audio video font math matrix graph tree queue cache http dns mail socket terminal console logger config template parser'.split(
    ' ',
  );
const kinds = 'kit core utils lite tools engine reader writer builder runner bridge codec'.split(' ');
