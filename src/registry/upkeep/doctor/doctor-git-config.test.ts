import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { temporaryDirectory } from '../../../../test/support/temporary-directory.ts';
import { parseConfig } from '../../../config/load.ts';
import { checkGitConfig } from './doctor-git-config.ts';

let home = '';

beforeEach(() => {
  home = temporaryDirectory();
});

const sourceWith = (more = '', indexUrl = 'https://partner.example.com/git/index') =>
  parseConfig(
    `[[sources]]\nname = "partner"\nurl = "https://partner.example.com"\nindex_url = "${indexUrl}"\n${more}`,
    { directory: '/r' },
  ).sources;

async function warnings(
  gitconfig: string,
  sources = sourceWith(),
  { env = {}, refused = [] as string[] }: { env?: Record<string, string>; refused?: string[] } = {},
) {
  writeFileSync(join(home, '.gitconfig'), gitconfig);
  const checks = await checkGitConfig(
    sources,
    { HOME: home, GIT_CONFIG_NOSYSTEM: '1', ...env },
    new Set(refused),
  );
  return checks.map(({ detail, hint }) => [detail.replace(/, and this registry does not: .*$/, ''), hint]);
}

const insteadOf = (base: string, prefix: string) => `[url "${base}"]\n\tinsteadOf = ${prefix}\n`;

test('an address that git would exchange is told, without the token in it', async () => {
  const text = insteadOf('https://me:hush@mirror.corp.test/', 'https://partner.example.com/');
  const checks = await checkGitConfig(sourceWith(), { HOME: home, GIT_CONFIG_NOSYSTEM: '1' }, new Set());
  expect(checks).toEqual([]);
  expect(await warnings(text)).toEqual([
    [
      'your git reads https://mirror.corp.test/git/index instead of https://partner.example.com/git/index (url.*.insteadOf)',
      'if that is meant: moonbit-registry config sources.partner.index_url https://mirror.corp.test/git/index',
    ],
  ]);
  expect(await warnings(insteadOf('git@partner.example.com:', 'https://partner.example.com/'))).toEqual([
    [
      expect.stringContaining('your git reads git@partner.example.com:git/index instead of'),
      expect.any(String),
    ],
  ]);
  expect(await warnings(insteadOf('https://mirror.corp.test/', 'https://other.example/'))).toEqual([]);
});

test.each([
  ['[http]\nproxy = http://me:hush@p:1', 'http.proxy', /^set HTTPS_PROXY in the environment/],
  ['[http "https://partner.example.com"]\nextraHeader = "Authorization: hush"', 'http.extraheader', /login/],
  ['[http]\nsslCAInfo = /etc/x.pem', 'http.sslcainfo', /config sources\.partner\.tls\.ca FILE$/],
  ['[http]\nsslVerify = false', 'http.sslverify', /tls\.ca FILE$/],
  ['[http]\nsslCert = /etc/x.pem', 'http.sslcert', /tls\.certificate FILE sources\.partner\.tls\.key FILE$/],
  ['[http]\nuserAgent = git/2', 'http.useragent', /config sources\.partner\.user_agent TEXT$/],
])('%j is told by the name of the setting, with ours', async (text, key, hint) => {
  const told = await warnings(text);
  expect(told).toEqual([[`your git heeds ${key} for this address`, expect.stringMatching(hint)]]);
  expect(JSON.stringify(told)).not.toContain('hush');
});

test.each([
  ['[http]\nproxy = http://p:1', sourceWith(), { env: { HTTPS_PROXY: 'http://q:1' } }],
  ['[http]\nproxy = http://p:1', sourceWith(), { env: { ALL_PROXY: 'http://q:1', NO_PROXY: '*' } }],
  ['[http "https://other.example"]\nproxy = http://p:1', sourceWith(), {}],
  ['[http]\nproxy =', sourceWith(), {}],
  ['[http]\nsslVerify = true', sourceWith(), {}],
  ['[http]\nsslCAInfo = /x', sourceWith('tls = { ca = "x" }'), {}],
  ['[http]\nuserAgent = git/2', sourceWith('user_agent = "git/2"'), {}],
  ['[http]\nextraHeader = x', sourceWith('auth = { type = "bearer", token_file = "x" }'), {}],
  ['[credential]\nhelper = store', sourceWith(), {}],
  ['[http]\nproxy = http://p:1', sourceWith('enabled = false'), {}],
  ['[core]\nsshCommand = ssh -i x', sourceWith(), {}],
  ['[user]\nname = x', sourceWith(), {}],
  ['[broken', sourceWith(), {}],
])('%j does not matter here', async (text, sources, conditions) => {
  expect(await warnings(text, sources, conditions)).toEqual([]);
});

test('a credential helper matters where we are turned away, and an ssh command for ssh', async () => {
  const told = await warnings('[credential]\nhelper = store', sourceWith(), { refused: ['partner'] });
  expect(told).toEqual([
    ['your git heeds credential.helper for this address', expect.stringContaining('source login partner')],
  ]);
  const ssh = sourceWith('', 'git@partner.example.com:index');
  expect(await warnings('[core]\nsshCommand = ssh -i x', ssh)).toEqual([
    ['your git heeds core.sshcommand for this address', expect.stringContaining('set GIT_SSH_COMMAND')],
  ]);
});

test('the other place of such a file is read too', async () => {
  mkdirSync(join(home, 'xdg', 'git'), { recursive: true });
  writeFileSync(join(home, 'xdg', 'git', 'config'), '[http]\nuserAgent = git/2');
  const env = { HOME: join(home, 'none'), XDG_CONFIG_HOME: join(home, 'xdg'), GIT_CONFIG_NOSYSTEM: '1' };
  expect(await checkGitConfig(sourceWith(), env, new Set())).toHaveLength(1);
});
