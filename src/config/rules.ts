/** What must hold between the values of `registry.toml`, each rule a function from the file to its problems. */

import { foldName } from '../model/fold-name.ts';
import { covers, overlaps } from '../model/pattern.ts';
import { impliedPreset, sourceKinds } from '../sources/kinds.ts';
import { shellLine } from '../support/shell.ts';
import { suggest } from '../support/suggest.ts';
import { packageUrlPatternProblem } from './addresses.ts';
import type { Draft } from './draft.ts';
import { parseDuration } from './duration.ts';
import type { Problem } from './problem.ts';
import { oidcProblems } from './rules-oidc.ts';
import type { ConfigFile, SourceEntry } from './schema.ts';
import { settingsOfAuthType } from './schema-access.ts';
import { literalPart, referenceFormProblem } from './secret-text.ts';
import { parseSize } from './size.ts';

interface PlacedSource {
  readonly index: number;
  readonly source: Draft<SourceEntry>;
}

export function findRuleProblems(draft: Draft<ConfigFile>): Problem[] {
  const sources: PlacedSource[] = (draft.sources ?? []).flatMap((source, index) =>
    source === undefined ? [] : [{ index, source }],
  );
  return [
    ...duplicateNames(sources),
    ...missingAddresses(sources),
    ...foreignArchives(sources),
    ...doubleClaims(sources),
    ...deadPatterns(sources),
    ...hostedElsewhere(sources, draft.hosting?.namespaces ?? []),
    ...approvedNowhere(draft.hosting?.namespaces ?? [], draft.hosting?.require_approval ?? []),
    ...wrongDefault(draft, sources),
    ...uselessLimits(draft.limits ?? {}),
    ...sources.flatMap(authProblems),
    ...sources.flatMap(tlsProblems),
    ...oidcProblems(draft.access?.oidc ?? []),
    ...viewNamesakes(draft.views ?? []),
  ];
}

/** Limits that can never be reached, that Node refuses, or under which nothing works. */
function uselessLimits(limits: Draft<ConfigFile['limits']>): Problem[] {
  const pairs = [
    ['headers_timeout', 'request_timeout', parseDuration],
    ['first_byte_timeout', 'stalled_timeout', parseDuration],
    ['git_timeout', 'stalled_timeout', parseDuration],
    ['request_body', 'request_bodies', parseSize],
    ['git_answer', 'git_cache', parseSize],
  ] as const;
  const answer = parseSize(limits.git_answer ?? '');
  const tooSmall: Problem[] =
    answer !== undefined && answer < 65_536
      ? [{ path: ['limits', 'git_answer'], message: 'expected at least "64KiB": lists of refs are kept too' }]
      : [];
  const unreachable = pairs.flatMap(([part, whole, parse]) => {
    const [least, most] = [limits[part], limits[whole]];
    if (least === undefined || most === undefined || (parse(least) ?? 0) <= (parse(most) ?? 0)) return [];
    const message = `"${least}" is more than limits.${whole}, which is "${most}": lower it, or raise limits.${whole}`;
    return [{ path: ['limits', part], message }];
  });
  return [...tooSmall, ...unreachable];
}

function duplicateNames(sources: readonly PlacedSource[]): Problem[] {
  return sources.flatMap(({ index, source: { name } }) => {
    const first = sources.find((other) => other.source.name === name);
    if (name === undefined || first === undefined || first.index === index) return [];
    return [{ path: ['sources', index, 'name'], message: `another source is called "${name}" already` }];
  });
}

function missingAddresses(sources: readonly PlacedSource[]): Problem[] {
  return sources.flatMap(({ index, source }) => {
    if (source.type === undefined || sourceKinds[source.type].impliesAddresses(source.url)) return [];
    const path = ['sources', index];
    return (['url', 'index_url'] as const)
      .filter((key) => !(key in source))
      .map((key) => ({ path, message: `"${key}" is missing` }));
  });
}

