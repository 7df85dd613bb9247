import { isModuleName, type ModuleName } from '../model/module-name.ts';
import { isVersion } from '../model/version.ts';
import type { Registry } from '../registry/registry.ts';
import { createSingleFlight } from '../support/single-flight.ts';
import { type Answer, type AppRequest, type Handler, json, problem, type Route } from './answer.ts';
import {
  describeExplanation,
  describeManifest,
  describeMatch,
  describeModule,
  describeStatistics,
  describeUser,
} from './api-answers.ts';
import {
  buildCatalogue,
  type Catalogue,
  type Ranking,
  rankCatalogue,
  searchCatalogue,
  summarise,
} from './catalogue.ts';
import { decodePath, parseQuery } from './target.ts';

const defaultLimit = 20;
const largestLimit = 200;
const deepestPath = 12;

/** `/api/v0`: answered from the served index alone, never by asking a source. */
export function createApiRoutes(registry: Registry): Route[] {
  const readCatalogue = createCatalogueReader(registry);
  const get = (pattern: RegExp, handle: Handler): Route => ({
    methods: ['GET', 'HEAD'],
    pattern,
    handle,
    showsStaleness: true,
  });
  return [
    get(/^\/api\/v0\/search$/, async ({ query }) => search(await readCatalogue(), parseQuery(query))),
    get(/^\/api\/v0\/modules\/?$/, async ({ query }) =>
      listModules(await readCatalogue(), parseQuery(query)),
    ),
    get(/^\/api\/v0\/modules\/statistics$/, async () => json(describeStatistics(await readCatalogue()))),
    get(/^\/api\/v0\/(manifest|modules)\/./, (request) => answerManifest(registry, request)),
    get(/^\/api\/v0\/explain\/./, (request) => answerExplanation(registry, request)),
    get(/^\/api\/v0\/user\/[^/]+$/, async ({ path }) => answerUser(await readCatalogue(), path)),
  ];
}

/** Reads the index once per served commit, however many ask. */
function createCatalogueReader(registry: Registry): () => Promise<Catalogue> {
  const flights = createSingleFlight<string, Catalogue>();
  let known: { readonly commit: string; readonly catalogue: Catalogue } | undefined;
  return async () => {
    const commit = await registry.servedCommit();
    if (known?.commit === commit) return known.catalogue;
    return flights.run(commit, async () => {
      const entries = [];
      for await (const { module, file } of registry.readIndex()) {
        const entry = summarise(module, file);
        if (entry) entries.push(entry);
      }
      const catalogue = buildCatalogue(entries);
      known = { commit, catalogue };
      return catalogue;
    });
  };
}

function search(catalogue: Catalogue, query: URLSearchParams): Answer {
  const matches = searchCatalogue(catalogue, query.get('kw') ?? '', limitOf(query.get('limit')));
  return json(matches.map(describeMatch));
}

function listModules(catalogue: Catalogue, query: URLSearchParams): Answer {
  const rankings: Ranking[] = ['recent', 'new', 'popular'];
  if (!rankings.some((ranking) => query.has(ranking))) return json(catalogue.entries.map(describeModule));
  const lists = rankings.map((ranking) => {
    const limit = query.has(ranking) ? limitOf(query.get(ranking)) : 0;
    return [ranking, rankCatalogue(catalogue, ranking, limit).map(describeModule)];
  });
  return json(Object.fromEntries(lists));
}

function limitOf(text: string | null): number {
  if (text === null || !/^[0-9]{1,9}$/.test(text)) return defaultLimit;
  return Math.min(Number(text), largestLimit);
}

function answerUser(catalogue: Catalogue, path: string): Answer {
  const username = decodePath(path.slice(path.lastIndexOf('/') + 1));
  if (username === undefined) return undecodable();
  const user = describeUser(catalogue, username);
  return user ? json(user) : problem(404, `No module of ${JSON.stringify(username)} is served here.`);
}

async function answerManifest(registry: Registry, request: AppRequest): Promise<Answer> {
  const named = parseNamedPath(request.path);
  if (!named) return undecodable();
  const found = await findModule(registry, named.path);
  if (!found) return packageNotFound(named.path);
  const manifest = describeManifest(found.module, named.path, found.file, named.version);
  return manifest ? json(manifest) : problem(404, `${found.module} has no version ${named.version}.`);
}

/** In the official words (moon-protocol §14), which clients know; ours stand beside them. */
function packageNotFound(path: string): Answer {
  const isName = isModuleName(path);
  return problem(404, 'Package not found', {
    hint: isName
      ? `/api/v0/explain/${path.split('/').map(encodeURIComponent).join('/')} says why`
      : undefined,
    members: { explanation: `No module of that name is served here: ${JSON.stringify(path)}.` },
  });
}

/** The longest leading part of `path` that is a module: the rest is a package in it. */
async function findModule(registry: Registry, path: string) {
  const parts = path.split('/');
  if (parts.length > deepestPath) return undefined;
  for (let length = parts.length; length >= 2; length--) {
    const module = parts.slice(0, length).join('/');
    const file = isModuleName(module) ? await registry.readIndexFile(module) : undefined;
    if (file) return { module: module as ModuleName, file };
  }
  return undefined;
}

async function answerExplanation(registry: Registry, request: AppRequest): Promise<Answer> {
  const named = parseNamedPath(request.path);
  if (!named) return undecodable();
  const { path, version } = named;
  if (!isModuleName(path) || (version !== undefined && !isVersion(version)))
    return problem(400, 'The path names no module.', {
      hint: 'ask for /api/v0/explain/OWNER/NAME[@VERSION]',
    });
  return json(describeExplanation(await registry.explain(path, version)));
}

/** `/api/v0/<verb>/OWNER/NAME[/PACKAGE][@VERSION][/PACKAGE]`, the name encoded or not; `@latest` counts as none. */
function parseNamedPath(raw: string): { path: string; version: string | undefined } | undefined {
  const decoded = decodePath(raw.split('/').slice(4).join('/'));
  if (decoded === undefined) return undefined;
  const match = /^([^@]*)(?:@([^/]*)(\/.*)?)?$/su.exec(decoded.replace(/\/+$/, ''));
  if (!match) return { path: decoded, version: undefined };
  const [, path = '', version, inner = ''] = match;
  return { path: `${path}${inner}`, version: version === 'latest' ? undefined : version };
}

function undecodable(): Answer {
  return problem(400, 'The path is not percent-encoded UTF-8.');
}
