import type { ViewRecord } from '../../index/registry-state.ts';
import type { Finding } from '../../model/finding.ts';
import type { ModuleName } from '../../model/module-name.ts';
import type { ModuleChange } from '../decide/planned-change.ts';
import type { HeldBack } from './held-back.ts';
import type { SourceRefresh } from './source-refresh.ts';

export interface SyncReport {
  /** When it was planned, ISO 8601, UTC: what it found first has this time as `foundAt`. */
  readonly at: string;
  readonly dryRun: boolean;
  readonly sources: readonly SourceRefresh[];
  readonly changes: readonly ModuleChange[];
  /** Every finding that stands after this sync, old and new. */
  readonly findings: readonly Finding[];
  /** Names that begin to wait: for these sources to be read, or, where there are none, for the next sync to decide. */
  readonly newlyHeld: readonly { readonly module: ModuleName; readonly waitsFor: readonly string[] }[];
  /** All names that wait after this sync, old and new. */
  readonly heldBack: readonly HeldBack[];
  /** Parts of the index that are served by themselves, as they stand after this sync; a dry run plans none. */
  readonly views: readonly ReportedView[];
  readonly modules: number;
  /** The served commit. */
  readonly commit: string;
  readonly reRooted: boolean;
}

export type ReportedView = Pick<ViewRecord, 'name' | 'modules' | 'withheld'>;
