import { type ProcessLockOptions, withProcessLock } from '../support/disk/process-lock.ts';
import type { DataLayout } from './data-layout.ts';

/** Runs `work` while nobody else changes the registry, in this process or another; see `withProcessLock`. Not reentrant. */
export function withRegistryLock<T>(
  { registryLock }: Pick<DataLayout, 'registryLock'>,
  work: (signal: AbortSignal) => Promise<T>,
  options?: ProcessLockOptions,
): Promise<T> {
  return withProcessLock(registryLock, work, options);
}
