import { createGitObjectReader, findTree, type GitObjectReader } from '../support/git/git-objects.ts';
import { confirmAbsence } from './confirm-absence.ts';
import { inRepository } from './in-repository.ts';
import { diffTrees, listFiles } from './index-trees.ts';

/** What reading an object of unknown size gave. */
export type BoundedRead =
  | { readonly kind: 'read'; readonly bytes: Buffer }
  | { readonly kind: 'too-large'; readonly sizeBytes: number }
  | { readonly kind: 'missing' };

/** Reads what the index has. Rejects with `StorageError` where something is lost that should be there. */
export interface IndexObjects {
  /** Every file below a tree-ish, by path: object ids. Empty where there is no such tree. */
  list(treeish: string): Promise<Map<string, string>>;
  /** Paths that differ between two trees, with the file's id in the second; `undefined` where it has no file there. */
  diff(from: string, to: string): Promise<ReadonlyMap<string, string | undefined>>;
  /** The id of the file at a path; `undefined` if there is none. */
  identify(treeish: string, path: string): Promise<string | undefined>;
  read(name: string): Promise<Buffer | undefined>;
  /** Size and type of an object, without reading it; `undefined` where there is none. */
  measure(
    name: string,
  ): Promise<{ readonly id: string; readonly sizeBytes: number; readonly type: string } | undefined>;
  /** As `read`, of an object that is no larger than `maxBytes`: its size is asked first. */
  readBounded(id: string, maxBytes: number): Promise<BoundedRead>;
  /** The tree of any commit; `undefined` where it is not all here, whatever the reason. */
  treeOf(commit: string): Promise<string | undefined>;
  close(): void;
}

type Variables = () => Readonly<Record<string, string>>;

/** `variables` are added to git's environment: another place of the objects. */
export function createIndexObjects(directory: string, variables: Variables): IndexObjects {
  const reader = createFreshReader(directory, variables);

  async function ask<T>(name: string, askFor: (objects: GitObjectReader) => Promise<T | undefined>) {
    const objects = reader.current();
    const work = askFor(objects).then(async (object) => object ?? confirmAbsence(objects, directory, name));
    try {
      return (await inRepository(directory, `read ${name}`, work)) ?? undefined;
    } catch (error) {
      reader.renew(objects);
      throw error;
    }
  }

  async function read(name: string): Promise<Buffer | undefined> {
    return (await ask(name, (objects) => objects.read(name)))?.content;
  }

  const measure = (name: string) => ask(name, (objects) => objects.identify(name));

  return {
    read,
    measure,
    async readBounded(id, maxBytes) {
      const facts = await measure(id);
      if (facts === undefined) return { kind: 'missing' };
      if (facts.sizeBytes > maxBytes) return { kind: 'too-large', sizeBytes: facts.sizeBytes };
      const bytes = await read(id);
      return bytes === undefined ? { kind: 'missing' } : { kind: 'read', bytes };
    },
    async list(treeish) {
      const tree = await measure(treeish);
      const listing = tree ? listFiles(directory, tree.id, variables()) : new Map<string, string>();
      return inRepository(directory, `list ${treeish}`, Promise.resolve(listing));
    },
    diff: rememberDiffs(directory, variables),
    async identify(treeish, path) {
      const object = await measure(`${treeish}:${path}`);
      return object?.type === 'blob' ? object.id : undefined;
    },
    treeOf: (commit) => findTree(reader.current(), commit),
    close: () => reader.close(),
  };
}

/** A reader of objects, begun anew where they are read from elsewhere since: git looks at its variables but once. */
function createFreshReader(directory: string, variables: Variables) {
  let place = variables();
  let reader = createGitObjectReader(directory, place);
  let isClosed = false;
  return {
    current(): GitObjectReader {
      const now = variables();
      if (now.GIT_OBJECT_DIRECTORY !== place.GIT_OBJECT_DIRECTORY) {
        reader.close();
        place = now;
        reader = createGitObjectReader(directory, place);
      }
      return reader;
    },
    /** A git that has met damage may go on as if it were still there. */
    renew(failed: GitObjectReader): void {
      if (isClosed || failed !== reader) return;
      reader.close();
      reader = createGitObjectReader(directory, place);
    },
    close() {
      isClosed = true;
      reader.close();
    },
  };
}

const maxRememberedDiffs = 16;

/** A sync compares the same two trees more than once, and in a large index that takes git a while. */
function rememberDiffs(directory: string, variables: Variables): IndexObjects['diff'] {
  const known = new Map<string, ReturnType<IndexObjects['diff']>>();
  return (from, to) => {
    const key = `${from} ${to}`;
    const before = known.get(key);
    if (before) return before;
    const work = inRepository(
      directory,
      `compare ${from} and ${to}`,
      diffTrees(directory, from, to, variables()),
    );
    if (known.size >= maxRememberedDiffs) known.clear();
    known.set(key, work);
    work.catch(() => known.delete(key));
    return work;
  };
}
