import { describe, expect, test } from 'vitest';
import { ConfigError } from '../errors.ts';
import { effectiveSettings } from './effective-settings.ts';
import { parseConfig } from './load.ts';

const github = 'https://token.actions.githubusercontent.com';
const gitlab = 'https://gitlab.com';

interface Table {
  readonly name?: string;
  readonly issuer?: string;
  readonly claims: string;
  readonly rest?: string;
}

function write({ name = 'ci', issuer = github, claims, rest = 'may = ["read"]' }: Table): string {
  return `[[access.oidc]]\nname = "${name}"\nissuer = "${issuer}"\naudience = "https://registry.example"\nclaims = { ${claims} }\n${rest}\n`;
}

const load = (text: string) => parseConfig(text, { directory: '/srv/registry' });

function problemsOf(text: string): string[] {
  try {
    load(text);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ path, message }) => `${path}: ${message}`);
    throw error;
  }
}

describe('what is let in', () => {
  test('GitHub: by ids and a ref, for events that strangers cannot start', () => {
    const claims = 'repository_id = 123, ref = ["refs/heads/main", "refs/tags/*"]';
    const rest = 'may = ["publish", "read"]\nfor = ["company/*"]\nread_for = ["*"]';
    expect(load(write({ claims, rest })).access.oidc).toEqual([
      {
        ...{ name: 'ci', provider: 'github', issuer: github, audience: 'https://registry.example' },
        isLogin: false,
        claims: {
          event_name: ['push', 'release', 'workflow_dispatch'],
          repository_id: ['123'],
          ref: ['refs/heads/main', 'refs/tags/*'],
        },
        grants: { publish: ['company/*'], read: ['*'] },
      },
    ]);
  });

  test.each([
    ['an environment', { claims: 'repository_owner_id = "1", environment = "release"' }],
    [
      'a workflow',
      { claims: 'repository_owner_id = "1", job_workflow_ref = "o/r/.github/workflows/r.yml@refs/tags/v*"' },
    ],
    [
      'a run by the clock, where that is said',
      { claims: 'repository_id = "1", ref = "refs/heads/main", event_name = "schedule"' },
    ],
    ['tags that begin somehow', { claims: 'repository_id = "1", ref = "refs/tags/v*"' }],
    ['GitLab', { issuer: gitlab, claims: 'namespace_id = "7", ref_protected = "true"' }],
    [
      'GitLab, as TOML has it',
      { issuer: gitlab, claims: 'namespace_id = 7, ref_protected = true, ref = "v*"' },
    ],
    [
      'somebody else, on this machine',
      { issuer: 'http://127.0.0.1:8080/x/', claims: 'sub = "system:serviceaccount:ci:publisher"' },
    ],
  ])('%s', (_, table: Table) => {
    expect(problemsOf(write(table))).toEqual([]);
  });

  test('is shown by config, one claim a line', () => {
    const settings = effectiveSettings(load(write({ issuer: 'https://id.example', claims: 'sub = "job"' })));
    expect([...settings].filter(([key]) => key.startsWith('access.oidc'))).toEqual([
      ['access.oidc.ci.issuer', 'https://id.example'],
      ['access.oidc.ci.audience', 'https://registry.example'],
      ['access.oidc.ci.claims.sub', ['job']],
      ['access.oidc.ci.may', ['read']],
      ['access.oidc.ci.for', ['*']],
    ]);
  });
});

