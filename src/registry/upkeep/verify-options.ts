import type { VerifyStepName } from './verify-report.ts';

export interface VerifyOptions {
  /** Fetch damaged and missing archives again against their pins, and clear away what killed processes left. */
  readonly repair?: boolean | undefined;
  /** Read every byte: all of git's objects, all archives. */
  readonly deep?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: VerifyProgress) => void) | undefined;
}

export interface VerifyProgress {
  readonly step: VerifyStepName;
  readonly done: number;
  /** 0 where that is not known. */
  readonly total: number;
}
