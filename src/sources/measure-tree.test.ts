import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { bombTree, indexTree, openRawRepository, type RawEntry } from '../../test/support/raw-repository.ts';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { createGitObjectReader } from '../support/git/git-objects.ts';
import { measureTree } from './measure-tree.ts';

const limits = { modules: 1000, listingBytes: 1_000_000 };

function open() {
  const repository = openRawRepository(join(temporaryDirectory(), 'raw.git'));
  const reader = createGitObjectReader(repository.gitDir);
  onTestFinished(() => reader.kill());
  const leaf: RawEntry[] = [{ mode: '100644', name: 'x.index', id: repository.blob('x') }];
  const measure = (tree: string, more: Partial<typeof limits> = {}) =>
    measureTree({ measure: reader.identify, read: async (id) => (await reader.read(id))?.content }, tree, {
      ...limits,
      ...more,
    });
  return { repository, leaf, measure };
}

test('an index is what its files come to, each object once', async () => {
  const { repository, measure } = open();
  const measured = await measure(indexTree(repository, { 'a/b': 'one', 'a/c': 'one', 'd/e': 'two' }));
  if (measured.kind === 'refused') throw new Error(measured.reason);
  expect(measured.indexFiles).toBe(3);
  expect(measured.blobs.size).toBe(2);
  expect(measured.trees.size).toBe(4);
});

test('index files count where they stand and however often the same folder stands there', async () => {
  const { repository, leaf, measure } = open();
  const three = bombTree(repository, 1, 3, leaf);
  expect(await measure(three, { modules: 3 })).toMatchObject({ kind: 'measured', indexFiles: 3 });
  expect(await measure(three, { modules: 2 })).toEqual({
    kind: 'refused',
    reason: 'lists more than 2 modules (limits.modules)',
  });
  const elsewhere = repository.tree([{ mode: '40000', name: 'other', id: three }]);
  expect(await measure(elsewhere, { modules: 2 })).toMatchObject({ kind: 'measured', indexFiles: 0 });
});

test.each([
  ['files', 20, 64, true],
  ['folders alone', 20, 64, false],
  ['two folders a level', 60, 2, true],
  ['many folders a level', 2, 1000, true],
])('a bomb of %s is refused without being expanded', async (_, levels, width, hasFiles) => {
  const { repository, leaf, measure } = open();
  const tree = bombTree(repository, levels, width, hasFiles ? leaf : []);
  expect(await measure(tree)).toMatchObject({
    kind: 'refused',
    reason: expect.stringContaining('listing_bytes'),
  });
});

test('a folder that stands at many depths is as deep as its longest path', async () => {
  const { repository, leaf, measure } = open();
  let tree = repository.tree(leaf);
  const all = [tree];
  for (let depth = 0; depth < 500; depth++) {
    tree = repository.tree([{ mode: '40000', name: 'd', id: tree }]);
    all.push(tree);
  }
  const shortcuts = all.map((id, position) => ({
    mode: '40000',
    name: String(position).padStart(4, '0'),
    id,
  }));
  expect(await measure(tree)).toMatchObject({ reason: expect.stringContaining('64 folders') });
  expect(await measure(repository.tree(shortcuts))).toMatchObject({
    reason: expect.stringContaining('64 folders'),
  });
});

test('a folder larger than all that may be listed is not read', async () => {
  const { repository, measure } = open();
  const tree = repository.treeOf(Buffer.alloc(2_000_000, '0'));
  expect(await measure(tree)).toMatchObject({ reason: expect.stringContaining('listing_bytes') });
});

test('what is not well formed is named', async () => {
  const { repository, leaf, measure } = open();
  const [entry] = leaf as [RawEntry];
  const tree = repository.tree([entry, { ...entry, name: 'a.index' }]);
  const root = repository.tree([{ mode: '40000', name: 'user', id: tree }]);
  expect(await measure(root)).toEqual({
    kind: 'refused',
    reason: `is not well formed: the tree ${tree.slice(0, 10)} has its entries out of order`,
  });
});

test('what is not here is told apart', async () => {
  const { repository, leaf, measure } = open();
  const root = repository.tree([{ mode: '40000', name: 'user', id: '1'.repeat(40) }]);
  expect(await measure(root)).toMatchObject({ kind: 'refused', isMissing: true });
  const blob = repository.tree([{ mode: '40000', name: 'user', id: leaf[0]?.id ?? '' }]);
  expect(await measure(blob)).toMatchObject({ reason: expect.stringContaining('names the blob') });
});
