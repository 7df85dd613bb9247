/** What a source can make us ask, and tell: no address inside, none of our credentials (rule 10). */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { SecretPart, SourceAuth, SourceConfig } from '../../src/config/config.ts';
import { defaultSourceLimits } from '../../src/config/normalise.ts';
import type { Lookup } from '../../src/model/lookup.ts';
import type { ModuleName } from '../../src/model/module-name.ts';
import type { Version } from '../../src/model/version.ts';
import { connectSources } from '../../src/sources/connect.ts';
import type { Source } from '../../src/sources/source.ts';
import type { Environment } from '../../src/support/environment.ts';
import { createGitObjectReader, findTree } from '../../src/support/git/git-objects.ts';
import type { Resolve } from '../../src/support/net/destination.ts';
import { basicAuth, bearerAuth } from '../support/auth.ts';
import { packet } from '../support/hostile-speaker.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { commitFiles, type Handler, startUpstream, type Upstream } from './git-upstream.ts';

const index = { 'user/alice/json.index': '{"version":"1.2.0"}\n' };
const token = 'Tok3n+of/Zebra_quagga42';
let directory = '';
let root = '';
let repository = '';
let upstream: Upstream;

beforeEach(async () => {
  directory = temporaryDirectory();
  root = join(directory, 'upstream');
  repository = join(root, 'index');
  mkdirSync(root);
  execFileSync('git', ['init', '-q', '--bare', join(directory, 'registry.git')]);
  upstream = await serve(root);
});

afterEach(() => {
  vi.unstubAllEnvs();
});

async function serve(folder: string): Promise<Upstream> {
  const served = await startUpstream(folder);
  onTestFinished(() => served.close());
  return served;
}

interface Options {
  readonly resolve?: Resolve;
  readonly env?: Environment;
}

function connect(
  config: Partial<SourceConfig> = {},
  { env = process.env, ...options }: Options = {},
): Source {
  const url = config.url ?? upstream.url;
  const source: SourceConfig = {
    ...{ name: 'partner', type: 'custom', url, indexUrl: `${url}/git/index`, indexType: 'git' },
    ...{ enabled: true, priority: 50, namespaces: [], include: [], exclude: [], downloadUrl: url },
    ...{ holdsNewNames: 'all', deletedUpstream: 'keep', packageUrlPattern: undefined, allowedRedirects: [] },
    ...{ maxConcurrency: 8, maxRequestsPerSecond: undefined, auth: undefined, limits: defaultSourceLimits() },
    ...config,
  };
  const objects = createGitObjectReader(join(directory, 'registry.git'));
  const connected = connectSources([source], {
    objectDirectory: join(directory, 'registry.git', 'objects'),
    treeOf: (commit) => findTree(objects, commit),
    workDirectory: join(directory, 'work'),
    env,
    http: { ...options, retry: { retries: 0 } },
  });
  onTestFinished(async () => {
    await connected.close();
    objects.close();
  });
  const guarded = connected.sources.get('partner');
  if (!guarded) throw new Error('it was not connected');
  return guarded;
}

function put(path: string, content: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
}

const openArchive = (source: Source) => source.openArchive('alice/json' as ModuleName, '1.2.0' as Version);

function detailOf(result: Lookup<unknown>): string {
  return result.kind === 'unavailable' ? result.cause.detail : result.kind;
}

/** Sends everything to the same path below `base`. */
function redirectTo(base: string): Handler {
  return (request, response) => {
    response.writeHead(302, { location: base + request.url }).end();
    return true;
  };
}

/** We ask for no coding, curl for all it knows. */
function isFromGit({ headers }: Pick<IncomingMessage, 'headers'>): boolean {
  return headers['accept-encoding'] !== undefined;
}

function resolvingTo(...addresses: string[]): Resolve {
  return (_, __, callback) =>
    callback(
      null,
      addresses.map((address) => ({ address, family: 4 })),
    );
}

