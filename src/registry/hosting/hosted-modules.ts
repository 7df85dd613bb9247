import type { Config } from '../../config/config.ts';
import type { GitIndex } from '../../index/git-index.ts';
import { parseIndexFile } from '../../index/index-file.ts';
import { indexPathOf, readIndexPath } from '../../index/layout.ts';
import type { StateView } from '../../index/state-view.ts';
import type { Block } from '../../model/block.ts';
import type { Checksum } from '../../model/checksum.ts';
import { foldName } from '../../model/fold-name.ts';
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
  readonly blocks: readonly Block[];
  /** Of a new name, one that is listed and that some disks take for the same. */
  readonly lookAlike: string | undefined;
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
  let listedNames: Promise<ReadonlyMap<string, string>> | undefined;
  const names = () => {
    listedNames ??= readNames(index, state);
    return listedNames;
  };
  return {
    async find(module) {
      const located = await facts.find(module);
      const claimant = claimantOf(policy, module);
      const pins = await readPins(index, located);
      return {
        claimant: claimant?.name,
        claims: claimant?.claims ?? [],
        servedFrom: servedElsewhere(located),
        blocks: state.blocks,
        lookAlike: pins.length > 0 ? undefined : (await names()).get(foldName(module)),
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

/** The names that are listed, by what some disks make of them. */
async function readNames(index: GitIndex, state: StateView): Promise<ReadonlyMap<string, string>> {
  const names = new Map<string, string>();
  for (const path of (await index.list(state.served)).keys()) {
    const target = readIndexPath(path);
    if (target.kind === 'module') names.set(foldName(target.module), target.module);
  }
  return names;
}

/** A name that was recorded, and of which nothing was ever served, is anybody's. */
function servedElsewhere({ recorded, isPinned }: LocatedFacts): string | undefined {
  return isPinned && recorded !== hosted ? recorded : undefined;
}
