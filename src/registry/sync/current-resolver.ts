import type { ArchiveStore } from '../../archives/archive-store.ts';
import type { Config } from '../../config/config.ts';
import type { GitIndex } from '../../index/git-index.ts';
import { type ModuleName, ownerOf } from '../../model/module-name.ts';
import { createFairTurns } from '../../support/flow/fair-queue.ts';
import { type Resolver, resolveState } from './resolve-module.ts';

/** The resolver of the state and the settings of now. */
export interface CurrentResolver {
  get(): Promise<Resolver>;
  /** For downloads: however many modules of one owner are asked for, those of another are looked up in their turn. */
  getInTurns(): Promise<Resolver>;
  /** The recorded origin. */
  originOf(module: ModuleName): Promise<string | undefined>;
}

/** As many as keep git busy. */
const locatedAtOnce = 16;

export function createCurrentResolver(
  {
    index,
    archives,
    now,
  }: { readonly index: GitIndex; readonly archives: ArchiveStore; readonly now: () => Date },
  settings: () => Config,
): CurrentResolver {
  let known: { readonly state: string; readonly config: Config; readonly resolver: Resolver } | undefined;
  const locating = createFairTurns(locatedAtOnce);

  async function get(): Promise<Resolver> {
    const state = await index.state();
    const config = settings();
    if (known?.state === state.commit && known.config === config) return known.resolver;
    const resolver = resolveState({ index, archives, config, now }, state);
    known = { state: state.commit, config, resolver };
    return resolver;
  }

  return {
    get,
    async getInTurns() {
      const whole = await get();
      return { ...whole, locate: (module) => locating.run(ownerOf(module), () => whole.locate(module)) };
    },
    originOf: async (module) => (await (await get()).locate(module)).facts.recorded,
  };
}
