/** The steps of a verification, in their order. */
export type VerifyStepName = 'repository' | 'state' | 'ledger' | 'index' | 'archives' | 'temporary-files';

export interface VerifyReport {
  readonly deep: boolean;
  readonly repair: boolean;
  /** No problem was found, or every one was repaired. */
  readonly isSound: boolean;
  readonly steps: readonly VerifyStep[];
}

export interface VerifyStep {
  readonly step: VerifyStepName;
  /** `skipped`: an earlier step found damage without which there is nothing to look at. */
  readonly outcome: 'sound' | 'problems' | 'skipped';
  /** Objects, modules, lines, archives or files looked at, as the step goes. */
  readonly checked: number;
  readonly findings: readonly VerifyFinding[];
}

export interface VerifyFinding {
  /** `note`: good to know, harms nobody. */
  readonly severity: 'problem' | 'note';
  /** A file, a ref, a module, a version or a checksum. */
  readonly subject: string;
  /** One sentence without the subject: "is not what its name says". */
  readonly detail: string;
  readonly isRepaired: boolean;
}
