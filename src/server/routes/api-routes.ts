import { type Answer, type AppRequest, type Handler, json, problem } from '../../http/answer.ts';
import { decodePath, parseQuery } from '../../http/target.ts';
import { isModuleName, type ModuleName } from '../../model/module-name.ts';
import { isVersion } from '../../model/version.ts';
import type { Catalogue } from '../../registry/deliver/catalogue.ts';
import type { Ranking } from '../../registry/deliver/search-catalogue.ts';
import type { IndexServing, Resolution } from '../../registry/registry.ts';
import { createSingleFlight, type SingleFlight } from '../../support/flow/single-flight.ts';
import { type GuardedRoute, type Need, readsAll } from '../access.ts';
import { undecodable } from '../problems.ts';
import {
  describeExplanation,
  describeManifest,
  describeMatch,
  describeModule,
  describeStatistics,
  describeUser,
} from './api-answers.ts';
import { type CatalogueViews, createCatalogueReader, longestList } from './catalogue-views.ts';

const defaultLimit = 20;
const deepestPath = 12;

/** `/api/v0`: answered from the served index alone, never by asking a source. */
export function createApiRoutes(
  registry: IndexServing & Resolution,
  readViews = createCatalogueReader(registry),
): GuardedRoute[] {
  const explaining = createSingleFlight<string, Answer>();
  const get = (
    pattern: RegExp,
    handle: Handler,
    need: GuardedRoute['need'] = () => readsAll,
  ): GuardedRoute => ({
    methods: ['GET', 'HEAD'],
    ...{ pattern, handle, need },
    showsStaleness: true,
  });
  return [
    get(/^\/api\/v0\/search$/, async ({ query }) => search(await readViews(), parseQuery(query))),
    get(/^\/api\/v0\/modules\/?$/, async ({ query }) => listModules(await readViews(), parseQuery(query))),
    get(/^\/api\/v0\/modules\/statistics$/, async () =>
      json(describeStatistics((await readViews()).catalogue)),
    ),
    get(/^\/api\/v0\/(manifest|modules)\/./, (request) => answerManifest(registry, request), needsNamed),
    get(/^\/api\/v0\/explain\/./, (request) => answerExplanation(registry, explaining, request), needsNamed),
    get(/^\/api\/v0\/user\/[^/]+$/, async ({ path }) => answerUser((await readViews()).catalogue, path)),
  ];
}

function search(views: CatalogueViews, query: URLSearchParams): Answer {
  const matches = views.search(query.get('kw') ?? '', limitOf(query.get('limit')));
  return json(matches.map(describeMatch));
}

function listModules(views: CatalogueViews, query: URLSearchParams): Answer {
  const rankings: Ranking[] = ['recent', 'new', 'popular'];
  if (!rankings.some((ranking) => query.has(ranking))) return views.listing();
  const lists = rankings.map((ranking) => {
    const limit = query.has(ranking) ? limitOf(query.get(ranking)) : 0;
    return [ranking, views.ranked(ranking).slice(0, limit).map(describeModule)];
  });
  return json(Object.fromEntries(lists));
}

function limitOf(text: string | null): number {
  if (text === null || !/^[0-9]{1,9}$/.test(text)) return defaultLimit;
  return Math.min(Number(text), longestList);
}

function answerUser(catalogue: Catalogue, path: string): Answer {
  const username = decodePath(path.slice(path.lastIndexOf('/') + 1));
  if (username === undefined) return undecodable();
  const user = describeUser(catalogue, username);
  return user ? json(user) : problem('absent', `No module of ${JSON.stringify(username)} is served here.`);
}

async function answerManifest(registry: IndexServing & Resolution, request: AppRequest): Promise<Answer> {
  const named = parseNamedPath(request.path);
  if (!named) return undecodable();
  const found = await findModule(registry, named.path);
  if (!found) return packageNotFound(named.path);
  const manifest = describeManifest(found.module, named.path, found.file, named.version);
  return manifest ? json(manifest) : problem('absent', `${found.module} has no version ${named.version}.`);
}

/** In the official words (moon-protocol §14), which clients know; ours stand beside them. */
function packageNotFound(path: string): Answer {
  const isName = isModuleName(path);
  return problem('absent', 'Package not found', {
    hint: isName
      ? `/api/v0/explain/${path.split('/').map(encodeURIComponent).join('/')} says why`
      : undefined,
    members: { explanation: `No module of that name is served here: ${JSON.stringify(path)}.` },
  });
}

/** The longest leading part of `path` that is a module: the rest is a package in it. */
async function findModule(registry: IndexServing & Resolution, path: string) {
  for (const module of modulesNamedBy(path)) {
    const file = await registry.readIndexFile(module);
    if (file) return { module, file };
  }
  return undefined;
}

/** Which modules a path may name, the longest first. */
function modulesNamedBy(path: string): ModuleName[] {
  const parts = path.split('/');
  if (parts.length > deepestPath) return [];
  const lengths = parts.map((_, at) => parts.length - at).filter((length) => length >= 2);
  return lengths.map((length) => parts.slice(0, length).join('/')).filter(isModuleName);
}

/** Whoever may not read one of them shall not learn that it is there. */
function needsNamed(path: string): Need {
  const named = parseNamedPath(path);
  return { kind: 'read', modules: named ? modulesNamedBy(named.path) : [] };
}

async function answerExplanation(
  registry: IndexServing & Resolution,
  explaining: SingleFlight<string, Answer>,
  request: AppRequest,
): Promise<Answer> {
  const named = parseNamedPath(request.path);
  if (!named) return undecodable();
  const { path, version } = named;
  if (!isModuleName(path) || (version !== undefined && !isVersion(version)))
    return problem('malformed', 'The path names no module.', {
      hint: 'ask for /api/v0/explain/OWNER/NAME[@VERSION]',
    });
  return explaining.run(`${path}@${version}`, async () =>
    json(describeExplanation(await registry.explain(path, version))),
  );
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
