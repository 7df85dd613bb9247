import type { Answer, ProblemAnswer } from '../http/answer.ts';
import { decodePath } from '../http/target.ts';
import { type Access, type Caller, type GuardedRoute, type Need, readsAll } from './access.ts';
import { undecodable } from './problems.ts';

/**
 * Other indexes of the same registry, each below a name of its own in front of the usual paths: `/at/2026-11-27/git/index`. Of each
 * kind there may be any number, so nothing is kept of one that nobody uses.
 */
export interface EditionKind {
  /** What the paths of all of them begin with: `/at/`. */
  readonly root: string;
  /** What it takes to be told of one of them at all, or that there is none. Asked before it is opened. */
  need(name: string): Need;
  open(name: string): Promise<Edition | ProblemAnswer>;
}

export interface Edition {
  readonly kind: 'edition';
  /** Of paths behind the name. The first that matches answers; none of the whole registry's does. */
  readonly routes: readonly GuardedRoute[];
  /** What it takes to be answered by any of the routes, instead of what they say. */
  readonly need?: (() => Need) | undefined;
  /** What is told of it otherwise than of the whole registry, to whoever was answered by such a route. */
  readonly finish?: ((route: GuardedRoute, answer: Answer) => Answer) | undefined;
}

/** Which edition a path is about. */
interface EditionPath {
  readonly edition: EditionKind;
  /** Decoded; `undefined` where it cannot be. */
  readonly name: string | undefined;
  /** What stands in front of the path of each of its routes, as sent: `/at/2026-11-27`. */
  readonly mark: string;
  /** What follows, with its leading slash. */
  readonly path: string;
}

/** `path` as in `AppRequest`; `undefined` where it is about the whole registry. */
export function splitEdition(path: string, kinds: readonly EditionKind[]): EditionPath | undefined {
  const edition = kinds.find(({ root }) => path.startsWith(root));
  if (!edition) return undefined;
  const end = path.indexOf('/', edition.root.length);
  const mark = end < 0 ? path : path.slice(0, end);
  const rest = path.slice(mark.length).replace(/^\/+/, '');
  return { edition, name: decodePath(mark.slice(edition.root.length)), mark, path: `/${rest}` };
}

/** The routes that a path is for, and the path as they know it. */
interface Place extends Pick<Edition, 'routes' | 'need' | 'finish'> {
  readonly kind: 'place';
  readonly path: string;
}

interface Places {
  readonly access: Pick<Access, 'judge'>;
  /** Of the whole registry. */
  readonly routes: readonly GuardedRoute[];
  readonly editions: readonly EditionKind[];
}

/** Who may not read an edition does not learn whether there is one. `path` as in `AppRequest`. */
export async function findPlace(
  path: string,
  { access, routes, editions }: Places,
  caller: Caller,
): Promise<Place | ProblemAnswer> {
  const split = splitEdition(path, editions);
  if (!split) return { kind: 'place', routes, path };
  const { edition, name } = split;
  const barred = access.judge(caller, name === undefined ? readsAll : edition.need(name));
  if (barred) return barred;
  if (name === undefined) return undecodable();
  const opened = await edition.open(name);
  return opened.kind === 'problem' ? opened : { ...opened, kind: 'place', path: split.path };
}
