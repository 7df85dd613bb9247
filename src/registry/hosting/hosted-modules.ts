import type { Config } from '../../config/config.ts';
import type { GitIndex } from '../../index/git-index.ts';
import { parseIndexFile } from '../../index/index-file.ts';
import { indexPathOf } from '../../index/layout.ts';
import type { StateView } from '../../index/state-view.ts';
import type { Checksum } from '../../model/checksum.ts';
import { hosted } from '../../model/hosted.ts';
import { isModuleName, type ModuleName } from '../../model/module-name.ts';
import type { Version } from '../../model/version.ts';
import type { LocatedFacts } from '../decide/decide-origin.ts';
import { claimantOf, policyOf } from '../decide/policy.ts';
import { findFactsByPath } from '../sync/find-facts.ts';
import { readOwnFile, readPins } from '../sync/source-file.ts';

/** What one state says of a module that somebody wants to publish. */
export interface HostedModule {
  /** Who claims the name: a source, or `hosted`. */
  readonly claimant: string | undefined;
  /** The claims of that, as they are written. */
  readonly claims: readonly string[];
  /** The source it is served from, if it is from one. */
  readonly servedFrom: string | undefined;
  /** All that were ever served. */
  readonly versions: ReadonlyMap<Version, Checksum>;
}

/** Looks modules up in one state. */
export interface HostedModules {
  find(module: ModuleName): Promise<HostedModule>;
  /** The lines that were published, byte for byte; empty where there are none. */
  readLines(module: ModuleName): Promise<Buffer>;
  /** The versions of any module that clients find listed. */
  listed(module: string): Promise<readonly Version[]>;
}

export function lookUpHosted(index: GitIndex, state: StateView, config: Config): HostedModules {
  const policy = policyOf(config, state.snapshots, state);
  const facts = findFactsByPath(index, state, state.snapshots);
  return {
    async find(module) {
      const located = await facts.find(module);
      const claimant = claimantOf(policy, module);
      const pins = await readPins(index, located);
      return {
        claimant: claimant?.name,
        claims: claimant?.claims ?? [],
        servedFrom: servedElsewhere(located),
        versions: new Map(pins.map(({ version, checksum }) => [version, checksum])),
      };
    },
    async readLines(module) {
      const id = (await facts.find(module)).listings.get(hosted);
      return id === undefined ? Buffer.alloc(0) : readOwnFile(index, id);
    },
    async listed(module) {
      if (!isModuleName(module)) return [];
      const file = await index.read(`${state.served}:${indexPathOf(module)}`);
      return file === undefined ? [] : parseIndexFile(file).lines.map(({ entry }) => entry.version);
    },
  };
}

/** A name that was recorded, and of which nothing was ever served, is anybody's. */
function servedElsewhere({ recorded, isPinned }: LocatedFacts): string | undefined {
  return isPinned && recorded !== hosted ? recorded : undefined;
}