/** Makes everything go straight, also to names that only a test knows. */
function withoutProxies(): void {
  vi.stubEnv('no_proxy', '*');
}

describe('a source that redirects to an address inside', () => {
  test.each([
    ['by its number', '127.0.0.1'],
    ['by name', 'localhost'],
  ])('is refused %s, with the command that would allow it, and nobody is asked there', async (_, host) => {
    withoutProxies();
    put('user/alice/json/1.2.0.zip', 'internal');
    commitFiles(repository, index);
    const inside = await serve(root);
    const target = inside.url.replace('127.0.0.1', host);
    upstream.handler = redirectTo(target);
    const source = connect();
    const command = `moonbit-registry config sources.partner.allowed_redirects "${new URL(target).host}"`;
    const results = [
      await openArchive(source),
      await source.readSnapshot(undefined),
      await source.openSymbols(undefined),
      await source.openAsset('alice/json@1.2.0/a.wasm'),
      await source.probe(),
    ];
    for (const result of results) {
      expect(result).toMatchObject({ kind: 'unavailable', cause: { reason: 'bad-answer' } });
      expect(detailOf(result)).toContain('which is not on the public internet');
      expect(detailOf(result)).toContain(command);
    }
    expect(inside.seen).toEqual([]);
  });

  test('may do so where the operator names the place, and the command keeps what is named', async () => {
    put('user/alice/json/1.2.0.zip', 'zip');
    const inside = await serve(root);
    upstream.handler = redirectTo(inside.url);
    const { host } = new URL(inside.url);
    expect((await openArchive(connect({ allowedRedirects: [host] }))).kind).toBe('found');
    const refused = await openArchive(connect({ allowedRedirects: ['10.0.0.0/8', 'files.example:81'] }));
    expect(detailOf(refused)).toContain(`allowed_redirects "10.0.0.0/8,files.example:81,${host}"`);
  });

  test('may do so within its own addresses', async () => {
    put('user/alice/json/1.2.0.zip', 'zip');
    const downloads = await serve(root);
    upstream.handler = redirectTo(downloads.url);
    const config = { indexUrl: `${downloads.url}/git/index`, downloadUrl: upstream.url };
    expect((await openArchive(connect(config))).kind).toBe('found');
  });
});

