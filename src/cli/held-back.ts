/** The one place that words which names are not served yet because a source was not read, and what to run. */
import type { AwaitedSource, HeldBack } from '../registry/sync/held-back.ts';
import { toVisibleLine } from '../support/visible-text.ts';
import { count } from './format.ts';

/** So many names are told one by one. */
const fewNames = 3;

/** One line for names that wait for the same, with their number and the reason. */
export function describeHeldBack({ kind, names, examples, waitsFor }: HeldBack): string {
  const which = names <= fewNames ? ` (${examples.join(', ')})` : '';
  const subject = `${count(names, kind === 'new' ? 'new name' : 'served module')}${which}`;
  if (waitsFor.length === 0) return line(`${subject} ${names === 1 ? 'is' : 'are'} decided by the next sync`);
  const sources = waitsFor.map(({ source }) => `"${source}"`).join(' and ');
  const until = `until source${waitsFor.length === 1 ? '' : 's'} ${sources} ${waitsFor.length === 1 ? 'is' : 'are'} read`;
  const what =
    kind === 'new'
      ? `${names === 1 ? 'is' : 'are'} held back ${until}`
      : `${names === 1 ? 'gets' : 'get'} no new versions ${until}, which ${waitsFor.length === 1 ? 'claims' : 'claim'} ${names === 1 ? 'it' : 'them'}`;
  return line(`${subject} ${what}: ${describeReasons(waitsFor)}`);
}

function describeReasons(sources: readonly AwaitedSource[]): string {
  const reasons = new Set(sources.map(({ failure }) => describeReason(failure)));
  if (reasons.size === 1) return [...reasons].join();
  return sources.map(({ source, failure }) => `${source}: ${describeReason(failure)}`).join('; ');
}

/** Why a source could not be read, in a text that names the source: its address need not stand there as well. */
export function describeReason(failure: string): string {
  return failure.replace(/^https?:\/\/\S+: /, '');
}

/** A line for each set of sources that names wait for, and below them what to run; nothing where nothing waits. */
export function formatHeldBack(heldBack: readonly HeldBack[]): string[] {
  const waiting = heldBack.filter(({ waitsFor }) => waitsFor.length > 0);
  const awaited = new Map(waiting.flatMap(({ waitsFor }) => waitsFor.map((one) => [one.source, one])));
  const next = heldBack.filter(({ waitsFor }) => waitsFor.length === 0);
  return [
    ...waiting.map(describeHeldBack),
    ...[...awaited.values()].flatMap(adviseOn).map(toCommandLine),
    ...next.flatMap((group) => [
      describeHeldBack(group),
      toCommandLine(['sync', 'reads all sources, and decides']),
    ]),
  ];
}

/** All that waits, in one line at most. */
export function summariseHeldBack(heldBack: readonly HeldBack[]): string[] {
  if (heldBack.length <= 1) return heldBack.map(describeHeldBack);
  const names = heldBack.reduce((sum, group) => sum + group.names, 0);
  const sources = [...new Set(heldBack.flatMap(({ waitsFor }) => waitsFor.map(({ source }) => source)))];
  return [
    `${count(names, 'name')} are held back until ${sources.join(', ')} are read (moonbit-registry status)`,
  ];
}

/** Whether names wait for a source that is not current; what only the next sync decides waits for nothing. */
export function waitsForSources(heldBack: readonly HeldBack[]): boolean {
  return heldBack.some(({ waitsFor }) => waitsFor.length > 0);
}

type Advice = readonly [words: string, what: string];

/** How to go on without a source, and how to keep it from holding back what is not its own. */
export function adviseOn({
  source,
  failureClass,
  claims,
}: Pick<AwaitedSource, 'source' | 'failureClass' | 'claims'>): Advice[] {
  const without: Advice = [`source disable ${source}`, 'go on without it'];
  if (failureClass === 'held') return [['sync', 'a second reading that agrees is taken'], without];
  if (claims)
    return [
      without,
      [`config sources.${source}.holds_new_names claimed`, 'or: hold back only what it claims'],
    ];
  return [
    without,
    [
      `config sources.${source}.namespaces "<owner>/*"`,
      'or: these names are its own, and it holds back no others',
    ],
  ];
}

/** A command to paste, indented below the line that calls for it. */
export function toCommandLine([words, what]: Advice): string {
  return `  $ moonbit-registry ${words}   (${what})`;
}

// Names and failures come from elsewhere.
function line(text: string): string {
  return toVisibleLine(text);
}