describe('what is a problem', () => {
  const ids = 'repository_id = "1"';
  const main = 'ref = "refs/heads/main"';
  test.each<readonly [string, Table, string]>([
    ['any repository', { claims: main }, '"repository_id" or "repository_owner_id" is missing'],
    ['a repository by name alone', { claims: `repository = "o/r", ${main}` }, '"repository_id" or'],
    ['any branch', { claims: ids }, 'one of "ref", "environment" and "job_workflow_ref" is missing'],
    ['any branch, as a pattern', { claims: `${ids}, ref = "refs/heads/*"` }, 'is any branch'],
    ['any ref', { claims: `${ids}, ref = "*"` }, 'is any branch'],
    ['a pull request', { claims: `${ids}, ref = "refs/pull/1/merge"` }, 'strangers make pull requests'],
    ['a branch by its short name', { claims: `${ids}, ref = "main"` }, '"refs/heads/main"'],
    ['an id with a pattern', { claims: `repository_id = "1*", ${main}` }, '"*" stands for nothing here'],
    ['an id that is a name', { claims: `repository_id = "o/r", ${main}` }, 'expected the number'],
    ['a pattern in the middle', { claims: `${ids}, ref = "refs/*/v1"` }, 'at the end alone'],
    [
      'any workflow of a folder',
      { claims: `${ids}, job_workflow_ref = "o/r/.github/workflows/*"` },
      'behind "@refs/"',
    ],
    ...['pull_request', 'pull_request_target', 'workflow_run', 'issue_comment', 'Push', ''].map(
      (event) =>
        [
          `event "${event}"`,
          { claims: `${ids}, ${main}, event_name = ["push", "${event}"]` },
          event === '' ? 'expected a text, got nothing' : 'strangers can start',
        ] as const,
    ),
    [
      "GitHub on a server of one's own",
      { issuer: 'https://ghe.example/_services/token', claims: main },
      '"repository_id" or',
    ],
    [
      'GitLab without a namespace',
      { issuer: gitlab, claims: 'ref_protected = "true"' },
      '"namespace_id" is missing',
    ],
    ['GitLab on any ref', { issuer: gitlab, claims: 'namespace_id = "7"' }, '"ref_protected" is missing'],
    [
      'GitLab on refs of anybody',
      { issuer: gitlab, claims: 'namespace_id = "7", ref_protected = "false"' },
      'expected "true"',
    ],
    [
      "a GitLab of one's own",
      { issuer: 'https://code.example', claims: 'project_path = "a/b", ref_protected = true' },
      '"namespace_id" is missing',
    ],
    ['everybody', { issuer: 'https://id.example', claims: '' }, 'at least one claim is needed'],
    [
      'a claim that another setting says',
      { issuer: 'https://id.example', claims: 'aud = "x"' },
      'leave it out',
    ],
    [
      'a claim that is a table',
      { issuer: 'https://id.example', claims: 'sub = { x = 1 }' },
      'expected a text, a number',
    ],
    ['an empty list', { issuer: 'https://id.example', claims: 'sub = []' }, 'expected at least one text'],
    ['plain http', { issuer: 'http://id.example', claims: 'sub = "x"' }, 'expected https'],
    [
      'an address with a user',
      { issuer: 'https://a:b@id.example', claims: 'sub = "x"' },
      'expected an address',
    ],
    ['no names to publish', { claims: `${ids}, ${main}`, rest: 'may = ["publish"]' }, '"for" is missing'],
    [
      'an administrator',
      { claims: `${ids}, ${main}`, rest: 'may = ["admin"]\nfor = ["*"]' },
      'expected a list of some of',
    ],
    ['nothing', { claims: `${ids}, ${main}`, rest: 'may = []' }, 'expected a list of some of'],
    [
      'names to read without reading',
      { claims: `${ids}, ${main}`, rest: 'may = ["yank"]\nfor = ["*"]\nread_for = ["*"]' },
      'has "read"',
    ],
  ])('%s', (_, table, message) => {
    const problems = problemsOf(write(table));
    expect(problems).toEqual([expect.stringContaining(message)]);
    expect(problems[0]).toMatch(/^access\.oidc\[0\]/);
  });

  test('all are told at once, with their places', () => {
    const text = write({ claims: 'ref = "main"' }) + write({ claims: 'repository_id = "x"' });
    expect(problemsOf(text)).toHaveLength(5);
    expect(() => load(text)).toThrow(/registry\.toml:2:8[^\n]*\n|registry\.toml/);
  });
});

describe('people who log in', () => {
  test('are asked for what their issuer says of people, and of no runs', () => {
    for (const issuer of [github, gitlab, 'https://login.company.com/realms/staff']) {
      const [entry] = load(
        write({ issuer, claims: 'groups_direct = "company/staff"', rest: 'may = ["read"]\nlogin = true' }),
      ).access.oidc;
      expect(entry).toMatchObject({
        ...{ provider: 'other', isLogin: true },
        claims: { groups_direct: ['company/staff'] },
      });
      expect(entry?.claims).not.toHaveProperty('event_name');
    }
  });

  test('read, and are not all whom the issuer knows', () => {
    const rest = 'may = ["read", "publish"]\nfor = ["company/*"]\nlogin = true';
    expect(problemsOf(write({ issuer: gitlab, claims: 'sub = "1"', rest }))).toEqual([
      'access.oidc[0].may: is ["read"] where people log in: what publishes is a machine, or a token with an end of its own',
    ]);
    expect(problemsOf(write({ issuer: gitlab, claims: '', rest: 'may = ["read"]\nlogin = true' }))).toEqual([
      expect.stringContaining('at least one claim is needed'),
    ]);
  });
});
