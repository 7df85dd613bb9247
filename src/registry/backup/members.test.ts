import { expect, test } from 'vitest';
import type { Checksum } from '../../model/checksum.ts';
import { type Member, nameOfMember, parseMember } from './members.ts';

const hash = 'ab'.repeat(32) as Checksum;
const members: readonly Member[] = [
  { kind: 'manifest' },
  { kind: 'config' },
  { kind: 'index' },
  { kind: 'checksums' },
  { kind: 'audit', age: 0 },
  { kind: 'audit', age: 10 },
  { kind: 'archive', checksum: hash },
  { kind: 'asset', checksum: hash },
  { kind: 'asset-pin', key: hash },
  { kind: 'symbols', source: 'partner.former' },
];

test.each(members)('$kind has a name of its own that a tar file has room for', (member) => {
  expect(parseMember(nameOfMember(member))).toEqual(member);
  expect(nameOfMember(member).length).toBeLessThanOrEqual(100);
});

test.each([
  '/etc/passwd',
  '../registry.toml',
  './registry.toml',
  'data/../registry.toml',
  'data/symbols/../x.zip',
  'data/symbols/.zip',
  'data/symbols/a/b.zip',
  'data/symbols/x.zip.etag',
  `data/packages/cd/${hash}.zip`,
  `data/packages/ab/${hash}.wasm`,
  `data/packages/ab/${hash.toUpperCase()}.zip`,
  `data/packages/ab/../${hash}.zip`,
  `data/assets/ab/${hash}.zip`,
  'data/index/config',
  'data/index/hooks/post-update',
  'data/locks/registry',
  'data/audit.0.jsonl',
  'data/audit.01.jsonl',
  'REGISTRY.TOML',
  '',
])('%j is the name of nothing in a backup', (name) => {
  expect(parseMember(name)).toBeUndefined();
});
