import type { ModuleName } from '../../model/module-name.ts';
import type { Resolver } from '../sync/resolve-module.ts';
import type { SourceClosure } from './close-selection.ts';
import type { Naming } from './decide-mirrored.ts';
import type { MirrorReport } from './mirror-report.ts';
import type { Mirrored } from './mirrored.ts';

/** What is to be mirrored, with all that is told of how it was chosen. */
export interface Selected extends Pick<MirrorReport, 'skipped' | 'unmatched' | 'unsatisfied'> {
  readonly resolver: Resolver;
  /** Undecided names that this mirroring decides. */
  readonly namings: readonly Naming[];
  readonly closures: readonly SourceClosure[];
  /** Modules of which versions were selected for others that need them, and for nothing else. */
  readonly beside: readonly ModuleName[];
  /** What was selected before and is here, and therefore no part of `closures`. */
  readonly mirrored: Mirrored | undefined;
  /** Whether `mirrored` has counted a module already. */
  readonly isCounted: (module: ModuleName) => boolean;
}