describe('git', () => {
  /** Where the index is, under a name that git cannot resolve. */
  async function redirectedIndex(): Promise<{ readonly elsewhere: Upstream; readonly commit: string }> {
    withoutProxies();
    const commit = commitFiles(repository, index);
    const elsewhere = await serve(root);
    upstream.handler = redirectTo(elsewhere.url.replace('127.0.0.1', 'index.example'));
    return { elsewhere, commit };
  }

  test('connects to the address that was judged, and to no other', async () => {
    const { elsewhere, commit } = await redirectedIndex();
    const source = connect(
      { allowedRedirects: ['127.0.0.0/30'] },
      { resolve: resolvingTo('127.0.0.9', '127.0.0.1') },
    );
    expect(await source.readSnapshot(undefined)).toMatchObject({ kind: 'found', value: { commit } });
    expect(elsewhere.seen.filter(isFromGit)).not.toEqual([]);
    for (const { headers } of elsewhere.seen) expect(headers.host).toMatch(/^index\.example:\d+$/);
  });

  test('asks nobody once the name has come to mean an address inside', async () => {
    const { elsewhere } = await redirectedIndex();
    const answers = ['127.0.0.1', '127.0.0.9'];
    const resolve: Resolve = (...given) => resolvingTo(answers.shift() ?? '127.0.0.9')(...given);
    const result = await connect({ allowedRedirects: ['127.0.0.0/30'] }, { resolve }).readSnapshot(undefined);
    expect(result).toMatchObject({ kind: 'unavailable', cause: { reason: 'bad-answer' } });
    expect(detailOf(result)).toMatch(/a redirect to index\.example:\d+ \(127\.0\.0\.9\)/);
    expect(elsewhere.seen).toHaveLength(1);
  });

  test('that cannot be told an address does not follow a name, unless that is trusted', async () => {
    const { elsewhere } = await redirectedIndex();
    pretendGitIs('2.36.9');
    const resolve = resolvingTo('127.0.0.1');
    const refused = await connect({ allowedRedirects: ['127.0.0.0/30'] }, { resolve }).readSnapshot(
      undefined,
    );
    expect(detailOf(refused)).toMatch(
      /a redirect to index\.example:\d+ cannot be followed safely by a git before 2\.37.*allowed_redirects "127\.0\.0\.0\/30,index\.example:\d+"/,
    );
    expect(elsewhere.seen).toHaveLength(1);
    const trusting = connect({ allowedRedirects: ['index.example'] }, { resolve });
    // Left to itself, git does not find the name.
    expect(detailOf(await trusting.readSnapshot(undefined))).toContain('Could not resolve host');
  });

  test('goes straight or through the proxy as we do, whatever it would read of the environment', async () => {
    commitFiles(repository, index);
    const proxy = await serve(root);
    proxy.handler = (request, response) => {
      response.writeHead(502).end(request.url);
      return true;
    };
    // git reads this in lower case only.
    for (const name of ['http_proxy', 'all_proxy', 'ALL_PROXY', 'no_proxy', 'NO_PROXY']) vi.stubEnv(name, '');
    vi.stubEnv('HTTP_PROXY', proxy.url);
    expect((await connect().readSnapshot(undefined)).kind).toBe('unavailable');
    expect(upstream.seen).toEqual([]);
    expect(proxy.seen).not.toEqual([]);
    vi.stubEnv('no_proxy', '127.0.0.0/8');
    proxy.seen.length = 0;
    expect((await connect().readSnapshot(undefined)).kind).toBe('found');
    expect(proxy.seen).toEqual([]);
  });

  test('takes objects from no other place that a plain file server names', async () => {
    commitFiles(repository, index);
    const inside = await serve(root);
    const objects = join(repository, 'objects');
    for (const folder of readdirSync(objects).filter((name) => name !== 'info'))
      execFileSync('mv', [join(objects, folder), join(directory, folder)]);
    put('index/objects/info/http-alternates', `${inside.url}/index/objects\n`);
    put('index/objects/info/alternates', '/index/objects\n');
    const result = await connect({ indexUrl: `${upstream.url}/index` }).readSnapshot(undefined);
    expect(result.kind).toBe('unavailable');
    expect(inside.seen).toEqual([]);
  });

  test.each(['.netrc', '_netrc'])('sends nothing of %s to a source that challenges it', async (file) => {
    commitFiles(repository, index);
    const home = join(directory, 'home');
    mkdirSync(join(home, 'git'), { recursive: true });
    writeFileSync(join(home, file), 'default login operator password hush-hush\n');
    writeFileSync(
      join(home, '.git-credentials'),
      `http://operator:hush-hush@${new URL(upstream.url).host}\n`,
    );
    writeFileSync(join(home, '.gitconfig'), '[credential]\n\thelper = store\n');
    writeFileSync(join(home, 'git', 'config'), '[credential]\n\thelper = store\n');
    for (const name of ['HOME', 'XDG_CONFIG_HOME']) vi.stubEnv(name, home);
    vi.stubEnv('NETRC', join(home, file));
    upstream.handler = (request, response) => {
      if (!isFromGit(request)) return false;
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
      return true;
    };
    expect(await connect().readSnapshot(undefined)).toMatchObject({
      kind: 'unavailable',
      cause: { reason: 'unauthorized' },
    });
    expect(upstream.seen.length).toBeGreaterThan(1);
    for (const { headers } of upstream.seen) expect(headers).not.toHaveProperty('authorization');
  });

  /** Puts a program before the real git that differs from it in what it says it is. */
  function pretendGitIs(version: string): void {
    const folder = join(directory, 'bin');
    const real = execFileSync('sh', ['-c', 'command -v git']).toString().trim();
    mkdirSync(folder);
    writeFileSync(
      join(folder, 'git'),
      `#!/bin/sh\ntest "$1" = --version && echo git version ${version} && exit\nexec ${real} "$@"\n`,
    );
    chmodSync(join(folder, 'git'), 0o755);
    vi.stubEnv('PATH', `${folder}:${process.env.PATH}`);
  }
});

