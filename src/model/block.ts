import type { ModuleName } from './module-name.ts';
import type { Version } from './version.ts';

/** What the operator refuses to everybody, whether it is served now or not. */
export interface Block {
  readonly module: ModuleName;
  /** `undefined`: every version, future ones too. */
  readonly version?: Version | undefined;
  /** One line, which clients are told. */
  readonly reason: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  /** The user of the operating system who typed it, or a token. */
  readonly by: string;
  /** Whoever publishes it has taken it back, for good: nothing lifts that. */
  readonly isWithdrawn?: true | undefined;
}

export type BlockSubject = Pick<Block, 'module' | 'version'>;

/** `OWNER/NAME` or `OWNER/NAME@VERSION`. */
export function nameOfBlock({ module, version }: BlockSubject): string {
  return version === undefined ? module : `${module}@${version}`;
}

/** The block that refuses this version: its own before that of its module. */
export function findBlock<T extends BlockSubject>(
  blocks: readonly T[],
  module: ModuleName,
  version: Version,
): T | undefined {
  const own = blocks.filter((block) => block.module === module);
  return own.find((block) => block.version === version) ?? own.find((block) => block.version === undefined);
}
