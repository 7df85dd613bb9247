/** Commits and refs: what the branch names, and what else there is. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Random } from '../../worlds/random.ts';
import { type Attack, type Channel, oneOf } from '../attack.ts';
import type { HostileHost } from '../host.ts';
import { nodesOf, writeNodes } from '../index-nodes.ts';

const oddDates = [
  '99999999999999999 +0000',
  '18446744073709551616 +0000',
  '-1 +0000',
  '-99999999999 +9999',
  '0',
  '1700000000 +99999999',
  'tomorrow',
  '',
];

type Deed = (host: HostileHost, random: Random) => void;

function rawCommit(host: HostileHost, text: string | Buffer): void {
  host.pointTo(host.repository.object('commit', Buffer.from(text)));
}

function ownTree(host: HostileHost): string {
  return writeNodes(host.repository, nodesOf(host.ownFiles));
}

const who = 't <t@example.com> 1700000000 +0000';

function write(host: HostileHost, path: string, text: string): void {
  mkdirSync(join(host.repository.gitDir, path, '..'), { recursive: true });
  writeFileSync(join(host.repository.gitDir, path), text);
}

const deeds: Readonly<Record<string, Deed>> = {
  'an odd date': (host, random) =>
    void host.put(nodesOf(host.ownFiles), { committer: oneOf(random, oddDates) }),
  'no author': (host) => rawCommit(host, `tree ${ownTree(host)}\n\nx\n`),
  'parents that are not there': (host, random) =>
    rawCommit(
      host,
      `tree ${ownTree(host)}\n${`parent ${random.hex(40)}\n`.repeat(1 + random.below(50))}author ${who}\ncommitter ${who}\n\nx\n`,
    ),
  'a tree that is not there': (host, random) =>
    rawCommit(host, `tree ${random.hex(40)}\nauthor ${who}\ncommitter ${who}\n\nx\n`),
  'a message without end': (host) =>
    rawCommit(
      host,
      `tree ${ownTree(host)}\nauthor ${who}\ncommitter ${who}\n\n${'zebra-quagga '.repeat(200_000)}`,
    ),
  noise: (host, random) => rawCommit(host, Buffer.from(random.hex(2 * (1 + random.below(2000))), 'hex')),
  'a branch that names no commit': (host, random) =>
    host.pointTo(
      oneOf(random, [
        () => ownTree(host),
        () => host.repository.blob('x'),
        () => host.repository.object('tag', Buffer.from(`object ${ownTree(host)}\ntype tree\ntag x\n\nx\n`)),
        () => random.hex(40),
        () => '0'.repeat(40),
        () => 'zebra-quagga',
        () => `ref: refs/heads/main`,
      ])(),
    ),
  'an older history': (host) => {
    const files = new Map([...host.ownFiles].slice(0, 1));
    host.put(nodesOf(files));
  },
  'where it began': (host) => host.pointTo(host.firstCommit),
  'a history of its own each time': (host, random) =>
    void host.put(nodesOf(host.ownFiles), { committer: `${1_600_000_000 + random.below(1e8)} +0000` }),
  'thousands of refs': (host, random) => {
    const id = host.put(nodesOf(host.ownFiles));
    const refs = Array.from({ length: 2000 + random.below(30_000) }, (_, at) => `${id} refs/heads/b${at}\n`);
    write(host, 'packed-refs', `# pack-refs with: peeled fully-peeled sorted \n${refs.sort().join('')}`);
    write(host, 'info/refs', refs.join('').replaceAll(' ', '\t'));
  },
  'odd refs': (host, random) => {
    const id = host.put(nodesOf(host.ownFiles));
    const name = oneOf(random, [
      'refs/heads/\u001b[2J',
      'refs/heads/..',
      'refs/heads/-x',
      'refs/heads/é',
      '../x',
      'HEAD',
    ]);
    write(host, 'packed-refs', `${id} ${name}\n${id} refs/heads/main\n`);
    write(host, 'info/refs', `${id}\t${name}\n${id}\trefs/heads/main\n`);
  },
  'HEAD that leads nowhere': (host, random) =>
    write(
      host,
      'HEAD',
      oneOf(random, [
        'ref: refs/heads/absent\n',
        'ref: refs/heads/../../x\n',
        'ref: HEAD\n',
        'zebra-quagga\n',
        '',
        `${random.hex(40)}\n`,
        `ref: refs/heads/${'x'.repeat(5000)}\n`,
      ]),
    ),
  'refs in a circle': (host) => {
    write(host, 'refs/heads/a', 'ref: refs/heads/b\n');
    write(host, 'refs/heads/b', 'ref: refs/heads/a\n');
    write(host, 'HEAD', 'ref: refs/heads/a\n');
  },
  'no branch': (host) => {
    rmSync(join(host.repository.gitDir, 'refs', 'heads', 'main'), { force: true });
    write(host, 'info/refs', '');
  },
};

export const history: Channel = (random): Attack => {
  const what = oneOf(random, Object.keys(deeds));
  return { name: `history: ${what}`, apply: (host) => deeds[what]?.(host, random) };
};
