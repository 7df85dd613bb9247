import { type Answer, json } from '../../http/answer.ts';
import {
  buildCatalogue,
  type Catalogue,
  type CatalogueEntry,
  summarise,
} from '../../registry/deliver/catalogue.ts';
import {
  createRankings,
  createSearch,
  type Ranking,
  type Search,
} from '../../registry/deliver/search-catalogue.ts';
import type { IndexServing } from '../../registry/registry.ts';
import { createSingleFlight } from '../../support/flow/single-flight.ts';
import { describeModule } from './api-answers.ts';

/** Of a ranking, however many are asked for. */
export const longestList = 200;

/** What is made of a catalogue once, however many ask: all others wait while it is made. */
export interface CatalogueViews {
  readonly catalogue: Catalogue;
  readonly search: Search;
  readonly ranked: (ranking: Ranking) => readonly CatalogueEntry[];
  readonly listing: () => Answer;
}

function createViews(catalogue: Catalogue): CatalogueViews {
  let listing: Answer | undefined;
  return {
    catalogue,
    search: createSearch(catalogue),
    ranked: createRankings(catalogue, longestList),
    listing() {
      listing ??= json(catalogue.entries.map(describeModule));
      return listing;
    },
  };
}

/** Reads the index once per served commit, however many ask; of several indexes, one after the other where `inTurn` has it so. */
export function createCatalogueReader(
  registry: IndexServing,
  inTurn: <T>(work: () => Promise<T>) => Promise<T> = (work) => work(),
): () => Promise<CatalogueViews> {
  const flights = createSingleFlight<string, CatalogueViews>();
  let known: { readonly commit: string; readonly views: CatalogueViews } | undefined;
  return async () => {
    const commit = await registry.servedCommit();
    if (known?.commit === commit) return known.views;
    return flights.run(commit, () =>
      inTurn(async () => {
        const views = createViews(buildCatalogue(await readEntries(registry)));
        known = { commit, views };
        return views;
      }),
    );
  };
}

async function readEntries(registry: IndexServing): Promise<CatalogueEntry[]> {
  const entries = [];
  for await (const { module, file } of registry.readIndex()) {
    const entry = summarise(module, file);
    if (entry) entries.push(entry);
  }
  return entries;
}
