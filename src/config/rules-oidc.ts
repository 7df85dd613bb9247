/** What an `[[access.oidc]]` entry must ask for, so that it lets in the machines that are meant and no stranger's. */
import type { Draft } from './draft.ts';
import { type OidcProvider, providerOf } from './oidc-provider.ts';
import type { Problem } from './problem.ts';
import type { OidcTable } from './schema.ts';

type OidcDraft = Draft<OidcTable>;

interface PlacedEntry {
  readonly index: number;
  readonly entry: OidcDraft;
}

/** What starts a run of GitHub's that may be let in. Whatever a stranger can start, or steer, is none of them. */
export const githubEvents = ['push', 'release', 'workflow_dispatch'] as const;
/** May be named besides: it runs what stands on the default branch. */
const furtherEvents = ['schedule'];

/** What `issuer` and `audience` say, or what changes from token to token. */
const claimsOfOurs = ['iss', 'aud', 'exp', 'nbf', 'iat', 'jti'];
/** Where `*` at the end stands for anything: names of branches and tags, which are made all the time. */
const claimsOfRefs = ['ref', 'ref_path', 'job_workflow_ref', 'workflow_ref', 'ci_config_ref_uri'];

export function oidcProblems(entries: readonly (OidcDraft | undefined)[]): Problem[] {
  const placed: PlacedEntry[] = entries.flatMap((entry, index) =>
    entry === undefined ? [] : [{ index, entry }],
  );
  return placed.flatMap((one) => [
    ...namesakes(one, placed),
    ...grantProblems(one),
    ...claimProblems(one),
    ...missingClaims(one),
  ]);
}

function namesakes({ index, entry: { name } }: PlacedEntry, all: readonly PlacedEntry[]): Problem[] {
  const first = all.find(({ entry }) => entry.name === name);
  if (name === undefined || first === undefined || first.index === index) return [];
  return [{ path: ['access', 'oidc', index, 'name'], message: `another entry is called "${name}" already` }];
}

function grantProblems({ index, entry }: PlacedEntry): Problem[] {
  const may = entry.may?.filter((act) => act !== undefined) ?? [];
  if (may.length === 0) return [];
  const path = ['access', 'oidc', index];
  const acts = may.filter((act) => act !== 'read');
  const missing = acts.length > 0 && !('for' in entry);
  const useless = 'read_for' in entry && !may.includes('read');
  const isTooMuch = entry.login === true && acts.length > 0;
  return [
    ...(isTooMuch
      ? [
          {
            path: [...path, 'may'],
            message:
              'is ["read"] where people log in: what publishes is a machine, or a token with an end of its own',
          },
        ]
      : []),
    ...(missing
      ? [{ path, message: `"for" is missing: it says which modules it may ${acts.join(', ')}` }]
      : []),
    ...(useless ? [{ path: [...path, 'read_for'], message: 'is for entries whose "may" has "read"' }] : []),
  ];
}

/** The values of a claim as texts; what is wrong inside is left out. */
export function claimValues(value: unknown): readonly string[] {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return values.flatMap((one) =>
    typeof one === 'string' || typeof one === 'number' || typeof one === 'boolean' ? [String(one)] : [],
  );
}

/** What a provider says of runs says nothing of people. */
function ruledAs({ login = false, issuer = '', claims = {} }: OidcDraft): OidcProvider {
  return login ? 'other' : providerOf(issuer, Object.keys(claims));
}

function claimProblems({ index, entry }: PlacedEntry): Problem[] {
  const claims = Object.entries(entry.claims ?? {});
  const provider = ruledAs(entry);
  return claims.flatMap(([key, value]) => {
    const path = ['access', 'oidc', index, 'claims', key];
    if (claimsOfOurs.includes(key))
      return [
        {
          path,
          message: 'says what "issuer" and "audience" say, or no two tokens say: leave it out',
          isAboutKey: true,
        },
      ];
    const message = claimValues(value)
      .map((one) => valueProblem(provider, key, one))
      .find((problem) => problem !== undefined);
    return message === undefined ? [] : [{ path, message }];
  });
}

function valueProblem(provider: OidcProvider, key: string, value: string): string | undefined {
  return (
    wildcardProblem(key, value) ??
    (provider === 'github' ? githubProblem(key, value) : undefined) ??
    (provider === 'gitlab' ? gitlabProblem(key, value) : undefined)
  );
}

function wildcardProblem(key: string, value: string): string | undefined {
  if (!value.includes('*')) return undefined;
  if (!claimsOfRefs.includes(key))
    return `"${value}": claims are compared letter by letter, and "*" stands for nothing here`;
  if (value.indexOf('*') !== value.length - 1) return `"${value}": "*" may stand at the end alone`;
  if (/^(?:refs\/(?:heads\/|tags\/)?)?\*$/.test(value) && !/^refs\/tags\//.test(value))
    return `"${value}" is any branch, whoever made it: name it, or tags such as "refs/tags/*"`;
  // The workflow itself is named whole, or another one in its folder would do.
  if (key.includes('workflow') && !/@refs\//.test(value))
    return `"${value}": "*" may stand behind "@refs/" alone, such as "@refs/tags/*"`;
  return undefined;
}

function githubProblem(key: string, value: string): string | undefined {
  if (/_ids?$/.test(key) && !/^[0-9]+$/.test(value))
    return `"${value}": expected the number that GitHub gives it`;
  if (key === 'ref' && !value.startsWith('refs/'))
    return `"${value}": expected a whole ref, such as "refs/heads/${value}" or "refs/tags/${value}"`;
  if (key === 'ref' && value.startsWith('refs/pull/')) return `"${value}": strangers make pull requests`;
  if (key !== 'event_name' || [...githubEvents, ...furtherEvents].includes(value)) return undefined;
  const expected = [...githubEvents, ...furtherEvents].map((event) => `"${event}"`).join(', ');
  return `"${value}": strangers can start or steer such runs; expected some of ${expected}`;
}

function gitlabProblem(key: string, value: string): string | undefined {
  if (/_id$/.test(key) && !/^[0-9]+$/.test(value))
    return `"${value}": expected the number that GitLab gives it`;
  return key === 'ref_protected' && value !== 'true'
    ? `"${value}": expected "true", since anybody who may push makes refs that are not protected`
    : undefined;
}

function missingClaims({ index, entry }: PlacedEntry): Problem[] {
  const { issuer, claims } = entry;
  if (issuer === undefined || claims === undefined) return [];
  const keys = Object.keys(claims);
  const path = ['access', 'oidc', index, 'claims'];
  const lacks = (...some: readonly string[]) => !some.some((key) => keys.includes(key));
  const problems: (string | false)[] = {
    github: [
      lacks('repository_id', 'repository_owner_id') &&
        '"repository_id" or "repository_owner_id" is missing: any repository of GitHub has tokens of this issuer, and names of repositories can change hands',
      lacks('ref', 'environment', 'job_workflow_ref') &&
        'one of "ref", "environment" and "job_workflow_ref" is missing: without it a run for any branch would do',
    ],
    gitlab: [
      lacks('namespace_id') &&
        '"namespace_id" is missing: any project there has tokens of this issuer, and names can change hands',
      lacks('ref_protected') &&
        '"ref_protected" is missing: without ref_protected = "true" a run for any branch would do',
    ],
    other: [
      keys.length === 0 &&
        'at least one claim is needed, such as sub: without it everybody would do whom the issuer knows',
    ],
  }[ruledAs(entry)];
  return problems.flatMap((message) => (message === false ? [] : [{ path, message }]));
}
