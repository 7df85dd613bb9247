import { RegistryError } from '../errors.ts';
import type { Log } from '../support/log.ts';

/** Tells of a disk that refuses once when that begins and once when it ends, where people are not told already. */
export interface DiskReport {
  onSuccess(): void;
  onFailure(error: unknown): void;
}

export function createDiskReport(
  log: Log,
  messages: { readonly refuses: string; readonly worksAgain: string },
  isTold: (error: unknown) => boolean = () => false,
): DiskReport {
  let isRefusing = false;
  return {
    onSuccess() {
      if (isRefusing) log.info(messages.worksAgain);
      isRefusing = false;
    },
    onFailure(error) {
      if (isRefusing || isTold(error)) return;
      isRefusing = true;
      const hint = error instanceof RegistryError ? error.hint : undefined;
      log.warn(messages.refuses, { error, hint });
    },
  };
}
