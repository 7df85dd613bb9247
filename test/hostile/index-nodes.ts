import { formatIndexLine } from '../../src/demo/index-line.ts';
import type { RawEntry, RawRepository } from '../support/raw-repository.ts';

/** What stands in a folder of a git tree, in the order in which it shall stand there; nothing is checked. */
export type Node = {
  readonly name: string | Buffer;
  /** Octal digits; by default what is usual. */
  readonly mode?: string;
} & (
  | { readonly content: string | Buffer }
  | { readonly nodes: readonly Node[] }
  /** An object that is there, or is not. */
  | { readonly id: string }
);

/** Writes a tree and all below it; returns its id. */
export function writeNodes(repository: RawRepository, nodes: readonly Node[]): string {
  return repository.tree(nodes.map((node) => toEntry(repository, node)));
}

function toEntry(repository: RawRepository, node: Node): RawEntry {
  if ('id' in node) return { mode: node.mode ?? '100644', name: node.name, id: node.id };
  if ('nodes' in node)
    return { mode: node.mode ?? '40000', name: node.name, id: writeNodes(repository, node.nodes) };
  return { mode: node.mode ?? '100644', name: node.name, id: repository.blob(node.content) };
}

/** An index of these files, each at `user/MODULE.index`, in git's order. */
export function nodesOf(files: ReadonlyMap<string, string | Buffer>): Node[] {
  return [
    { name: 'user', nodes: foldersOf([...files].map(([module, content]) => [`${module}.index`, content])) },
  ];
}

function foldersOf(files: readonly (readonly [string, string | Buffer])[]): Node[] {
  const folders = new Map<string, (readonly [string, string | Buffer])[]>();
  const nodes: Node[] = [];
  for (const [path, content] of files) {
    const slash = path.indexOf('/');
    if (slash < 0) nodes.push({ name: path, content });
    else {
      const folder = path.slice(0, slash);
      folders.set(folder, [...(folders.get(folder) ?? []), [path.slice(slash + 1), content]]);
    }
  }
  for (const [name, inside] of folders) nodes.push({ name, nodes: foldersOf(inside) });
  return nodes.sort((a, b) => Buffer.compare(sortKey(a), sortKey(b)));
}

/** git sorts folders as if their names ended with a slash. */
function sortKey(node: Node): Buffer {
  return Buffer.concat([Buffer.from(node.name), Buffer.from('nodes' in node ? '/' : '')]);
}

/** Adds nodes to those of the folder at `path`, which must be there, at its end. */
export function withNodes(nodes: readonly Node[], path: readonly string[], added: readonly Node[]): Node[] {
  const [first, ...rest] = path;
  if (first === undefined) return [...nodes, ...added];
  return nodes.map((node) =>
    node.name === first && 'nodes' in node ? { ...node, nodes: withNodes(node.nodes, rest, added) } : node,
  );
}

/** The names of modules that a client might find there. */
export function listedNames(nodes: readonly Node[], prefix = ''): string[] {
  return nodes.flatMap((node) => {
    const path = `${prefix}${node.name.toString()}`;
    return 'nodes' in node
      ? listedNames(node.nodes, `${path}/`)
      : [path.replace(/^user\//, '').replace(/\.index$/, '')];
  });
}

/** Coarser than any rule of ours: names that are different here are different for everybody. */
export function foldedName(name: string): string {
  return name
    .normalize('NFKD')
    .replace(/[\p{Default_Ignorable_Code_Point}\p{M}]/gu, '')
    .toLowerCase();
}

export function indexLine(
  module: string,
  version: string,
  fields: Readonly<Record<string, unknown>>,
): string {
  return formatIndexLine({ name: module, version, ...fields });
}