function viewNamesakes(views: readonly ({ readonly name?: string | undefined } | undefined)[]): Problem[] {
  return views.flatMap((view, index) => {
    const first = views.findIndex((other) => other?.name === view?.name);
    if (view?.name === undefined || first === index) return [];
    return [{ path: ['views', index, 'name'], message: `another view is called "${view.name}" already` }];
  });
}

function foreignArchives(sources: readonly PlacedSource[]): Problem[] {
  return sources.flatMap(({ index, source }) => {
    if (source.package_url_pattern === undefined) return [];
    const own = [source.url ?? impliedPreset.url, source.download_url].filter((url) => url !== undefined);
    const message = packageUrlPatternProblem(source.package_url_pattern, own);
    return message === undefined ? [] : [{ path: ['sources', index, 'package_url_pattern'], message }];
  });
}

function doubleClaims(sources: readonly PlacedSource[]): Problem[] {
  return eachPattern(sources, 'namespaces').flatMap(({ index, position, pattern }) => {
    const other = eachPattern(sources, 'namespaces').find(
      (claim) => claim.index < index && overlaps(foldName(claim.pattern), foldName(pattern)),
    );
    if (other === undefined) return [];
    const message = `"${pattern}" is claimed twice: ${other.label} claims "${other.pattern}"`;
    return [{ path: ['sources', index, 'namespaces', position], message }];
  });
}

/** Names that are published here mean what is published: no source may claim them too. */
function hostedElsewhere(
  sources: readonly PlacedSource[],
  hosted: readonly (string | undefined)[],
): Problem[] {
  return hosted.flatMap((pattern, position) => {
    if (pattern === undefined) return [];
    const claim = eachPattern(sources, 'namespaces').find((other) =>
      overlaps(foldName(other.pattern), foldName(pattern)),
    );
    if (claim === undefined) return [];
    const message = `"${pattern}" is claimed twice: ${claim.label} claims "${claim.pattern}"; take it out here, and ${shellLine`moonbit-registry hosting adopt ${claim.pattern}`} takes over what the source supplies, and the claim`;
    return [{ path: ['hosting', 'namespaces', position], message }];
  });
}

/** A mistyped pattern would let through what it was to hold back. */
function approvedNowhere(
  hosted: readonly (string | undefined)[],
  approved: readonly (string | undefined)[],
): Problem[] {
  const namespaces = hosted.filter((pattern) => pattern !== undefined);
  if (namespaces.length === 0) return [];
  return approved.flatMap((pattern, position) => {
    if (pattern === undefined || namespaces.some((one) => overlaps(foldName(one), foldName(pattern))))
      return [];
    const message = `"${pattern}" names nothing that may be published here: hosting.namespaces is ${namespaces.join(', ')}`;
    return [{ path: ['hosting', 'require_approval', position], message }];
  });
}

/** Patterns that can never match, because the names they stand for are somebody else's or excluded. */
function deadPatterns(sources: readonly PlacedSource[]): Problem[] {
  return (['namespaces', 'include'] as const).flatMap((key) =>
    eachPattern(sources, key).flatMap(({ index, position, pattern, source }) => {
      const exclude = source.exclude?.find(
        (other) => other !== undefined && covers(foldName(other), foldName(pattern)),
      );
      const claim = eachPattern(sources, 'namespaces').find(
        (other) =>
          key === 'include' && other.index !== index && covers(foldName(other.pattern), foldName(pattern)),
      );
      const path = ['sources', index, key, position];
      if (exclude !== undefined)
        return [{ path, message: `"${pattern}" can never match: the source's own "${exclude}" excludes it` }];
      if (claim !== undefined)
        return [{ path, message: `"${pattern}" can never match: ${claim.label} claims "${claim.pattern}"` }];
      return [];
    }),
  );
}

function eachPattern(sources: readonly PlacedSource[], key: 'namespaces' | 'include') {
  return sources.flatMap(({ index, source }) =>
    (source[key] ?? []).flatMap((pattern, position) =>
      pattern === undefined ? [] : [{ index, position, pattern, source, label: labelOf({ index, source }) }],
    ),
  );
}

