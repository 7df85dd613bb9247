/** Trees that git would not write, or that stand for more than they are. */

import { bombTree } from '../../support/raw-repository.ts';
import type { Random } from '../../worlds/random.ts';
import { type Attack, type Channel, oneOf, shuffled, someOf } from '../attack.ts';
import type { HostileHost } from '../host.ts';
import { indexLine, type Node, nodesOf, withNodes } from '../index-nodes.ts';

const sum = 'b'.repeat(64);
const line = (module: string) => `${indexLine(module, '9.9.9', { checksum: sum })}\n`;

/** What it does to its index; returns the tree that it points to, or nothing where it has put nodes itself. */
type Deed = (host: HostileHost, random: Random, names: readonly string[]) => void;

function add(host: HostileHost, path: readonly string[], ...added: readonly Node[]): void {
  host.put(withNodes(nodesOf(host.ownFiles), path, added));
}

function pointToTree(host: HostileHost, tree: string): void {
  host.repository.commit(tree);
}

const modes = [
  '100755',
  '120000',
  '160000',
  '100664',
  '0100644',
  '40000',
  '040000',
  '0',
  '7',
  '777777',
  '99999999',
];

const oddNames: readonly (string | Buffer)[] = [
  Buffer.from([0xff, 0xfe, ...Buffer.from('.index')]),
  Buffer.from([...Buffer.from('x'), 0xc0, 0xaf, ...Buffer.from('.index')]),
  Buffer.from([...Buffer.from('x'), 0xed, 0xa0, 0x80, ...Buffer.from('.index')]),
  '..',
  '.',
  '.git',
  '.GIT',
  'git~1',
  '.g\u200cit',
  '.gitmodules',
  'a\\b.index',
  'a\nb.index',
  'a\tb.index',
  '\u001b[2J.index',
  '\u009b2J.index',
  'x\u202exedni.index',
  'x\u200b.index',
  'x\ufeff.index',
  'x\u{e0041}.index',
  'con.index',
  'aux.index',
  'x:y.index',
  'x*.index',
  '-rf.index',
  '__proto__.index',
  'constructor.index',
  '.index',
  ' .index',
  'x .index',
  `${'x'.repeat(300)}.index`,
  `${'x'.repeat(5000)}.index`,
  `${'é'.repeat(130)}.index`,
  '',
  'a/b.index',
];

/** Names that look like one on some disk. */
function lookAlikes(name: string): string[] {
  return [
    name.toUpperCase(),
    name.replace(/^[a-z]/, (letter) => letter.toUpperCase()),
    name.replace('k', '\u212a'),
    name.replace(/[a-z]/, (letter) => String.fromCharCode(letter.charCodeAt(0) + 0xfee0)),
    name.normalize('NFD').replace('e', 'e\u0301'),
    `${name}\u200d`,
  ];
}

