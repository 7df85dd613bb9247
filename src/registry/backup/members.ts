import { type Checksum, isChecksum } from '../../model/checksum.ts';

/**
 * What can stand in a backup. Names in one are parsed to these and never used as paths, so that no backup, whoever made
 * it, writes anywhere but where a registry has such a thing.
 */
export type Member =
  | { readonly kind: 'manifest' }
  | { readonly kind: 'config' }
  | { readonly kind: 'index' }
  | { readonly kind: 'checksums' }
  /** The audit file, and those put aside before it: 1 is the youngest. */
  | { readonly kind: 'audit'; readonly age: number }
  | { readonly kind: 'archive' | 'asset'; readonly checksum: Checksum }
  /** Which bytes a path of an asset means; `key` is the hash of the path. */
  | { readonly kind: 'asset-pin'; readonly key: Checksum }
  | { readonly kind: 'symbols'; readonly source: string };

const fixed = new Map<string, Member>([
  ['manifest.json', { kind: 'manifest' }],
  ['registry.toml', { kind: 'config' }],
  ['index.bundle', { kind: 'index' }],
  ['checksums.txt', { kind: 'checksums' }],
  ['data/audit.jsonl', { kind: 'audit', age: 0 }],
]);

/** The name it has in a backup, which is where it lies in a registry, but for the index. */
export function nameOfMember(member: Member): string {
  switch (member.kind) {
    case 'manifest':
      return 'manifest.json';
    case 'config':
      return 'registry.toml';
    case 'index':
      return 'index.bundle';
    case 'checksums':
      return 'checksums.txt';
    case 'audit':
      return `data/${auditFileOf(member.age)}`;
    case 'archive':
      return `data/packages/${sharded(member.checksum)}.zip`;
    case 'asset':
      return `data/assets/${sharded(member.checksum)}.wasm`;
    case 'asset-pin':
      return `data/assets/${sharded(member.key)}.sha256`;
    case 'symbols':
      return `data/symbols/${member.source}.zip`;
  }
}

/** `audit.jsonl`, `audit.1.jsonl` … */
export function auditFileOf(age: number): string {
  return age === 0 ? 'audit.jsonl' : `audit.${age}.jsonl`;
}

/** `undefined` for a name that nothing in a backup has. */
export function parseMember(name: string): Member | undefined {
  const member = fixed.get(name) ?? parseNumbered(name) ?? parseHashed(name) ?? parseSymbols(name);
  return member && nameOfMember(member) === name ? member : undefined;
}

function parseNumbered(name: string): Member | undefined {
  const age = /^data\/audit\.([1-9]\d?)\.jsonl$/.exec(name)?.[1];
  return age === undefined ? undefined : { kind: 'audit', age: Number(age) };
}

function parseHashed(name: string): Member | undefined {
  const [, folder, hash, ending] =
    /^data\/(packages|assets)\/[0-9a-f]{2}\/([0-9a-f]{64})\.(zip|wasm|sha256)$/.exec(name) ?? [];
  if (!isChecksum(hash)) return undefined;
  if (folder === 'packages') return { kind: 'archive', checksum: hash };
  return ending === 'wasm' ? { kind: 'asset', checksum: hash } : { kind: 'asset-pin', key: hash };
}

/** A source's name begins with a letter or digit and holds no slash (docs: `sources.NAME.name`). */
function parseSymbols(name: string): Member | undefined {
  const source = /^data\/symbols\/([a-z0-9][a-z0-9._-]{0,70})\.zip$/.exec(name)?.[1];
  return source === undefined ? undefined : { kind: 'symbols', source };
}

function sharded(hash: string): string {
  return `${hash.slice(0, 2)}/${hash}`;
}
