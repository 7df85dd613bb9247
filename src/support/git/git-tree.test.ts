import { describe, expect, test } from 'vitest';
import { checkTree, formatId, parseId, readTreeEntries, type TreeEntry } from './git-tree.ts';

const id = '12'.repeat(20);

function tree(...entries: readonly (readonly [mode: string, name: string])[]): Buffer {
  return Buffer.concat(
    entries.map(([mode, name]) => Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(id, 'hex')])),
  );
}

function read(content: Buffer) {
  const entries: TreeEntry[] = [];
  const problem = checkTree(content, (entry) => entries.push(entry));
  return { problem, entries: entries.map((entry) => ({ ...entry, id: formatId(entry.id) })) };
}

describe('a tree that git writes', () => {
  test.each([
    ['nothing at all', []],
    [
      'files, links and submodules',
      [
        ['100644', 'a'],
        ['100755', 'b'],
        ['120000', 'c'],
        ['160000', 'd'],
        ['40000', 'e'],
      ],
    ],
    [
      'a folder sorted as with a slash',
      [
        ['100644', 'a.b'],
        ['40000', 'a'],
        ['100644', 'a0'],
      ],
    ],
    [
      'a file that sorts before a longer name',
      [
        ['100644', 'a'],
        ['100644', 'a.b'],
      ],
    ],
    ['modes of a time before git 1.0', [['100664', 'a']]],
    [
      'names that only look like .git',
      [
        ['100644', '.gitignore'],
        ['40000', 'git'],
        ['40000', 'x.git'],
      ],
    ],
  ] as const)('is read: %s', (_, entries) => {
    expect(read(tree(...entries))).toEqual({
      problem: undefined,
      entries: entries.map(([mode, name]) => ({ mode, name, id })),
    });
  });

  test('names are bytes', () => {
    const content = Buffer.concat([Buffer.from('100644 '), Buffer.from([0xe9, 0]), Buffer.from(id, 'hex')]);
    expect(read(content)).toMatchObject({ problem: undefined, entries: [{ name: '\u00e9' }] });
  });
});

test('an id is the same in both forms', () => {
  expect(formatId(parseId('00ff'.repeat(10)))).toBe('00ff'.repeat(10));
});

describe('a tree that is not well formed', () => {
  test.each([
    [
      'out of order',
      [
        ['100644', 'b'],
        ['100644', 'a'],
      ],
    ],
    [
      'out of order',
      [
        ['40000', 'a'],
        ['100644', 'a.b'],
      ],
    ],
    [
      'same name',
      [
        ['100644', 'a'],
        ['100644', 'a'],
      ],
    ],
    [
      'same name',
      [
        ['100644', 'a'],
        ['100644', 'a.b'],
        ['40000', 'a'],
      ],
    ],
    ['without a name', [['100644', '']]],
    ['slash', [['100644', 'a/b']]],
    ['named "."', [['40000', '.']]],
    ['named ".."', [['40000', '..']]],
    ['.git', [['40000', '.git']]],
    ['.git', [['40000', '.GIT']]],
    ['.git', [['40000', 'git~1']]],
    ['.git', [['40000', '.g\u200cit']]],
    ['.git', [['40000', '.git. .']]],
    ['unknown mode', [['040000', 'a']]],
    ['unknown mode', [['100600', 'a']]],
    ['unknown mode', [['0', 'a']]],
    ['unknown mode', [['', 'a']]],
  ] as const)('is refused: %s, %j', (reason, entries) => {
    expect(read(tree(...entries)).problem).toContain(reason);
  });

  test('is refused wherever it is cut short', () => {
    const whole = tree(['100644', 'a'], ['100644', 'b']);
    const first = tree(['100644', 'a']).length;
    for (let length = 1; length < whole.length; length++)
      expect(read(whole.subarray(0, length)).problem).toBe(length === first ? undefined : 'is cut short');
  });

  test('shows its names all the same, as far as there are some', () => {
    const content = Buffer.concat([tree(['100644', 'b'], ['100644', 'a']), Buffer.from('100644 c')]);
    expect([...readTreeEntries(content)].map(({ name }) => name)).toEqual(['b', 'a']);
  });
});
