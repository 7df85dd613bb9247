import { type Checksum, isChecksum } from './checksum.ts';
import { isModuleName, type ModuleName } from './module-name.ts';
import { reasonProblem } from './reason.ts';
import { isVersion, type Version } from './version.ts';

/** A version that whoever publishes it has taken back, as another registry tells of it. */
export interface Withdrawal {
  readonly module: ModuleName;
  readonly version: Version;
  /** What is given out no more. */
  readonly checksum: Checksum;
  /** One line; empty where it said none that can be told. */
  readonly reason: string;
}

/** `undefined` for what says nothing of the kind. */
export function readWithdrawal(value: unknown): Withdrawal | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { module, version, checksum, reason } = value as Readonly<Record<string, unknown>>;
  if (typeof module !== 'string' || !isModuleName(module)) return undefined;
  if (!isVersion(version) || !isChecksum(checksum)) return undefined;
  const isTold = typeof reason === 'string' && reasonProblem(reason) === undefined;
  return { module, version, checksum, reason: isTold ? reason : '' };
}