describe('a source that repeats our credentials', () => {
  let elsewhere: Upstream;
  const basic = Buffer.from(`me:${token}`).toString('base64');
  const spellings = {
    plain: token,
    'in capitals': token.toUpperCase(),
    base64: Buffer.from(token).toString('base64'),
    'base64 of the pair': basic,
    base64url: Buffer.from(`me:${token}`).toString('base64url'),
    'percent-encoded': encodeURIComponent(token),
    hexadecimal: Buffer.from(token).toString('hex'),
    escaped: [...token].map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join(''),
    'split by what is not seen': [...token].join('\u200b'),
  };
  const smart = { 'content-type': 'application/x-git-upload-pack-advertisement' };
  const answer =
    (status: number, headers: Record<string, string>, body = ''): Handler =>
    (_, response) => {
      response.writeHead(status, headers).end(body);
      return true;
    };
  const echoes: Record<string, (said: string) => Handler> = {
    'in an ERR of git': (said) =>
      answer(200, smart, `${packet('# service=git-upload-pack\n')}0000${packet(`ERR ${said}`)}0000`),
    'in a content encoding': (said) =>
      answer(200, { 'content-encoding': said.replaceAll('\u200b', '\u00ad') }),
    'as the host of a redirect': (said) =>
      answer(302, { location: `http://${said.replace(/%..|[^a-z0-9.-]/gi, '')}/x` }),
    'as the path where a redirect ends': (said) => (request, response) => {
      if (request.url?.startsWith('/at/')) response.writeHead(403).end();
      else response.writeHead(302, { location: `${elsewhere.url}/at/${encodeURIComponent(said)}` }).end();
      return true;
    },
    'as the scheme of a redirect': (said) =>
      answer(302, { location: `${said.replace(/[^a-z0-9+.-]/gi, '')}:x` }),
    'in what git is told on the side': (said) => (request, response) => {
      if (request.method !== 'POST') return false;
      const progress = packet(`\u0003${said}`);
      response.writeHead(200, { 'content-type': 'application/x-git-upload-pack-result' });
      response.end(`${packet('NAK\n')}${progress}0000`);
      return true;
    },
  };

  for (const type of ['bearer', 'basic'] as const)
    for (const [place, echo] of Object.entries(echoes))
      test.each(Object.entries(spellings))(`${place} (${type}) is told without them: %s`, async (_, said) => {
        commitFiles(repository, index);
        elsewhere = await serve(root);
        upstream.handler = elsewhere.handler = echo(said);
        const auth = type === 'bearer' ? bearerAuth(token) : basicAuth('me', token);
        const source = connect({ auth, allowedRedirects: [new URL(elsewhere.url).host] });
        const results = [await source.readSnapshot(undefined), await openArchive(source)];
        expect(results[0]).toMatchObject({ kind: 'unavailable' });
        expectNothingOf(JSON.stringify(results));
      });

  /** Letters and digits of the token, and of its codings, that stand next to each other in no honest message. */
  function expectNothingOf(told: string): void {
    const seen = told.replace(/[\u00ad\u200b]/g, '').toLowerCase();
    for (const spelling of Object.values(spellings).map((text) =>
      text.replaceAll('\u200b', '').toLowerCase(),
    ))
      for (const part of spelling.split(/[^a-z0-9\\]+/).filter((text) => text.length > 6))
        expect(seen).not.toContain(part);
    expect(seen).not.toContain('tok3n');
  }

  test('in an entity tag or an address gives it away to no report', async () => {
    put('user/alice/json/1.2.0.zip', 'zip');
    upstream.handler = (request, response) => {
      if (request.url?.includes(encodeURIComponent(token))) return false;
      response.writeHead(302, { location: `/${encodeURIComponent(token)}${request.url}` }).end();
      return true;
    };
    put(`${encodeURIComponent(token)}/user/alice/json/1.2.0.zip`, 'zip');
    const result = await openArchive(connect({ auth: bearerAuth(token) }));
    if (result.kind !== 'found') throw new Error(result.kind);
    result.value.body.destroy();
    expect(result.value.url).toBe(`${upstream.url}/***/user/alice/json/1.2.0.zip`);
    upstream.handler = answer(200, { etag: `"${token}"` }, 'x');
    const symbols = await connect({ auth: bearerAuth(token) }).openSymbols(undefined);
    if (symbols.kind !== 'found' || symbols.value === 'notModified') throw new Error(symbols.kind);
    symbols.value.body.destroy();
    expect(symbols.value.etag).toBeUndefined();
  });
});

