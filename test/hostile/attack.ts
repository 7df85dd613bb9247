import type { Random } from '../worlds/random.ts';
import type { HostileHost } from './host.ts';

/** Whom the source aims at. */
export interface Target {
  /** Modules of the honest sources that are served. */
  readonly known: readonly string[];
  /** Names that the honest sources publish meanwhile, for the first time. */
  readonly fresh: readonly string[];
}

/** One thing that a hostile source does, from the moment it is applied until the host is calm again. */
export interface Attack {
  /** What it is, for the message of a failure: `trees: unsorted`. */
  readonly name: string;
  apply(host: HostileHost): void;
  /** Modules of its own whose file as a whole is rubbish now: what was served of them stays. */
  readonly breaks?: readonly string[];
  /** Takes the time of a limit of ours. */
  readonly isSlow?: boolean;
  /** Only over HTTP. */
  readonly needsHttp?: boolean;
}

/** Makes attacks of one kind. */
export type Channel = (random: Random, target: Target) => Attack;

export function oneOf<T>(random: Random, items: readonly T[]): T {
  const item = items[random.below(items.length)];
  if (item === undefined) throw new TypeError('nothing to choose from');
  return item;
}

/** Some of them, in their order. */
export function someOf<T>(random: Random, items: readonly T[], count: number): T[] {
  const left = [...items.keys()];
  const chosen = new Set<number>();
  while (chosen.size < count && left.length > 0)
    chosen.add(left.splice(random.below(left.length), 1)[0] ?? 0);
  return items.filter((_, at) => chosen.has(at));
}

export function shuffled<T>(random: Random, items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, key: random.next() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
}