function wrongDefault(draft: Draft<ConfigFile>, sources: readonly PlacedSource[]): Problem[] {
  const names = sources.flatMap(({ source }) => source.name ?? []);
  const known = (draft.sources ?? []).length === 0 ? [impliedPreset.name] : names;
  const settings = defaultSettings(draft, sources);
  const [first] = settings;
  return settings.flatMap(({ path, name }) => {
    if (first !== undefined && name !== first.name)
      return [{ path, message: `"${name}" contradicts the other default_source, "${first.name}"` }];
    if (known.includes(name)) return [];
    const near = suggest(name, known);
    const advice = near === undefined ? `expected one of ${known.join(', ')}` : `did you mean "${near}"?`;
    return [{ path, message: `there is no source called "${name}"; ${advice}` }];
  });
}

/** Every place that names the default, the right one first. */
function defaultSettings(draft: Draft<ConfigFile>, sources: readonly PlacedSource[]) {
  const top = { path: ['default_source'], name: draft.default_source };
  const misplaced = sources.map(({ index, source }) => ({
    path: ['sources', index, 'default_source'],
    name: source.default_source,
  }));
  return [top, ...misplaced].flatMap(({ path, name }) => (name === undefined ? [] : [{ path, name }]));
}

const authSettings = [...settingsOfAuthType.bearer, ...settingsOfAuthType.basic].flat();

function authProblems({ index, source }: PlacedSource): Problem[] {
  const { auth } = source;
  if (auth?.type === undefined) return [];
  const path = ['sources', index, 'auth'];
  const groups: readonly (readonly string[])[] = settingsOfAuthType[auth.type];
  const missing = groups
    .filter((group) => !group.some((key) => key in auth))
    .map(([key = '']) => ({ path, message: `"${key}" is missing` }));
  const given = authSettings.filter((key) => key in auth);
  return [
    ...missing,
    ...given.flatMap((key): Problem[] => {
      const group = groups.find((keys) => keys.includes(key));
      if (group === undefined)
        return [
          { path: [...path, key], message: `has no meaning with type "${auth.type}"`, isAboutKey: true },
        ];
      const [first] = given.filter((other) => group.includes(other));
      if (first !== undefined && first !== key)
        return [
          { path: [...path, key], message: `contradicts "${first}": write one of them`, isAboutKey: true },
        ];
      const value = auth[key];
      const message = typeof value === 'string' ? secretProblem(key, value) : undefined;
      return message === undefined ? [] : [{ path: [...path, key], message }];
    }),
  ];
}

function tlsProblems({ index, source: { tls } }: PlacedSource): Problem[] {
  if (tls === undefined) return [];
  const path = ['sources', index, 'tls'];
  const [has, lacks] = 'certificate' in tls ? ['certificate', 'key'] : ['key', 'certificate'];
  if (!(has in tls) || lacks in tls) return [];
  return [
    { path, message: `"${lacks}" is missing: "${has}" means nothing without it (one file may hold both)` },
  ];
}

function secretProblem(key: (typeof authSettings)[number], value: string): string | undefined {
  if (key.endsWith('_file')) return undefined;
  if (value === '') return 'expected text, got nothing';
  if (!value.includes('${') && key !== 'username')
    return `a secret does not belong in this file: write "\${NAME}" and set NAME in the environment, or "\${file:PATH}" and put it into that file`;
  const malformed = referenceFormProblem(value);
  if (malformed !== undefined) return malformed;
  // RFC 7617 §2: the first colon ends the user name.
  return key === 'username' && literalPart(value).includes(':')
    ? 'expected no ":" in a user name'
    : undefined;
}

function labelOf({ index, source }: PlacedSource): string {
  return source.name === undefined ? `source number ${index + 1}` : `source "${source.name}"`;
}