describe('what cannot be sent', () => {
  const secretOf = (...parts: SecretPart[]): SourceAuth => ({
    type: 'bearer',
    token: { setting: 'token', line: 61, parts },
  });

  test.each<[string, SourceAuth, string]>([
    [
      'that were told apart',
      bearerAuth(`\ufeff${token}`),
      'auth.token holds a byte-order mark (registry.toml:7)',
    ],
    [
      'of a variable that is not set',
      secretOf({ kind: 'variable', name: 'PARTNER_TOKEN' }),
      'the environment variable PARTNER_TOKEN is not set (registry.toml:61)',
    ],
    [
      'of a file that is not there',
      secretOf({ kind: 'file', path: '/nowhere/partner', written: 'secrets/partner' }),
      'the file secrets/partner is not there (registry.toml:61)',
    ],
    [
      'of which a part is missing',
      secretOf({ kind: 'text', text: 'key-' }, { kind: 'variable', name: 'KEY' }),
      'the environment variable KEY is not set (registry.toml:61)',
    ],
  ])('as credentials %s makes their source unavailable, and nobody is asked', async (_, auth, problem) => {
    commitFiles(repository, index);
    const source = connect({ auth });
    for (const result of [
      await source.probe(),
      await source.readSnapshot(undefined),
      await openArchive(source),
      await source.openSymbols(undefined),
      await source.openAsset('alice/json@1.2.0/x.wasm'),
    ])
      expect(result).toEqual({
        kind: 'unavailable',
        cause: { reason: 'no-credentials', detail: `its credentials cannot be sent: ${problem}` },
      });
    expect(upstream.seen).toEqual([]);
  });

  test.each([
    [401, 'are wrong'],
    [403, 'do not suffice'],
  ])(
    'as credentials that the source answers %d to, since they %s: it is said which to set, once',
    async (status) => {
      upstream.handler = (_, response) => {
        response.writeHead(status).end();
        return true;
      };
      const auth = secretOf({ kind: 'variable', name: 'PARTNER_TOKEN' });
      const source = connect({ auth }, { env: { PARTNER_TOKEN: token } });
      for (const result of [await source.readSnapshot(undefined), await openArchive(source)]) {
        expect(result).toMatchObject({ kind: 'unavailable', cause: { reason: 'unauthorized', status } });
        const [said, ...advice] = JSON.stringify(result).split('; set PARTNER_TOKEN (registry.toml:61)');
        expect(said).toContain(`HTTP ${status}, the credentials are refused`);
        expect(advice).toHaveLength(1);
      }
    },
  );

  test('as credentials that are refused to git alone: it is said which to set too', async () => {
    commitFiles(repository, index);
    upstream.handler = (request, response) => {
      if (request.method !== 'POST') return false;
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
      return true;
    };
    const auth = secretOf({ kind: 'variable', name: 'PARTNER_TOKEN' });
    const given = await connect({ auth }, { env: { PARTNER_TOKEN: token } }).readSnapshot(undefined);
    expect(given).toMatchObject({ kind: 'unavailable', cause: { reason: 'unauthorized' } });
    expect(detailOf(given)).toMatch(/; set PARTNER_TOKEN \(registry\.toml:61\)$/);
    const none = await connect().readSnapshot(undefined);
    expect(detailOf(none)).toMatch(/: moonbit-registry source login partner --bearer-env PARTNER_TOKEN$/);
  });

  test('to a place where access is refused is not advised about', async () => {
    const other = await serve(root);
    other.handler = (_, response) => {
      response.writeHead(403).end();
      return true;
    };
    upstream.handler = (request, response) => {
      response.writeHead(302, { location: other.url + request.url }).end();
      return true;
    };
    const source = connect({ auth: bearerAuth(token), allowedRedirects: ['127.0.0.1'] });
    const told = JSON.stringify(await source.readSnapshot(undefined));
    expect(told).toContain('where it redirects to and credentials are not sent"');
  });

  test('as a file that comes, and is replaced, counts from the next call on, and is told to nobody', async () => {
    commitFiles(repository, index);
    const path = join(directory, 'secret');
    const source = connect({ auth: secretOf({ kind: 'file', path, written: 'secret' }) });
    expect(await source.readSnapshot(undefined)).toMatchObject({ cause: { reason: 'no-credentials' } });
    for (const value of [token, `${token}-2`]) {
      upstream.authorization = `Bearer ${value}`;
      writeFileSync(path, `${value}\n`);
      expect((await source.readSnapshot(undefined)).kind).toBe('found');
    }
    upstream.handler = (request, response) => {
      response.writeHead(302, { location: `/${request.headers.authorization}` });
      response.end();
      return true;
    };
    const told = JSON.stringify(await source.readSnapshot(undefined));
    expect(told).toContain('unavailable');
    expect(told).not.toContain(token);
  });

  test('through a proxy makes the sources unavailable that need it', async () => {
    const env = { ALL_PROXY: 'socks5h://me:hush@proxy.example' };
    const result = await connect({}, { env }).readSnapshot(undefined);
    expect(detailOf(result)).toContain('the environment variable ALL_PROXY names a socks5h proxy');
    expect(JSON.stringify(result)).not.toContain('hush');
    expect(upstream.seen).toEqual([]);
  });

  test('in git is kept from its command line and its files', async () => {
    commitFiles(repository, index);
    upstream.authorization = `Bearer ${token}`;
    expect((await connect({ auth: bearerAuth(token) }).readSnapshot(undefined)).kind).toBe('found');
    const files = readdirSync(directory, { recursive: true, withFileTypes: true });
    for (const file of files.filter((entry) => entry.isFile()))
      expect(readFileSync(join(file.parentPath, file.name), 'latin1')).not.toContain(token);
  });
});

test('a token that was replaced while the source was asked is tried once more, and no other is', async () => {
  put('user/alice/json/1.2.0.zip', 'zip');
  const file = join(directory, 'token');
  writeFileSync(file, 'old-token');
  const part: SecretPart = { kind: 'file', path: file, written: 'token' };
  const auth: SourceAuth = { type: 'bearer', token: { setting: 'token_file', line: 7, parts: [part] } };
  const source = connect({ auth });
  upstream.handler = ({ headers }, response) => {
    if (headers.authorization === 'Bearer new-token') return false;
    writeFileSync(file, 'new-token');
    response.writeHead(401).end();
    return true;
  };
  expect((await openArchive(source)).kind).toBe('found');
  const sent = () => [...new Set(upstream.seen.map(({ headers }) => headers.authorization))];
  expect(sent()).toEqual(['Bearer old-token', 'Bearer new-token']);
  const asked = upstream.seen.length;
  upstream.handler = (_, response) => {
    response.writeHead(401).end();
    return true;
  };
  expect(detailOf(await openArchive(source))).toContain(
    'the credentials are refused; put another secret into the file token (registry.toml:7)',
  );
  // At both addresses that clients know.
  expect(upstream.seen).toHaveLength(asked + 2);
});
