import type { Catalogue, CatalogueEntry } from './catalogue.ts';

/** A search looks at every module for every word, while everybody else waits: further words are left out. */
const maxWords = 10;
/** The same goes for what it looks through of one module. */
const searchedCharacters = 2000;

/** Modules in which every word of a text occurs, best first: by name, then keywords, then description. */
export type Search = (text: string, limit: number) => CatalogueEntry[];

/** Made once for a catalogue, and only when somebody searches. */
export function createSearch(catalogue: Catalogue): Search {
  let texts: readonly SearchText[] | undefined;
  return (text, limit) => {
    const words = wordsOf(text);
    if (words.length === 0) return [];
    texts ??= orderOf(catalogue).map(toSearchText);
    return bestOf(texts, words, limit);
  };
}

/** In which matches of the same score stand. */
function orderOf({ entries, dependents }: Catalogue): readonly CatalogueEntry[] {
  const usesOf = (entry: CatalogueEntry) => dependents.get(entry.module) ?? 0;
  return entries.toSorted((a, b) => usesOf(b) - usesOf(a) || compareText(a.module, b.module));
}

/** Without sorting, as nearly all modules may match. */
function bestOf(texts: readonly SearchText[], words: readonly string[], limit: number): CatalogueEntry[] {
  const byScore = new Map<number, CatalogueEntry[]>();
  for (const text of texts) {
    const score = scoreOf(text, words);
    if (score === 0) continue;
    const found = byScore.get(score);
    if (!found) byScore.set(score, [text.entry]);
    else if (found.length < limit) found.push(text.entry);
  }
  const scores = [...byScore.keys()].sort((a, b) => b - a);
  return scores.flatMap((score) => byScore.get(score) ?? []).slice(0, limit);
}

function wordsOf(text: string): string[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return [...new Set(words)].slice(0, maxWords);
}

/** What a search looks at, in small letters. */
interface SearchText {
  readonly entry: CatalogueEntry;
  readonly name: string;
  readonly parts: readonly string[];
  readonly keywords: readonly string[];
  readonly description: string;
}

function toSearchText(entry: CatalogueEntry): SearchText {
  const name = entry.module.toLowerCase();
  return {
    entry,
    name,
    parts: name.split('/'),
    keywords: entry.keywords
      .slice(0, searchedCharacters / 10)
      .map((keyword) => keyword.slice(0, searchedCharacters / 10).toLowerCase()),
    description: entry.description.slice(0, searchedCharacters).toLowerCase(),
  };
}

/** 0 when a word is missing. */
function scoreOf(searched: SearchText, words: readonly string[]): number {
  let total = 0;
  for (const word of words) {
    const score = wordScore(word, searched);
    if (score === 0) return 0;
    total += score;
  }
  return total;
}

function wordScore(word: string, { name, parts, keywords, description }: SearchText): number {
  if (name.includes(word)) {
    if (name === word) return 100;
    if (parts.includes(word)) return 50;
    return parts.some((part) => part.startsWith(word)) ? 20 : 10;
  }
  if (keywords.includes(word)) return 8;
  if (keywords.some((keyword) => keyword.includes(word))) return 4;
  return description.includes(word) ? 1 : 0;
}

export type Ranking = 'recent' | 'new' | 'popular';

/** The first `limit` modules, each order made once. */
export function createRankings(
  { entries, dependents }: Catalogue,
  limit: number,
): (ranking: Ranking) => readonly CatalogueEntry[] {
  const known = new Map<Ranking, readonly CatalogueEntry[]>();
  const usesOf = (entry: CatalogueEntry) => dependents.get(entry.module) ?? 0;
  const order: Record<Ranking, (a: CatalogueEntry, b: CatalogueEntry) => number> = {
    recent: (a, b) => compareText(b.createdAt, a.createdAt),
    new: (a, b) => compareText(b.firstCreatedAt, a.firstCreatedAt),
    popular: (a, b) => usesOf(b) - usesOf(a),
  };
  return (ranking) => {
    const before = known.get(ranking);
    if (before) return before;
    const byRanking = order[ranking];
    const ranked = [...entries]
      .sort((a, b) => byRanking(a, b) || compareText(a.module, b.module))
      .slice(0, limit);
    known.set(ranking, ranked);
    return ranked;
  };
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