const deeds: Readonly<Record<string, Deed>> = {
  unsorted(host, random) {
    const nodes = nodesOf(host.ownFiles).map((node) =>
      'nodes' in node ? { ...node, nodes: node.nodes.toReversed() } : node,
    );
    host.put(
      withNodes(nodes, ['user'], [{ name: 'aaa', nodes: [] }]).map((node) =>
        'nodes' in node ? { ...node, nodes: shuffled(random, node.nodes) } : node,
      ),
    );
  },
  'the same name twice': (host, random) => {
    const twin = oneOf(random, [line('evil/tool'), line('evil/tool'), '']);
    add(host, ['user', 'evil'], { name: 'tool.index', content: twin });
  },
  'a file and a folder of one name': (host) =>
    add(host, ['user', 'evil'], {
      name: 'tool.index',
      nodes: [{ name: 'x.index', content: line('evil/x') }],
    }),
  deep(host, random) {
    let nodes: Node[] = [{ name: 'x.index', content: line('evil/x') }];
    for (let depth = 0, end = 60 + random.below(400); depth < end; depth++) nodes = [{ name: 'd', nodes }];
    add(host, ['user', 'evil'], ...nodes);
  },
  'a bomb': (host, random) => {
    const leaf = [{ mode: '100644', name: 'x.index', id: host.repository.blob(line('evil/x')) }];
    pointToTree(host, bombTree(host.repository, 2 + random.below(12), 2 + random.below(60), leaf));
  },
  'a bomb of folders alone': (host, random) =>
    pointToTree(host, bombTree(host.repository, 5 + random.below(60), 2 + random.below(9), [])),
  'odd modes': (host, random) =>
    add(
      host,
      ['user', 'evil'],
      ...someOf(random, modes, 1 + random.below(3)).map((mode, at) => ({
        mode,
        name: `zz${at}.index`,
        content: line(`evil/zz${at}`),
      })),
    ),
  'a link': (host, random) =>
    add(host, ['user', 'evil'], {
      mode: '120000',
      name: 'zlink.index',
      content: oneOf(random, ['/etc/passwd', '../../../../etc/passwd', 'tool.index', '\0', 'x'.repeat(5000)]),
    }),
  'odd names': (host, random) =>
    add(
      host,
      oneOf(random, [['user', 'evil'], ['user'], []]),
      ...someOf(random, oddNames, 1 + random.below(4)).map((name) => ({ name, content: line('evil/x') })),
    ),
  'odd folders': (host, random) =>
    add(
      host,
      ['user'],
      ...someOf(random, oddNames, 1 + random.below(3)).map((name) => ({
        name,
        nodes: [{ name: 'x.index', content: line('evil/x') }],
      })),
    ),
  'look-alikes of the names of others': (host, random, names) => {
    const files = new Map<string, string | Buffer>(host.ownFiles);
    for (const name of someOf(random, names.flatMap(lookAlikes), 1 + random.below(6)))
      files.set(name, line(name));
    host.put(nodesOf(files));
  },
  'the names of others': (host, random, names) => {
    const files = new Map<string, string | Buffer>(host.ownFiles);
    for (const name of someOf(random, names, 1 + random.below(4))) files.set(name, line(name));
    host.put(nodesOf(files));
  },
  'an object that is missing': (host, random) =>
    add(host, ['user', 'evil'], {
      mode: oneOf(random, ['100644', '40000']),
      name: 'zz.index',
      id: random.hex(40),
    }),
  'a tree where a file should be': (host) =>
    add(host, ['user', 'evil'], { mode: '100644', name: 'zz.index', id: host.repository.tree([]) }),
  'a file where a tree should be': (host) =>
    add(host, ['user'], { mode: '40000', name: 'zz', id: host.repository.blob('x') }),
  'a tree that is cut': (host, random) => {
    const content = Buffer.from(`40000 user\0${'\xff'.repeat(random.below(20))}`, 'latin1');
    pointToTree(host, host.repository.treeOf(content));
  },
  'a tree of noise': (host, random) =>
    pointToTree(host, host.repository.treeOf(Buffer.from(random.hex(2 * (1 + random.below(3000))), 'hex'))),
  'no folder "user"': (host, random) =>
    host.put(
      oneOf<Node[]>(random, [
        [],
        [{ name: 'user', content: 'x' }],
        [{ name: 'USER', nodes: [{ name: 'x.index', content: '' }] }],
        [{ name: 'user', nodes: [] }],
        [{ mode: '120000', name: 'user', content: '/etc' }],
      ]),
    ),
  'many modules': (host, random) => {
    const content = line('evil/x');
    const files = Array.from(
      { length: 500 + random.below(2500) },
      (_, at) => [`evil/many${at}`, content] as const,
    );
    host.put(nodesOf(new Map([...host.ownFiles, ...files])));
  },
  'files that git obeys': (host) =>
    add(
      host,
      [],
      { name: '.gitattributes', content: '* filter=evil text=auto eol=crlf working-tree-encoding=UTF-16\n' },
      {
        name: '.gitmodules',
        content: '[submodule "x"]\n\tpath = user\n\turl = ext::sh -c touch% /tmp/owned\n',
      },
    ),
};

export const trees: Channel = (random, { known, fresh }): Attack => {
  const what = oneOf(random, Object.keys(deeds));
  return {
    name: `trees: ${what}`,
    apply: (host) => deeds[what]?.(host, random, [...known, ...fresh]),
  };
};
